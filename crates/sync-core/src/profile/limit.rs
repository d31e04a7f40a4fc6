//! Rule 10's limits.

use crate::names::named;
use core::fmt;

named! {
    /// Something of which a machine holds at most so much (rule 10).
    #[non_exhaustive]
    pub enum Limit, "limit" {
        /// Machines of a fleet whose server is a machine, that one included.
        Machines = "machines",
        /// Users with personalized data at a machine that acts as server.
        Users = "users",
        /// Entries of the address lists 1 to 10 and the administrator's together.
        Addresses = "addresses",
        /// Entries of the one-touch list.
        OneTouch = "one-touch",
        /// Group address lists.
        GroupLists = "group-lists",
        /// Users in the machine's own user authentication.
        LocalUsers = "local-users",
        /// Department IDs.
        DepartmentIds = "department-ids",
    }
}

/// The most digits of an access number. It bounds a value and counts nothing, so that no profile sets it.
pub const ACCESS_NUMBER_DIGITS: u64 = 7;

impl Limit {
    /// How many limits there are.
    pub const COUNT: usize = Self::ALL.len();

    /// What is counted, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Machines => "machines, the server included",
            Self::Users => "users with personalized data",
            Self::Addresses => "entries of the address lists 1 to 10 and the administrator's together",
            Self::OneTouch => "entries of the one-touch list",
            Self::GroupLists => "group address lists",
            Self::LocalUsers => "local users",
            Self::DepartmentIds => "department IDs",
        }
    }

    /// The vendor's figure for a machine.
    const fn of_a_machine(self) -> u64 {
        match self {
            Self::Machines => 10,
            Self::Users => 1_000,
            Self::Addresses => 1_600,
            Self::OneTouch => 200,
            Self::GroupLists => 50,
            Self::LocalUsers => 5_001,
            Self::DepartmentIds => 1_000,
        }
    }
}

/// A number for each limit, or none. It allocates nothing.
///
/// ```
/// use sync_core::profile::{Limit, PerLimit};
/// let held = PerLimit::NONE_STATED.with(Limit::OneTouch, 201);
/// assert_eq!(held.over(&PerLimit::of_a_machine()).collect::<Vec<_>>(), [(Limit::OneTouch, 201, 200)]);
/// assert_eq!(held.over(&PerLimit::NO_LIMIT).count(), 0);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PerLimit([u64; Limit::COUNT]);

impl PerLimit {
    /// As limits: none.
    pub const NO_LIMIT: Self = Self([u64::MAX; Limit::COUNT]);
    /// As what would be held: nothing is known of any.
    pub const NONE_STATED: Self = Self([0; Limit::COUNT]);

    /// The vendor's figures for a machine.
    #[must_use]
    pub const fn of_a_machine() -> Self {
        let mut limits = Self::NO_LIMIT;
        let mut i = 0;
        while i < Limit::COUNT {
            limits = limits.with(Limit::ALL[i], Limit::ALL[i].of_a_machine());
            i += 1;
        }
        limits
    }

    /// The same with another number for one.
    #[must_use]
    pub const fn with(mut self, limit: Limit, number: u64) -> Self {
        self.0[limit as usize] = number;
        self
    }

    /// The number of one; `u64::MAX` for a limit that is none.
    #[must_use]
    pub const fn get(&self, limit: Limit) -> u64 {
        self.0[limit as usize]
    }

    /// Whether any of these is over its limit.
    #[must_use]
    pub fn exceeds(&self, limits: &Self) -> bool {
        self.0.iter().zip(&limits.0).any(|(held, most)| held > most)
    }

    /// Those of these that are over their limits: which, how many there would be, how many there may be.
    pub fn over(self, limits: &Self) -> impl Iterator<Item = (Limit, u64, u64)> + use<> {
        let limits = *limits;
        Limit::ALL
            .iter()
            .map(move |limit| (*limit, self.get(*limit), limits.get(*limit)))
            .filter(|(_, held, most)| held > most)
    }
}

impl fmt::Debug for PerLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(Limit::ALL.iter().map(|limit| (limit.as_str(), self.get(*limit)))).finish()
    }
}
