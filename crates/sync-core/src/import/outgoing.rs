//! The way back: which records of a space go into an export of an item, and what of them.

use super::{
    Fields, Live,
    announce::TOGETHER,
    keep::stripped,
    matching::bare,
    scope::{Class, Scope},
};
use crate::{
    address::Address,
    catalogue::{self, Catalogue, Part, Secret},
    files::Note,
    id::RecordId,
    item::Item,
    space::SpaceName,
};
use alloc::{format, vec::Vec};

/// Which secrets go into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Secrets {
    /// None.
    #[default]
    Nothing,
    /// The credentials in addresses, in a plain file in which somebody asked for them.
    Credentials,
    /// All, in an encrypted file.
    Everything,
}

impl Secrets {
    /// The least secret that stays out.
    const fn least_left_out(self) -> Option<Secret> {
        match self {
            Self::Nothing => Some(Secret::Credential),
            Self::Credentials => Some(Secret::Sealed),
            Self::Everything => None,
        }
    }
}

/// What of one space goes into an export of an item.
#[derive(Debug, Clone)]
pub struct Departures {
    scope: Scope,
    secrets: Secrets,
}

impl Departures {
    /// `None` where the item has nothing in such a space.
    #[must_use]
    pub fn of(item: Item, space: &SpaceName, secrets: Secrets) -> Option<Self> {
        Self::with(&Catalogue::built_in(), item, space, secrets)
    }

    /// The same on a machine whose firmware supplies settings of its own.
    #[must_use]
    pub fn with(catalogue: &Catalogue, item: Item, space: &SpaceName, secrets: Secrets) -> Option<Self> {
        Some(Self { scope: Scope::of(catalogue, item, space)?, secrets })
    }

    /// What of a live record goes into the file; `None` where it stays. A secret that stays is left out, and so is what
    /// belongs to the machine that counted it; the import of such a file keeps what is there.
    #[must_use]
    pub fn entry(&self, record: impl Live) -> Option<(RecordId, Fields)> {
        let (id, packed) = record.packed();
        let class = self.scope.class(&packed)?;
        if !class.fits_file(self.secrets == Secrets::Everything) {
            return None;
        }
        let fields = packed.fields();
        let least = self.secrets.least_left_out();
        let fields = match class {
            Class::Unknown | Class::Setting(None) => fields,
            Class::Address if least == Some(Secret::Credential) => {
                let mut address = Address::from_fields(fields)?;
                bare(&mut address);
                address.to_fields()
            }
            Class::Address => fields,
            Class::Setting(Some(known)) => match (least, fields.get("value")) {
                (Some(least), Some(value)) => {
                    let left = stripped(known.secret, &known.kind, value, least)?;
                    let mut fields = fields;
                    fields.insert("value".into(), left);
                    fields
                }
                _ => fields,
            },
            Class::Typed(known) => fields
                .into_iter()
                .filter_map(|(name, value)| {
                    if known.stays.contains(&name.as_str()) {
                        return None;
                    }
                    let value = match (known.field(&name), least) {
                        (Some(field), Some(least)) => stripped(field.secret, &field.kind, &value, least)?,
                        _ => value,
                    };
                    Some((name, value))
                })
                .collect(),
        };
        Some((id, fields))
    }
}

/// The records of one space that go into an export of an item, one after the other.
pub fn departing<L: Live>(
    item: Item,
    space: &SpaceName,
    secrets: Secrets,
    records: impl IntoIterator<Item = L>,
) -> impl Iterator<Item = (RecordId, Fields)> {
    let departures = Departures::of(item, space, secrets);
    records.into_iter().filter_map(move |record| departures.as_ref()?.entry(record))
}

/// What should travel together and does not: a note for each item that names records of another which is not among these.
#[must_use]
pub fn alone(items: &[Item]) -> Vec<Note> {
    let has = |wanted: &Part| {
        let parts = items.iter().flat_map(|item| catalogue::content(*item));
        parts.into_iter().any(|part| {
            part.place == wanted.place
                && wanted.types.iter().all(|known| part.types.iter().any(|one| one.name == known.name))
        })
    };
    let missing = TOGETHER
        .iter()
        .filter(|(one, other)| items.contains(one) && !catalogue::content(*other).iter().all(has));
    missing
        .map(|(one, other)| {
            let text = format!("{one} names records of {other}, which is not in this file: take both");
            Note::new(None, "should_travel_together", text)
        })
        .collect()
}
