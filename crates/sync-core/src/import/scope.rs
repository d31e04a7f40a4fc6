//! Which records of a space an import or export of an item is about.

use super::{Fields, Packed};
use crate::{
    address::{ADDRESS_TYPE, TYPE_FIELD},
    catalogue::{
        self, Catalogue, InFile, RecordType, SETTING_TYPE, SETTINGS, Setting, Sharing, personal::PERSONAL,
    },
    item::Item,
    space::SpaceName,
};
use alloc::vec::Vec;

/// The local space that holds what is device-specific of persons.
pub const DEVICE_SPECIFIC: &str = "settings";

/// What a record is to an import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// An address.
    Address,
    /// A setting; `None` where a newer model has it.
    Setting(Option<&'static Setting>),
    /// A record of another type.
    Typed(&'static RecordType),
    /// A record of a newer model's type.
    Unknown,
}

impl Class {
    /// Whether it goes to another machine in a file.
    pub(super) fn in_file(self) -> InFile {
        match self {
            Self::Setting(Some(setting)) => setting.in_file,
            Self::Typed(known) => known.in_file,
            Self::Address | Self::Setting(None) | Self::Unknown => InFile::Yes,
        }
    }

    /// Whether a file can hold it.
    pub(super) fn fits_file(self, with_secrets: bool) -> bool {
        match self.in_file() {
            InFile::Yes => true,
            InFile::No => false,
            InFile::Encrypted => with_secrets,
        }
    }
}

/// What of one space belongs to an item. A newer model's types and settings belong to the item that has the most of that
/// space.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    types: Vec<&'static RecordType>,
    settings: Vec<&'static Setting>,
    newer: bool,
    /// Whose.
    item: Item,
}

impl Scope {
    /// Only addresses.
    pub(super) fn addresses() -> Self {
        Self {
            types: alloc::vec![&catalogue::address_book::ADDRESS],
            settings: Vec::new(),
            newer: false,
            item: Item::AddressBook,
        }
    }

    /// What an item has in a space; `None` where it has nothing there.
    pub(super) fn of(known: &Catalogue, item: Item, space: &SpaceName) -> Option<Self> {
        if item == Item::PersonalSettings && *space == SpaceName::local(DEVICE_SPECIFIC) {
            return Some(Self {
                types: PERSONAL
                    .types
                    .iter()
                    .filter(|one| one.sharing == Sharing::Selectable)
                    .copied()
                    .collect(),
                settings: SETTINGS.iter().filter(|one| one.sharing != Sharing::Shared).collect(),
                newer: true,
                item,
            });
        }
        let parts = || catalogue::content(item).iter().filter(|part| part.place.covers(space));
        parts().next()?;
        let types: Vec<_> = parts().flat_map(|part| part.types).copied().collect();
        let here = |name| known.part_of(item, name).is_some_and(|part| part.place.covers(space));
        let settings: Vec<_> = known.settings(item).filter(|setting| here(setting.name)).collect();
        let newer = parts().any(|part| part.holds(&Fields::new()));
        Some(Self { types, settings, newer, item })
    }

    /// Whether only other items have a setting of this name.
    fn is_of_another(&self, setting: &str) -> bool {
        catalogue::find_in(self.item, setting).is_none()
            && Item::ALL.iter().any(|item| catalogue::find_in(*item, setting).is_some())
    }

    /// What a record is; `None` where it does not belong to the item.
    pub(super) fn class(&self, fields: &Packed) -> Option<Class> {
        let newer = |class| self.newer.then_some(class);
        let Some(name) = fields.text(TYPE_FIELD) else { return newer(Class::Unknown) };
        if name == SETTING_TYPE {
            let wanted = fields.text("name").unwrap_or_default();
            let known = self.settings.iter().find(|setting| setting.name == wanted);
            return match known {
                Some(known) => Some(Class::Setting(Some(known))),
                None if self.is_of_another(wanted) => None,
                None => newer(Class::Setting(None)),
            };
        }
        match self.types.iter().find(|known| known.name == name) {
            Some(_) if name == ADDRESS_TYPE => Some(Class::Address),
            Some(known) => Some(Class::Typed(known)),
            None if catalogue::record_type(name).is_some() => None,
            None => newer(Class::Unknown),
        }
    }
}
