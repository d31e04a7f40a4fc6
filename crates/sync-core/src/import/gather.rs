//! What an import compares: the records that are there, and the entries of a file.

use super::{Fields, Packed, scope::Scope};
use crate::{
    address::Address,
    catalogue::Catalogue,
    files::{Listed, Owner, Place},
    id::RecordId,
    item::Item,
    space::SpaceName,
};
use alloc::vec::Vec;

/// An entry of a file. References are as in the file: a group's members are numbers, or ids that the file's own entries
/// have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The line it came from, for reports.
    pub line: Option<u64>,
    /// The id that the record had where it came from, if the file says it.
    pub source: Option<RecordId>,
    /// The entry.
    pub fields: Packed,
}

/// Where a record keeps what a row says of its owner beside the name, so that an export can say it again.
const OWNER_COLUMNS: [&str; 2] = ["logindomainname", "personalid"];

impl Incoming {
    /// The entry of a row. What the row says of its owner beside the name goes with the entry.
    #[must_use]
    pub fn of_row(line: Option<u64>, owner: &Owner, address: &Address) -> Self {
        let mut fields = address.to_fields();
        if let Owner::Person { domain, personal_id, .. } = owner {
            for (column, text) in OWNER_COLUMNS.into_iter().zip([domain, personal_id]) {
                if let Some(text) = text {
                    fields.insert(crate::address::kept_field(column), text.as_str().into());
                }
            }
        }
        Self { line, source: None, fields: Packed::from(&fields) }
    }

    /// A record as another machine has it.
    #[must_use]
    pub fn of_record(source: RecordId, fields: &Fields) -> Self {
        Self { line: None, source: Some(source), fields: fields.into() }
    }

    /// An entry of a file that names no ids.
    #[must_use]
    pub fn of_fields(line: Option<u64>, fields: &Fields) -> Self {
        Self { line, source: None, fields: fields.into() }
    }
}

impl From<Address> for Incoming {
    fn from(address: Address) -> Self {
        Self::of_fields(None, &address.to_fields())
    }
}

/// The way back: a record of a list as an export to an address book file takes it.
#[must_use]
pub fn outgoing(id: RecordId, place: &Place, mut address: Address) -> Listed {
    let [domain, personal_id] = OWNER_COLUMNS.map(|column| address.kept.remove(column));
    let owner = match place {
        Place::Local => Owner::None,
        Place::Person(user) => Owner::Person { user: user.clone(), domain, personal_id },
        Place::Group(name) => Owner::Group { name: name.clone() },
    };
    Listed { id, owner, line: None, address }
}

/// A live record, however somebody has it at hand.
pub trait Live {
    /// Its id and its fields.
    fn packed(self) -> (RecordId, Packed);
}

impl Live for (RecordId, Fields) {
    fn packed(self) -> (RecordId, Packed) {
        (self.0, (&self.1).into())
    }
}

impl Live for (&RecordId, &Fields) {
    fn packed(self) -> (RecordId, Packed) {
        (*self.0, self.1.into())
    }
}

impl Live for (RecordId, Packed) {
    fn packed(self) -> Self {
        self
    }
}

/// One space's part in an import: what is there, and what the file says. It is filled record by record, so that neither
/// has to lie in memory otherwise than packed.
#[derive(Debug)]
pub struct Gathered {
    pub(super) item: Item,
    pub(super) space: SpaceName,
    pub(super) scope: Scope,
    pub(super) existing: Vec<(RecordId, Packed)>,
    pub(super) incoming: Vec<Incoming>,
}

impl Gathered {
    /// Nothing yet; `None` where the item has nothing in such a space.
    #[must_use]
    pub fn new(item: Item, space: SpaceName) -> Option<Self> {
        Self::with(&Catalogue::built_in(), item, space)
    }

    /// The same on a machine whose firmware supplies settings of its own.
    #[must_use]
    pub fn with(catalogue: &Catalogue, item: Item, space: SpaceName) -> Option<Self> {
        let scope = Scope::of(catalogue, item, &space)?;
        Some(Self { item, space, scope, existing: Vec::new(), incoming: Vec::new() })
    }

    /// Takes in a live record of the space, whether the item is about it or not: groups and limits look at all.
    pub fn existing(&mut self, record: impl Live) {
        self.existing.push(record.packed());
    }

    /// Takes in an entry of the file.
    pub fn incoming(&mut self, entry: Incoming) {
        self.incoming.push(entry);
    }
}
