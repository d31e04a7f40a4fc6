//! Words that are enums: one macro, so that each has its list, its name in commands and files, and one error.

use alloc::string::String;
use core::fmt;

/// The text is none of the words that could stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {what}: write {}", OneOf(.known))]
pub struct UnknownName {
    /// What was asked for, such as `role`.
    pub what: &'static str,
    /// What was written.
    pub text: String,
    /// What can be written.
    pub known: &'static [&'static str],
}

struct OneOf<'a>(&'a [&'static str]);

impl fmt::Display for OneOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.0.iter().enumerate() {
            let before = match i {
                0 => "",
                _ if i + 1 == self.0.len() => " or ",
                _ => ", ",
            };
            write!(f, "{before}{name}")?;
        }
        Ok(())
    }
}

/// Gives an enum that already has `ALL`, `NAMES` and `as_str` its text forms.
macro_rules! text_forms {
    ($name:ident, $what:literal) => {
        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::names::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|one| one.as_str() == text)
                    .ok_or_else(|| $crate::names::UnknownName {
                        what: $what,
                        text: text.into(),
                        known: Self::NAMES,
                    })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <alloc::string::String as serde::Deserialize>::deserialize(deserializer)?
                    .parse()
                    .map_err(serde::de::Error::custom)
            }
        }
    };
}

/// An enum whose variants each have one name in commands, files and messages.
macro_rules! named {
    (
        $(#[$meta:meta])*
        pub enum $name:ident, $what:literal {
            $($(#[$variant_meta:meta])* $variant:ident = $text:literal,)+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The names of all of them, in the same order.
            pub const NAMES: &'static [&'static str] = &[$($text),+];

            /// The name in commands, files and messages.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        $crate::names::text_forms!($name, $what);
    };
}

pub(crate) use {named, text_forms};

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::machine::{Role, SyncState};
    use alloc::string::ToString;

    #[test]
    fn names_go_there_and_back_and_the_error_lists_them() {
        for state in SyncState::ALL {
            assert_eq!(state.to_string().parse::<SyncState>().unwrap(), *state);
            let json = serde_json::to_string(state).unwrap();
            assert_eq!(serde_json::from_str::<SyncState>(&json).unwrap(), *state);
        }
        assert_eq!(
            "master".parse::<Role>().unwrap_err().to_string(),
            "`master` is no role: write client, server or server-with-client"
        );
    }
}
