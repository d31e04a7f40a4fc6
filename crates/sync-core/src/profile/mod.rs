//! What a vendor may set of the rules: the interlock, the limits, the preparation, the items that the machine has, and what
//! a person may do without an administrator.
//!
//! [`MACHINE`] is what holds where nobody says anything else; [`STANDALONE`] is for a server that is no machine. With the
//! feature `profile`, a profile is read from TOML text, and a bad one is refused with its line and the reason.

mod interlock;
mod limit;
#[cfg(feature = "profile")]
mod toml;

#[cfg(feature = "profile")]
pub use self::toml::BadProfile;
pub use interlock::{Begin, DEFAULT_INTERLOCK, During, Interlock, InterlockRow};
pub use limit::{ACCESS_NUMBER_DIGITS, Limit, PerLimit};

use crate::item::{Footnote, Item};
use alloc::{string::String, vec::Vec};
use core::time::Duration;

/// A set of items. It allocates nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Items(u32);

const _: () = assert!(Item::ALL.len() <= 32);

impl Items {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, item: Item) -> Self {
        Self(self.0 | (1 << item as u32))
    }

    /// Whether the item is among them.
    #[must_use]
    pub const fn contains(self, item: Item) -> bool {
        self.0 & (1 << item as u32) != 0
    }

    /// One by one, in the order of the table of items.
    pub fn iter(self) -> impl Iterator<Item = Item> {
        Item::ALL.iter().copied().filter(move |item| self.contains(*item))
    }
}

/// Rule 9 as a profile sets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preparation {
    /// Whether the allowed cells of rule 6 hold only after a preparation, as older models want it.
    pub required: bool,
    /// For how long after a preparation they do.
    pub window: Duration,
    /// How many users and groups can be prepared at once; `None` for as many as there are.
    pub most_at_once: Option<u64>,
}

/// An item that the machine does not take from some models (rule 3's footnote 2, and personal settings).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The item: one whose row says that it may be refused by source model.
    pub item: Item,
    /// The models that are refused, compared without regard to ASCII case.
    pub models: Vec<String>,
    /// Whether every model is refused but this machine's own.
    pub others: bool,
}

impl Refusal {
    /// Whether it lets a file of this model in. A file that does not say its model is not let in.
    #[must_use]
    pub fn accepts(&self, source: Option<&str>, own: Option<&str>) -> bool {
        let same = |a: &str, b: &str| a.trim().eq_ignore_ascii_case(b.trim());
        source.is_some_and(|source| {
            !self.models.iter().any(|model| same(model, source))
                && (!self.others || own.is_some_and(|own| same(own, source)))
        })
    }
}

/// Whether rule 3 lets the item be refused by the source's model.
#[must_use]
pub fn may_be_refused_by_model(item: Item) -> bool {
    item.row().footnotes.iter().any(|footnote| {
        matches!(footnote, Footnote::SharedButtonsBySourceModel | Footnote::PersonalBySourceModel)
    })
}

/// What a vendor may set of the rules of import and export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Rule 7's table.
    pub interlock: Interlock,
    /// Rule 10's figures.
    pub limits: PerLimit,
    /// Rule 9.
    pub preparation: Preparation,
    /// Items that the machine does not have.
    pub unsupported: Items,
    /// Items that it does not take from some models; one row an item.
    pub refusals: Vec<Refusal>,
    /// Whether a person may export their own personal address list without administrator privileges (rule 1).
    pub export_own_list: bool,
}

/// What holds for a machine where nobody says anything else: the vendor's interlock and limits, every item, from every
/// model, no preparation required.
pub static MACHINE: Profile = Profile {
    interlock: Interlock::of(DEFAULT_INTERLOCK),
    limits: PerLimit::of_a_machine(),
    preparation: Preparation { required: false, window: Duration::from_secs(15 * 60), most_at_once: None },
    unsupported: Items::EMPTY,
    refusals: Vec::new(),
    export_own_list: false,
};

/// The same for the standalone server, which has no limit but its disk.
pub static STANDALONE: Profile = Profile {
    interlock: Interlock::of(DEFAULT_INTERLOCK),
    limits: PerLimit::NO_LIMIT,
    preparation: Preparation { required: false, window: Duration::from_secs(15 * 60), most_at_once: None },
    unsupported: Items::EMPTY,
    refusals: Vec::new(),
    export_own_list: false,
};

impl Default for Profile {
    fn default() -> Self {
        MACHINE.clone()
    }
}

impl Profile {
    /// What it says of an item's source models; `None` where it takes the item from all.
    #[must_use]
    pub fn refusal(&self, item: Item) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| refusal.item == item)
    }
}
