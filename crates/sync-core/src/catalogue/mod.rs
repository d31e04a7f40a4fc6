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
//! | `supplied` | the settings that firmware brings along |
//! | `samples` | the records of a machine whose every setting was changed, for tests (feature `samples`) |
//! | the others | one item, or a family of items, each |

pub mod address_book;
pub mod applications;
pub mod basic;
pub mod boxes;
pub mod departments;
pub mod favorite;
mod field;
pub mod forwarding;
pub mod home;
pub mod keys;
mod kind;
pub mod paper;
pub mod personal;
pub mod printer;
#[cfg(feature = "samples")]
mod samples;
pub mod security_policy;
mod setting;
mod supplied;
pub mod users;
pub mod visual_message;
pub mod web_access;

pub use field::{
    Field, Fields, Keys, RecordType, Secret, check, masked, optional, references, renamed, required, secrecy,
    type_of, unusual,
};
pub use kind::{Default, Der, Form, Kind, Unfit, is_language};
pub use personal::SETTINGS;
#[cfg(feature = "samples")]
pub use samples::{ENTRIES, Sample, samples};
pub use setting::{Effective, InFile, SETTING_TYPE, Setting, Sharing, choice, flag, number, of, text};

pub use supplied::{Catalogue, Settings, Unsound};

#[cfg(doc)]
use crate::id::RecordId;
use crate::{
    item::Item,
    space::{SpaceKind, SpaceName},
    value::Value,
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

impl Part {
    /// Whether a record of its place belongs to it: by its type, or, of a setting, by its name. What nobody here knows is
    /// a newer model's, and belongs to the part that has the most of its place.
    #[must_use]
    pub fn holds(&self, fields: &Fields) -> bool {
        let same_place = || parts().map(|(_, part)| part).filter(|part| part.place == self.place);
        let size = |part: &Self| part.types.len() + part.settings.len();
        let largest = || same_place().all(|other| size(other) <= size(self));
        match type_of(fields) {
            Some(SETTING_TYPE) => {
                let name = fields.get("name").and_then(Value::as_text).unwrap_or_default();
                let has = |part: &Self| part.settings.iter().any(|setting| setting.name == name);
                has(self) || (!same_place().any(has) && largest())
            }
            Some(name) => {
                let has = |part: &Self| part.types.iter().any(|known| known.name == name);
                has(self) || (!same_place().any(has) && largest())
            }
            None => largest(),
        }
    }
}

/// What an item is made of: at most one part in each place.
#[must_use]
pub const fn content(item: Item) -> &'static [Part] {
    match item {
        Item::AddressBook => &[address_book::LISTS],
        Item::DeviceSettings => &[forwarding::FORWARDING, address_book::LISTS, favorite::FOR_SENDING],
        Item::WebAccessFavorites => &[web_access::FAVORITES],
        Item::PrinterSettings => &[printer::PRINTER],
        Item::PaperInformation => &[paper::INFORMATION],
        Item::PersonalAddressList => &[personal::ADDRESS_LISTS],
        Item::UserGroupAddressList => &[address_book::GROUP_LISTS],
        Item::BasicInformation => &[basic::BASIC],
        Item::PaperTypeManagement => &[paper::TYPES],
        Item::PrinterDownloadProfile => &[printer::PROFILES],
        Item::Forwarding => &[forwarding::FORWARDING],
        Item::Box => &[boxes::BOXES],
        Item::DepartmentIdManagement => &[departments::DEPARTMENTS],
        Item::Key => &[keys::KEYS],
        Item::CertificateCrl => &[keys::CERTIFICATES],
        Item::VisualMessage => &[visual_message::MESSAGES],
        Item::Home => &[home::LOCAL, home::COMMON],
        // In a batch, where the favorites are no item of their own, they travel with the browser.
        Item::WebAccess => &[web_access::BROWSER, web_access::FAVORITES],
        Item::Favorite => &[favorite::ALL],
        Item::AuthenticationUsers => &[users::USERS],
        Item::SecurityPolicy => &[security_policy::POLICY],
        Item::PersonalSettings => &[personal::PERSONAL],
        Item::MeapApplicationSettings => &[applications::APPLICATIONS],
    }
}

/// Every item with each of its parts.
pub fn parts() -> impl Iterator<Item = (Item, &'static Part)> {
    Item::ALL.iter().flat_map(|item| content(*item).iter().map(|part| (*item, part)))
}

/// The type of this name.
#[must_use]
pub fn record_type(name: &str) -> Option<&'static RecordType> {
    parts().flat_map(|(_, part)| part.types).find(|known| known.name == name).copied()
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
