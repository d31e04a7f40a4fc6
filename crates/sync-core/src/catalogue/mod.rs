//! The catalogue: for every item, the records that it is made of, typed and checked; what of it synchronizes, and what
//! goes into a file. The rules, the sync, import and export read this one place.
//!
//! A *setting* is a record whose id is derived from its name ([`RecordId::of_setting`]), with the fields `type` =
//! `setting`, `name` and `value`; where nobody set one, its default holds. Every other record has a type of its own,
//! whose fields are listed in its [`RecordType`].
//!
//! ```
//! use sync_core::{catalogue, item::Item, value::Value};
//! let copies = catalogue::find("copy.copies").unwrap();
//! assert_eq!(copies.parse("3"), Ok(Value::Int(3)));
//! assert!(copies.parse("0").is_err());
//!
//! let parts = catalogue::content(Item::AddressBook);
//! assert_eq!(parts[0].types[0].name, "address");
//! ```
//!
//! | room | what is in it |
//! | --- | --- |
//! | `kind` | what a value may be |
//! | `field` | fields, record types, and what a record must be |
//! | `setting` | settings, and what one says on this machine |
//! | the others | one item, or a family of items, each |

pub mod address_book;
mod field;
pub mod home;
mod kind;
pub mod personal;
mod setting;

pub use field::{
    Field, Fields, RecordType, Secret, check, optional, references, renamed, required, secrecy, type_of,
};
pub use kind::{Default, Form, Kind, Unfit};
pub use personal::SETTINGS;
pub use setting::{Effective, InFile, SETTING_TYPE, Setting, Sharing, choice, flag, number, of, text};

#[cfg(doc)]
use crate::id::RecordId;
use crate::{
    item::Item,
    space::{SpaceKind, SpaceName},
};

/// Rises when something in the catalogue is renamed, removed or narrowed. What is only added is an older machine's
/// unknown, which passes it unharmed.
pub const VERSION: u32 = 1;

/// The functions of such a machine, as buttons and timelines name them.
pub const FUNCTIONS: &[&str] =
    &["copy", "fax", "scan-and-send", "scan-and-store", "stored-files", "print", "web-access", "application"];

/// In which space the records of a part lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// In this local space of the machine.
    Local(&'static str),
    /// In the space of each user.
    User,
    /// In the space of each group.
    Group,
    /// In this space of the whole fleet.
    Common(&'static str),
}

impl Place {
    /// Whether the records of a space belong here.
    #[must_use]
    pub fn covers(self, space: &SpaceName) -> bool {
        match self {
            Self::Local(name) => space.kind == SpaceKind::Local && space.name == name,
            Self::User => space.kind == SpaceKind::User,
            Self::Group => space.kind == SpaceKind::Group,
            Self::Common(name) => space.kind == SpaceKind::Common && space.name == name,
        }
    }
}

/// What an item has in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Where.
    pub place: Place,
    /// The types of its records, beside the settings.
    pub types: &'static [&'static RecordType],
    /// Its settings.
    pub settings: &'static [Setting],
}

/// What an item is made of.
#[must_use]
pub const fn content(item: Item) -> &'static [Part] {
    match item {
        Item::AddressBook => &[address_book::LISTS],
        Item::PersonalAddressList => &[personal::ADDRESS_LISTS],
        Item::UserGroupAddressList => &[address_book::GROUP_LISTS],
        Item::PersonalSettings => &[personal::PERSONAL],
        Item::Home => &[home::LOCAL, home::COMMON],
        _ => &[],
    }
}

/// The type of this name.
#[must_use]
pub fn record_type(name: &str) -> Option<&'static RecordType> {
    let parts = || Item::ALL.iter().flat_map(|item| content(*item));
    parts().flat_map(|part| part.types).find(|known| known.name == name).copied()
}

/// The personal setting with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The setting of an item with this name.
#[must_use]
pub fn find_in(item: Item, name: &str) -> Option<&'static Setting> {
    content(item).iter().flat_map(|part| part.settings).find(|setting| setting.name == name)
}

/// What a server can choose to be device-specific: settings and types of records, by name.
pub fn selectable() -> impl Iterator<Item = &'static str> {
    let settings = SETTINGS.iter().filter(|one| one.sharing == Sharing::Selectable).map(|one| one.name);
    let types = personal::PERSONAL.types.iter().filter(|one| one.sharing == Sharing::Selectable);
    settings.chain(types.map(|one| one.name))
}

#[cfg(test)]
mod tests;
