//! Address lists, as people read and change them: a person's own, a group's, and the machine's lists 1 to 10.

use crate::{
    draw::{self, now},
    error::{Error, Result},
    items::newly_unusual,
    machine::Machine,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use sync_core::{
    address::{ADDRESS_TYPE, Address, AddressKind, Fax, TYPE_FIELD, difference, is_secret_field},
    catalogue::address_book,
    change::Operation,
    id::RecordId,
    record::FieldName,
    space::SpaceName,
    value::Value,
};

/// Whose address list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListOf {
    /// Whoever is logged in.
    Me,
    /// A person's own.
    User(String),
    /// A user group's.
    Group(String),
    /// A list of the machine, 1 to 10, 11 for the one-touch list; it never leaves the machine.
    Machine(i64),
    /// All lists of the machine; no entry can be added to them.
    Lists,
}

/// What is to be said of an entry; what is `None` stays as it is, an empty text unsets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name.
    pub name: Option<String>,
    /// Its kind: `email`, `fax`, `group`, ...
    pub kind: Option<String>,
    /// The e-mail address.
    pub mail: Option<String>,
    /// The fax number.
    pub fax: Option<String>,
    /// How the name is read aloud and sorted.
    pub reading: Option<String>,
    /// Its number in the list.
    pub number: Option<i64>,
}

/// The local space that holds address lists 1 to 10.
pub const LOCAL_LISTS: &str = address_book::LOCAL_SPACE;

impl Machine {
    /// The space in which a list lies.
    ///
    /// # Errors
    /// [`Error::NobodyLoggedIn`], [`Error::NotEnrolled`].
    pub fn space_of(&self, list: &ListOf) -> Result<SpaceName> {
        Ok(match list {
            ListOf::Me => SpaceName::user(&self.realm()?, &self.person(None)?),
            ListOf::User(user) => SpaceName::user(&self.realm()?, user),
            ListOf::Group(group) => SpaceName::group(&self.realm()?, group),
            ListOf::Machine(_) | ListOf::Lists => SpaceName::local(LOCAL_LISTS),
        })
    }

    /// The entries of a list, by number and name.
    ///
    /// # Errors
    /// [`Error::NotAMember`] where the machine does not have the list, or what the disk says.
    pub fn addresses(&self, list: &ListOf) -> Result<Vec<(RecordId, BTreeMap<FieldName, Value>)>> {
        let space = self.space_of(list)?;
        let store = self.store();
        if space.synchronizes() && !store.is_member(&space)? {
            return Err(Error::NotAMember(space));
        }
        let mut entries: Vec<_> =
            store.shown(&space)?.into_iter().filter(|(_, f)| belongs(list, f)).collect();
        entries.sort_by_key(|(id, fields)| {
            let number = fields.get("number").and_then(Value::as_int).unwrap_or(i64::MAX);
            let list = fields.get("list").and_then(Value::as_int).filter(|_| *list == ListOf::Lists);
            (list, number, fields.get("name").cloned(), *id)
        });
        Ok(entries)
    }

    /// Adds an entry; says its id.
    ///
    /// # Errors
    /// [`Error::WrongCommand`] where it leads nowhere or no list is named, [`Error::SettingValue`], [`Error::NotAMember`], or
    /// what the disk says.
    pub fn add_address(&self, list: &ListOf, entry: &Entry) -> Result<RecordId> {
        let mut address = Address::default();
        match list {
            ListOf::Machine(number) => address.list = Some(*number),
            ListOf::Lists => {
                return Err(Error::WrongCommand("name the list that it comes into: --list N".into()));
            }
            ListOf::Me | ListOf::User(_) | ListOf::Group(_) => {}
        }
        if entry.kind.is_none() && entry.fax.is_some() && entry.mail.is_none() {
            address.kind = AddressKind::Fax;
        }
        change(&mut address, entry);
        if address.name.is_empty() && address.destination().is_none() {
            return Err(Error::WrongCommand("an entry needs a name, or something that it leads to".into()));
        }
        newly_unusual(&BTreeMap::new(), &address.to_fields(), &[])?;
        let id = RecordId::fresh(now(), draw::bytes()?);
        let fields = address.to_fields().into_iter().map(|(name, value)| (name, Some(value))).collect();
        self.write(list, id, Operation::Edit(fields))?;
        Ok(id)
    }

    /// Changes an entry.
    ///
    /// # Errors
    /// [`Error::UnknownEntry`], [`Error::SettingValue`], [`Error::NotAMember`], or what the disk says.
    pub fn edit_address(&self, list: &ListOf, id: RecordId, entry: &Entry) -> Result<()> {
        let old = self.address(list, id)?;
        let mut address =
            Address::from_fields(old.clone()).ok_or_else(|| Error::UnknownEntry(id.to_string()))?;
        change(&mut address, entry);
        let new = address.to_fields();
        let edit = difference(&old, &new);
        if edit.is_empty() {
            return Ok(());
        }
        newly_unusual(&old, &new, &edit.keys().map(String::as_str).collect::<Vec<_>>())?;
        self.write(list, id, Operation::Edit(edit))
    }

    /// Removes an entry.
    ///
    /// # Errors
    /// [`Error::UnknownEntry`], [`Error::NotAMember`], or what the disk says.
    pub fn remove_address(&self, list: &ListOf, id: RecordId) -> Result<()> {
        self.address(list, id)?;
        self.write(list, id, Operation::Delete)
    }

    /// The fields of one entry.
    ///
    /// # Errors
    /// [`Error::UnknownEntry`], or what the disk says.
    pub fn address(&self, list: &ListOf, id: RecordId) -> Result<BTreeMap<FieldName, Value>> {
        let space = self.space_of(list)?;
        let view = self.store().view(&space, id)?;
        let fields = view.as_ref().and_then(sync_core::record::Record::live).unwrap_or_default();
        let fields: BTreeMap<_, _> =
            fields.into_iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        if belongs(list, &fields) {
            return Ok(fields);
        }
        if self.store().shown_record(&space, id)?.is_some_and(|record| record.dead.is_none()) {
            return Err(Error::Denied {
                code: "start_not_level".into(),
                message: "what the server has of this list is on its way; it is shown as it was before"
                    .into(),
                remedy: "try again in a moment".into(),
            });
        }
        Err(Error::UnknownEntry(id.to_string()))
    }

    fn write(&self, list: &ListOf, id: RecordId, operation: Operation) -> Result<()> {
        let space = self.space_of(list)?;
        let author = self.author(None);
        self.store().edit(&space, id, operation, author)?;
        self.changed();
        Ok(())
    }
}

/// An entry for people and scripts: what is secret is not shown.
#[must_use]
pub fn shown(id: RecordId, fields: &BTreeMap<FieldName, Value>) -> serde_json::Value {
    let mut object = serde_json::Map::new();
    object.insert("id".into(), id.to_string().into());
    for (name, value) in fields.iter().filter(|(name, _)| *name != TYPE_FIELD) {
        let value = if is_secret_field(name) {
            "***".into()
        } else {
            serde_json::to_value(value).unwrap_or_default()
        };
        object.insert(name.clone(), value);
    }
    object.into()
}

fn belongs(list: &ListOf, fields: &BTreeMap<FieldName, Value>) -> bool {
    let is_address = fields.get(TYPE_FIELD).and_then(Value::as_text) == Some(ADDRESS_TYPE);
    let number = fields.get("list").and_then(Value::as_int);
    // Before every entry was given one, what had no list was left without.
    is_address && !matches!(list, ListOf::Machine(wanted) if number.unwrap_or(1) != *wanted)
}

fn change(address: &mut Address, entry: &Entry) {
    let Entry { name, kind, mail, fax, reading, number } = entry;
    for (field, text) in
        [(&mut address.name, name), (&mut address.mail, mail), (&mut address.reading, reading)]
    {
        if let Some(text) = text {
            field.clone_from(text);
        }
    }
    if let Some(kind) = kind {
        address.kind = AddressKind::named(kind);
    }
    if let Some(number) = fax {
        let mut fax = address.fax.take().unwrap_or_default();
        fax.number.clone_from(number);
        address.fax = Some(fax).filter(|fax: &Fax| !fax.is_empty());
    }
    address.number = number.or(address.number);
}
