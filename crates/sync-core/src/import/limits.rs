//! How much a machine holds: one table of limits, and what an import would make of it.

use super::{
    matching::{Fate, Matched},
    mode::ListKind,
    scope::Class,
};
use crate::{
    profile::Limit,
    space::{SpaceKind, SpaceName},
};
use alloc::{collections::BTreeSet, vec::Vec};
use serde::{Deserialize, Serialize};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// Entries of lists 1 to 10 and the administrator's together.
    ListEntries,
    /// Entries of the one-touch list.
    OneTouchEntries,
    /// Lists of user groups.
    GroupLists,
    /// Digits of an access number.
    AccessNumberDigits,
    /// Users whom the machine knows.
    LocalUsers,
    /// Department IDs.
    DepartmentIds,
}

impl Counted {
    /// The limit of rule 10 that it is compared with, where it is one.
    #[must_use]
    pub const fn limit(self) -> Option<Limit> {
        match self {
            Self::ListEntries => Some(Limit::Addresses),
            Self::OneTouchEntries => Some(Limit::OneTouch),
            Self::GroupLists => Some(Limit::GroupLists),
            Self::LocalUsers => Some(Limit::LocalUsers),
            Self::DepartmentIds => Some(Limit::DepartmentIds),
            Self::AccessNumberDigits => None,
        }
    }
}

/// How much a machine holds. `None` lifts a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// See [`Counted::ListEntries`].
    pub list_entries: Option<usize>,
    /// See [`Counted::OneTouchEntries`].
    pub one_touch_entries: Option<usize>,
    /// See [`Counted::GroupLists`].
    pub group_lists: Option<usize>,
    /// See [`Counted::AccessNumberDigits`].
    pub access_number_digits: Option<usize>,
    /// See [`Counted::LocalUsers`].
    pub local_users: Option<usize>,
    /// See [`Counted::DepartmentIds`].
    pub department_ids: Option<usize>,
}

/// The limits, with the word for what would be over, what people call it, and the figure of the usual machine.
pub const LIMITS: [(Counted, &str, &str, usize); 6] = [
    (
        Counted::ListEntries,
        "too_many_list_entries",
        "entries in lists 1 to 10 and the administrator's",
        1_600,
    ),
    (Counted::OneTouchEntries, "too_many_one_touch_entries", "entries in the one-touch list", 200),
    (Counted::GroupLists, "too_many_group_lists", "lists of user groups", 50),
    (Counted::AccessNumberDigits, "access_number_too_long", "digits in an access number", 7),
    (Counted::LocalUsers, "too_many_users", "users", 5_001),
    (Counted::DepartmentIds, "too_many_departments", "department IDs", 1_000),
];

impl Default for Limits {
    fn default() -> Self {
        let figure = |counted| LIMITS.iter().find(|(one, ..)| *one == counted).map(|(.., figure)| *figure);
        Self {
            list_entries: figure(Counted::ListEntries),
            one_touch_entries: figure(Counted::OneTouchEntries),
            group_lists: figure(Counted::GroupLists),
            access_number_digits: figure(Counted::AccessNumberDigits),
            local_users: figure(Counted::LocalUsers),
            department_ids: figure(Counted::DepartmentIds),
        }
    }
}

impl Limits {
    /// None.
    pub const LIFTED: Self = Self {
        list_entries: None,
        one_touch_entries: None,
        group_lists: None,
        access_number_digits: None,
        local_users: None,
        department_ids: None,
    };

    /// How much of something there may be.
    #[must_use]
    pub const fn of(&self, counted: Counted) -> Option<usize> {
        match counted {
            Counted::ListEntries => self.list_entries,
            Counted::OneTouchEntries => self.one_touch_entries,
            Counted::GroupLists => self.group_lists,
            Counted::AccessNumberDigits => self.access_number_digits,
            Counted::LocalUsers => self.local_users,
            Counted::DepartmentIds => self.department_ids,
        }
    }
}

/// How much there is before and after an import.
#[derive(Debug, Default)]
pub(super) struct Tally {
    before: [usize; LIMITS.len()],
    after: [usize; LIMITS.len()],
    groups: BTreeSet<SpaceName>,
}

/// What would be over a limit: what is counted, its word and name, the limit, and how much there would be.
pub(super) type Over = (Counted, &'static str, &'static str, usize, usize);

impl Tally {
    /// Takes in the lists of groups that are there.
    pub(super) fn group(&mut self, space: &SpaceName) {
        if space.kind == SpaceKind::Group && self.groups.insert(space.clone()) {
            self.before[Counted::GroupLists as usize] += 1;
        }
    }

    pub(super) fn space(&mut self, space: &Matched) {
        if space.space.kind == SpaceKind::Group
            && !space.arrivals.is_empty()
            && space.stands.is_empty()
            && !self.groups.contains(&space.space)
        {
            self.after[Counted::GroupLists as usize] += 1;
        }
        let counted = |class: Option<Class>, list: Option<i64>| match class? {
            Class::Address => match ListKind::of(&space.space, list) {
                ListKind::Machine => Some(Counted::ListEntries),
                ListKind::OneTouch => Some(Counted::OneTouchEntries),
                ListKind::Personal | ListKind::Group => None,
            },
            Class::Typed(known) => match known.name {
                "login-user" => Some(Counted::LocalUsers),
                "department" => Some(Counted::DepartmentIds),
                _ => None,
            },
            Class::Setting(_) | Class::Unknown => None,
        };
        for (stand, fate) in space.stands.iter().zip(&space.fates) {
            let Some(counted) = counted(stand.class, stand.fields.int("list")) else { continue };
            self.before[counted as usize] += 1;
            self.after[counted as usize] += usize::from(*fate == Fate::Stays);
        }
        for entry in &space.arrivals {
            if let Some(counted) = counted(Some(entry.class), entry.fields.int("list")) {
                self.after[counted as usize] += 1;
            }
            if entry.class == Class::Address {
                let digits = entry.fields.text("access_code").map_or(0, |code| code.chars().count());
                let most = &mut self.after[Counted::AccessNumberDigits as usize];
                *most = (*most).max(digits);
            }
        }
    }

    /// What the import would bring over a limit. What was over it before, and grows no further, is not held against it.
    pub(super) fn over(&self, limits: &Limits) -> Vec<Over> {
        let over = |(counted, code, name, _): &(Counted, &'static str, &'static str, usize)| {
            let limit = limits.of(*counted)?;
            let (before, after) = (self.before[*counted as usize], self.after[*counted as usize]);
            let after = if *counted == Counted::GroupLists { before + after } else { after };
            (after > limit && after > before).then_some((*counted, *code, *name, limit, after))
        };
        LIMITS.iter().filter_map(over).collect()
    }
}
