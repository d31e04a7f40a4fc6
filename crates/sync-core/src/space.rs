//! Spaces: the unit of sharing, ordering, authorization and sharding.

use alloc::string::{String, ToString};
use core::{fmt, str::FromStr};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Whose data a space holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SpaceKind {
    /// One user's personalized data: personal settings and personal address lists.
    User,
    /// One user group's address list.
    Group,
    /// What the whole fleet shares, where a profile synchronizes it.
    Common,
    /// A machine's own settings and address lists 1 to 10; never leaves the machine.
    Local,
}

impl SpaceKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::User, Self::Group, Self::Common, Self::Local];

    /// The word that stands for it in a [`SpaceName`].
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Common => "common",
            Self::Local => "local",
        }
    }
}

/// The name of a space: (realm, kind, user name or group id). Never a drawn id, so that two machines that meet a
/// person for the first time, offline, mean the same space.
///
/// Written as `realm/kind/name`; the name may hold any character, the realm no `/`.
///
/// ```
/// use sync_core::space::{SpaceKind, SpaceName};
/// let space: SpaceName = "office/user/alice".parse().unwrap();
/// assert_eq!(space, SpaceName::user("office", "alice"));
/// assert_eq!(space.to_string(), "office/user/alice");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceName {
    /// The user authentication and group settings that the machines have in common; empty for local spaces.
    pub realm: String,
    /// Whose data.
    pub kind: SpaceKind,
    /// The user name or group id.
    pub name: String,
}

impl SpaceName {
    /// The space of a user.
    #[must_use]
    pub fn user(realm: &str, name: &str) -> Self {
        Self { realm: realm.into(), kind: SpaceKind::User, name: name.into() }
    }

    /// The space of a user group.
    #[must_use]
    pub fn group(realm: &str, id: &str) -> Self {
        Self { realm: realm.into(), kind: SpaceKind::Group, name: id.into() }
    }

    /// A space that never leaves its machine, such as `address-lists` or `settings`.
    #[must_use]
    pub fn local(name: &str) -> Self {
        Self { realm: String::new(), kind: SpaceKind::Local, name: name.into() }
    }

    /// Whether the space has a server at all.
    #[must_use]
    pub fn synchronizes(&self) -> bool {
        self.kind != SpaceKind::Local
    }

    /// Reads `user/alice` as well as `realm/user/alice`: the realm is `default_realm` where none is written.
    ///
    /// # Errors
    /// [`NotASpaceName`] where the text is neither.
    pub fn parse_in(default_realm: &str, text: &str) -> Result<Self, NotASpaceName> {
        match text.split_once('/') {
            Some((kind, name)) if SpaceKind::ALL.iter().any(|k| k.as_str() == kind) && !name.is_empty() => {
                let realm = if kind == SpaceKind::Local.as_str() { "" } else { default_realm };
                [realm, kind, name].join("/").parse()
            }
            _ => text.parse(),
        }
    }
}

impl fmt::Display for SpaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.realm, self.kind.as_str(), self.name)
    }
}

/// The text names no space.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no space: write user/NAME or group/ID")]
pub struct NotASpaceName(pub String);

impl FromStr for SpaceName {
    type Err = NotASpaceName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotASpaceName(text.to_string());
        let mut parts = text.splitn(3, '/');
        let (Some(realm), Some(kind), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let kind = SpaceKind::ALL.into_iter().find(|k| k.as_str() == kind).ok_or_else(wrong)?;
        if name.is_empty() || realm.is_empty() != (kind == SpaceKind::Local) {
            return Err(wrong());
        }
        Ok(Self { realm: realm.into(), kind, name: name.into() })
    }
}

impl Serialize for SpaceName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SpaceName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_with_and_without_a_realm() {
        assert_eq!(SpaceName::parse_in("office", "user/alice").unwrap(), SpaceName::user("office", "alice"));
        assert_eq!(SpaceName::parse_in("office", "lab/group/a/b").unwrap(), SpaceName::group("lab", "a/b"));
        assert_eq!(SpaceName::parse_in("office", "local/settings").unwrap(), SpaceName::local("settings"));
        for wrong in ["", "alice", "user/", "office/person/x", "/user/x", "office/local/x"] {
            assert!(SpaceName::parse_in("office", wrong).is_err(), "{wrong}");
        }
        let name = SpaceName::local("settings");
        assert_eq!(name.to_string().parse::<SpaceName>().unwrap(), name);
    }
}
