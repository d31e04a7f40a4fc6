//! What an import would make of how much a machine holds; the table is the profile's.

use super::{
    matching::{Fate, Matched},
    mode::ListKind,
    scope::Class,
};
use crate::{
    profile::{ACCESS_NUMBER_DIGITS, Limit, PerLimit},
    space::{SpaceKind, SpaceName},
};
use alloc::{collections::BTreeSet, vec::Vec};

/// What an import is held to, with the word for what would be over. The figures are the profile's.
const HELD: [(Limit, &str); 5] = [
    (Limit::Addresses, "too_many_list_entries"),
    (Limit::OneTouch, "too_many_one_touch_entries"),
    (Limit::GroupLists, "too_many_group_lists"),
    (Limit::LocalUsers, "too_many_users"),
    (Limit::DepartmentIds, "too_many_departments"),
];
/// The word for an access number that is too long.
const ACCESS_NUMBER: &str = "access_number_too_long";

/// Whether a problem's word says that something is over a limit.
#[must_use]
pub fn is_limit(code: &str) -> bool {
    code == ACCESS_NUMBER || HELD.iter().any(|(_, held)| *held == code)
}

/// The limit of rule 10 of which a problem's word speaks, if it does.
#[must_use]
pub fn limit_of(code: &str) -> Option<Limit> {
    HELD.iter().find(|(_, held)| *held == code).map(|(limit, _)| *limit)
}

/// How much there is before and after an import.
#[derive(Debug, Default)]
pub(super) struct Tally {
    before: [u64; Limit::COUNT],
    after: [u64; Limit::COUNT],
    groups: BTreeSet<SpaceName>,
    /// The most digits of an access number that arrives.
    digits: u64,
}

/// What would be over a limit: the limit of rule 10 where it is one, its word and name, the limit, and how much there would be.
pub(super) type Over = (Option<Limit>, &'static str, &'static str, u64, u64);

impl Tally {
    /// Takes in the lists of groups that are there.
    pub(super) fn group(&mut self, space: &SpaceName) {
        if space.kind == SpaceKind::Group && self.groups.insert(space.clone()) {
            self.before[Limit::GroupLists as usize] += 1;
        }
    }

    pub(super) fn space(&mut self, space: &Matched) {
        if space.space.kind == SpaceKind::Group
            && !space.arrivals.is_empty()
            && space.stands.is_empty()
            && !self.groups.contains(&space.space)
        {
            self.after[Limit::GroupLists as usize] += 1;
        }
        let counted = |class: Option<Class>, list: Option<i64>| match class? {
            Class::Address => match ListKind::of(&space.space, list) {
                ListKind::Machine => Some(Limit::Addresses),
                ListKind::OneTouch => Some(Limit::OneTouch),
                ListKind::Personal | ListKind::Group => None,
            },
            Class::Typed(known) => match known.name {
                "login-user" => Some(Limit::LocalUsers),
                "department" => Some(Limit::DepartmentIds),
                _ => None,
            },
            Class::Setting(_) | Class::Unknown => None,
        };
        for (stand, fate) in space.stands.iter().zip(&space.fates) {
            let Some(counted) = counted(stand.class, stand.fields.int("list")) else { continue };
            self.before[counted as usize] += 1;
            self.after[counted as usize] += u64::from(*fate == Fate::Stays);
        }
        for entry in &space.arrivals {
            if let Some(counted) = counted(Some(entry.class), entry.fields.int("list")) {
                self.after[counted as usize] += 1;
            }
            if entry.class == Class::Address {
                let digits = entry.fields.text("access_code").map_or(0, |code| code.chars().count());
                self.digits = self.digits.max(digits as u64);
            }
        }
    }

    /// What the import would bring over a limit. What was over it before, and grows no further, is not held against it.
    pub(super) fn over(&self, limits: &PerLimit) -> Vec<Over> {
        let over = |(limit, code): &(Limit, &'static str)| {
            let most = limits.get(*limit);
            let (before, after) = (self.before[*limit as usize], self.after[*limit as usize]);
            let after = if *limit == Limit::GroupLists { before + after } else { after };
            (after > most && after > before).then_some((Some(*limit), *code, limit.title(), most, after))
        };
        let digits = (self.digits > ACCESS_NUMBER_DIGITS).then_some((
            None,
            ACCESS_NUMBER,
            "digits in an access number",
            ACCESS_NUMBER_DIGITS,
            self.digits,
        ));
        HELD.iter().filter_map(over).chain(digits).collect()
    }
}
