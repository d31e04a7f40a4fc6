//! The records of an item, beside its settings: where they lie, what is written of them. A type that is device-specific for
//! a person lies in the machine's own place, and is theirs all the same.

use super::Shelf;
use crate::{
    draw::{self, now},
    error::{Error, Result},
    machine::Machine,
    store::{Batch, Edit, Store},
};
use parking_lot::MutexGuard;
use sync_core::{
    address::ADDRESS_TYPE,
    catalogue::{self, Fields, Place, RecordType, Sharing, type_of},
    change::{Author, Operation},
    id::RecordId,
    import::DEVICE_SPECIFIC,
    record::Record,
    sharing::{Entries, OWNER_FIELD, SharingScope},
    space::SpaceName,
    value::Value,
};

impl Shelf {
    /// The types of it that are device-specific here for its person.
    fn own_types(&self, store: &Store) -> Result<Vec<&'static RecordType>> {
        let mut own = Vec::new();
        if self.part.place == Place::User {
            for known in self.part.types.iter().filter(|known| known.sharing == Sharing::Selectable) {
                if store.scope_of_records(known, &self.space)? == SharingScope::DeviceSpecific {
                    own.push(*known);
                }
            }
        }
        Ok(own)
    }

    /// Its live records, and whatever else lies in its space.
    pub(super) fn records(&self, store: &Store) -> Result<Entries> {
        let mut live = store.live(&self.space)?;
        for known in self.own_types(store)? {
            // What is in the space rests there, and does not hold at this machine.
            live.retain(|_, fields| type_of(fields) != Some(known.name));
            live.extend(store.own_records(known, &self.space.name)?);
        }
        Ok(live)
    }

    /// One of them.
    pub(super) fn record(&self, store: &Store, id: RecordId) -> Result<Option<Fields>> {
        let own = self.own_types(store)?;
        for known in &own {
            if let Some(fields) = store.own_records(known, &self.space.name)?.remove(&id) {
                return Ok(Some(fields));
            }
        }
        let fields = store.view(&self.space, id)?.and_then(Record::into_live);
        Ok(fields.filter(|fields| !own.iter().any(|known| type_of(fields) == Some(known.name))))
    }

    /// Where a record with these fields is written.
    fn home(&self, store: &Store, fields: &Fields) -> Result<SpaceName> {
        let own = self.own_types(store)?.iter().any(|known| type_of(fields) == Some(known.name));
        Ok(if own { SpaceName::local(DEVICE_SPECIFIC) } else { self.space.clone() })
    }
}

// Each holds the store from its look to its write: a change of scope must not come between.
impl Machine {
    pub(super) fn set_record_field(
        &self,
        shelf: &Shelf,
        id: RecordId,
        name: &str,
        value: Option<Value>,
    ) -> Result<()> {
        let store = self.store();
        let mut fields = shelf.record(&store, id)?.ok_or_else(|| Error::UnknownEntry(id.to_string()))?;
        match &value {
            Some(value) => fields.insert(name.into(), value.clone()),
            None => fields.remove(name),
        };
        is_distinct(&shelf.records(&store)?, Some(id), &fields)?;
        let home = shelf.home(&store, &fields)?;
        let edit = [(name.to_string(), value)].into();
        self.write_records(store, &home, vec![(id, Operation::Edit(edit))])
    }

    pub(super) fn add_record(&self, shelf: &Shelf, mut fields: Fields) -> Result<RecordId> {
        let store = self.store();
        let live = shelf.records(&store)?;
        is_distinct(&live, None, &fields)?;
        let home = shelf.home(&store, &fields)?;
        let id = RecordId::fresh(now(), draw::bytes()?);
        let mut edits = Vec::new();
        if let Some(known) = type_of(&fields).and_then(catalogue::record_type) {
            let same = live.iter().filter(|(_, other)| type_of(other) == Some(known.name));
            let all = same.map(|(id, fields)| (*id, fields)).chain([(id, &fields)]);
            edits.extend(known.surplus(all).into_iter().map(|old| (old, Operation::Delete)));
        }
        if home != shelf.space {
            fields.insert(OWNER_FIELD.into(), shelf.space.name.as_str().into());
        }
        let new = fields.into_iter().map(|(name, value)| (name, Some(value))).collect();
        edits.insert(0, (id, Operation::Edit(new)));
        self.write_records(store, &home, edits)?;
        Ok(id)
    }

    pub(super) fn remove_record(&self, shelf: &Shelf, id: RecordId) -> Result<()> {
        let store = self.store();
        let fields = shelf.record(&store, id)?.ok_or_else(|| Error::UnknownEntry(id.to_string()))?;
        let home = shelf.home(&store, &fields)?;
        self.write_records(store, &home, vec![(id, Operation::Delete)])
    }

    fn write_records(
        &self,
        mut store: MutexGuard<'_, Store>,
        home: &SpaceName,
        operations: Vec<(RecordId, Operation)>,
    ) -> Result<()> {
        let edit = |(record, operation)| Edit { space: home.clone(), record, operation };
        let edits = operations.into_iter().map(edit).collect();
        let author = Author { person: store.user().map(str::to_string), time: now(), import: None };
        store.apply(&Batch { edits, author, keep: None })?;
        drop(store);
        if home.synchronizes() {
            self.changed();
        }
        Ok(())
    }
}

/// Refuses a record that could not be told from another; addresses may be alike.
fn is_distinct(live: &Entries, own: Option<RecordId>, fields: &Fields) -> Result<()> {
    let Some(known) = type_of(fields).and_then(catalogue::record_type) else { return Ok(()) };
    if known.name == ADDRESS_TYPE {
        return Ok(());
    }
    let identity = known.identity_of(fields);
    let same = live.iter().find(|(id, other)| {
        Some(**id) != own && type_of(other) == Some(known.name) && known.identity_of(other) == identity
    });
    same.map_or(Ok(()), |(id, _)| Err(Error::AlreadyThere(*id)))
}
