//! What an import does with what is there: the modes of address lists and of everything else, and which of them fit.

pub use crate::procedure::ListMode;

use crate::{
    address::ONE_TOUCH_LIST,
    space::{SpaceKind, SpaceName},
};
use serde::{Deserialize, Serialize};

/// What the import does with everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestMode {
    /// What the file says is set, all else stays.
    #[default]
    Merge,
    /// What is there becomes what the file says. A setting that the file lacks stays, unless the file holds all.
    Replace,
}

/// The modes of one import.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Modes {
    /// Of address lists.
    pub lists: ListMode,
    /// Of everything else.
    pub rest: RestMode,
}

/// Whoever replaces lists replaces the rest too; otherwise what is there stays.
impl From<ListMode> for Modes {
    fn from(lists: ListMode) -> Self {
        let rest = if lists == ListMode::Replace { RestMode::Replace } else { RestMode::Merge };
        Self { lists, rest }
    }
}

/// The kinds of address lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ListKind {
    /// A list of the machine that is not the one-touch list: 1 to 10, the administrator's.
    Machine,
    /// The one-touch list, whose buttons have fixed numbers.
    OneTouch,
    /// A person's.
    Personal,
    /// A user group's.
    Group,
}

/// Which modes fit which list. An entry can't be appended to the one-touch list, since its buttons have fixed numbers: it
/// is overwritten by number instead ([`ListKind::taken_by`]).
pub const FITTING: [(ListKind, &[ListMode]); 4] = [
    (ListKind::Machine, &[ListMode::Append, ListMode::Overwrite, ListMode::Replace]),
    (ListKind::OneTouch, &[ListMode::Overwrite, ListMode::Replace]),
    (ListKind::Personal, &[ListMode::Append, ListMode::Overwrite, ListMode::Replace]),
    (ListKind::Group, &[ListMode::Append, ListMode::Overwrite, ListMode::Replace]),
];

impl ListKind {
    /// The kind of the list with this number in this space.
    #[must_use]
    pub fn of(space: &SpaceName, list: Option<i64>) -> Self {
        match space.kind {
            SpaceKind::User => Self::Personal,
            SpaceKind::Group => Self::Group,
            _ if list == Some(ONE_TOUCH_LIST) => Self::OneTouch,
            _ => Self::Machine,
        }
    }

    /// The mode that it is taken by where this one is asked for: the same if it fits, otherwise the first that does.
    #[must_use]
    pub fn taken_by(self, asked: ListMode) -> ListMode {
        if self.modes().contains(&asked) { asked } else { self.modes().first().copied().unwrap_or(asked) }
    }

    /// The modes that fit it.
    #[must_use]
    pub fn modes(self) -> &'static [ListMode] {
        FITTING.iter().find(|(kind, _)| *kind == self).map_or(&[], |(_, modes)| modes)
    }
}
