//! What an import does to the addresses of one space: entries of a file in, one operation a record out.
//!
//! [`plan`] is pure and shows everything before anything is written: what is added, changed, removed, and what is the
//! same as before and keeps its id, so that references to it survive. [`Plan::operations`] is exactly what was shown.
//! Only addresses are touched; whatever else a space holds stays.
//!
//! ```
//! use sync_core::{address::Address, id::RecordId, import::{Incoming, plan}, procedure::ListMode};
//! use std::collections::BTreeMap;
//! let desk = Address { name: "Desk".into(), mail: "desk@office.example".into(), ..Address::default() };
//! let mut ids = (1..).map(|n| RecordId(uuid::Uuid::from_u128(n)));
//! let mut fresh = || ids.next().unwrap();
//! let first = plan(&BTreeMap::new(), vec![Incoming::from(desk.clone())], ListMode::Replace, &mut fresh);
//! assert_eq!(first.counts().added, 1);
//!
//! let space = first.added.iter().map(|(id, desk)| (*id, desk.to_fields())).collect();
//! let second = plan(&space, vec![Incoming::from(desk)], ListMode::Replace, &mut fresh);
//! assert_eq!((second.counts().same, second.operations().count()), (1, 0));
//! ```

#[cfg(test)]
mod tests;

use crate::{
    address::{Address, Member, difference, match_existing},
    change::Operation,
    files::{Listed, Note, Owner, Place, link_members},
    id::RecordId,
    procedure::ListMode,
    record::FieldName,
    value::Value,
};
use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use serde::Serialize;

/// The fields of a space's live records.
pub type Fields = BTreeMap<FieldName, Value>;

/// How often groups that hold groups are compared anew before the rest of them counts as new: each round settles one
/// more level of nesting.
const MOST_ROUNDS: usize = 16;

/// An entry of a file. Its group members are numbers, as in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The line it came from, for reports.
    pub line: Option<u64>,
    /// The entry.
    pub address: Address,
}

/// Where a record keeps what a row says of its owner beside the name, so that an export can say it again.
const OWNER_COLUMNS: [&str; 2] = ["logindomainname", "personalid"];

impl Incoming {
    /// The entry of a row. What the row says of its owner beside the name goes with the entry.
    #[must_use]
    pub fn of_row(line: Option<u64>, owner: &Owner, address: &Address) -> Self {
        let mut address = address.clone();
        if let Owner::Person { domain, personal_id, .. } = owner {
            for (column, text) in OWNER_COLUMNS.into_iter().zip([domain, personal_id]) {
                if let Some(text) = text {
                    address.kept.insert(column.into(), text.clone());
                }
            }
        }
        Self { line, address }
    }
}

/// The way back: a record of a list as an export takes it.
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

impl From<Address> for Incoming {
    fn from(address: Address) -> Self {
        Self { line: None, address }
    }
}

/// A record whose fields change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The record.
    pub id: RecordId,
    /// What it was.
    pub before: Address,
    /// What it becomes.
    pub after: Address,
    /// The fields that are set, or unset with `None`.
    pub edit: BTreeMap<FieldName, Option<Value>>,
}

/// What an import does to one space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// New records, in the order of the file.
    pub added: Vec<(RecordId, Address)>,
    /// Records whose fields change, in the order of the file.
    pub changed: Vec<Changed>,
    /// Records that go.
    pub removed: Vec<(RecordId, Address)>,
    /// Records that are what the file says already.
    pub same: Vec<RecordId>,
    /// What was odd: members that are not there, passwords that stay.
    pub notes: Vec<Note>,
}

/// How many records an import adds, changes, removes, and leaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// New ones.
    pub added: usize,
    /// Those whose fields change.
    pub changed: usize,
    /// Those that go.
    pub removed: usize,
    /// Those that are what the file says already.
    pub same: usize,
}

impl Plan {
    /// How many of each.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            added: self.added.len(),
            changed: self.changed.len(),
            removed: self.removed.len(),
            same: self.same.len(),
        }
    }

    /// The one operation of each record that does not stay as it is: removals first, then changes, then additions.
    pub fn operations(&self) -> impl Iterator<Item = (RecordId, Operation)> + '_ {
        let removed = self.removed.iter().map(|(id, _)| (*id, Operation::Delete));
        let changed = self.changed.iter().map(|change| (change.id, Operation::Edit(change.edit.clone())));
        let added = self.added.iter().map(|(id, address)| {
            let fields = address.to_fields().into_iter();
            (*id, Operation::Edit(fields.map(|(name, value)| (name, Some(value))).collect()))
        });
        removed.chain(changed).chain(added)
    }
}

/// Plans the import of a file's entries into one space.
///
/// [`ListMode::Replace`] makes the list what the file says: an entry that is there already (see [`match_existing`])
/// keeps its record, the others go. What a file can't say stays with the record: fields of a newer model, and the
/// password of a login that the file names without one. [`ListMode::Append`] leaves all that is there, and adds what
/// is not there in exactly this form.
///
/// `existing` are the space's live records, addresses and others; whoever wants to replace only some of its lists
/// passes the records of these ([`records_of_lists`]). `fresh` gives the ids of new records.
pub fn plan(
    existing: &BTreeMap<RecordId, Fields>,
    incoming: Vec<Incoming>,
    mode: ListMode,
    fresh: &mut dyn FnMut() -> RecordId,
) -> Plan {
    let existing: BTreeMap<RecordId, Address> = existing
        .iter()
        .filter_map(|(id, fields)| Some((*id, Address::from_fields(fields.clone())?)))
        .collect();
    match mode {
        ListMode::Replace => replace(existing, incoming, fresh),
        ListMode::Append => append(&existing, incoming, fresh),
    }
}

/// The records of those lists of a machine that a file speaks of; all of them where it has no entry.
#[must_use]
pub fn records_of_lists(
    existing: BTreeMap<RecordId, Fields>,
    incoming: &[Incoming],
) -> BTreeMap<RecordId, Fields> {
    if incoming.is_empty() {
        return existing;
    }
    let lists: BTreeSet<Option<i64>> = incoming.iter().map(|entry| entry.address.list).collect();
    existing
        .into_iter()
        .filter(|(_, fields)| lists.contains(&fields.get("list").and_then(Value::as_int)))
        .collect()
}

fn replace(
    existing: BTreeMap<RecordId, Address>,
    incoming: Vec<Incoming>,
    fresh: &mut dyn FnMut() -> RecordId,
) -> Plan {
    let as_in_a_file: Vec<(RecordId, Address)> = as_in_a_file(&existing).collect();
    let addresses: Vec<Address> = incoming.iter().map(|entry| entry.address.clone()).collect();
    let found = match_existing(&as_in_a_file, &addresses);
    let (linked, notes) = link(incoming, found.iter().map(|found| found.unwrap_or_else(&mut *fresh)));
    let mut plan = Plan { notes, ..Plan::default() };
    let mut existing = existing;
    for (entry, found) in linked.into_iter().zip(found) {
        let Some(before) = found.and_then(|id| existing.remove(&id)) else {
            plan.added.push((entry.id, entry.address));
            continue;
        };
        let mut after = entry.address;
        keep_what_a_file_cannot_say(&before, &mut after, entry.line, &mut plan.notes);
        let edit = difference(&before.to_fields(), &after.to_fields());
        if edit.is_empty() {
            plan.same.push(entry.id);
        } else {
            plan.changed.push(Changed { id: entry.id, before, after, edit });
        }
    }
    plan.removed = existing.into_iter().collect();
    plan
}

fn append(
    existing: &BTreeMap<RecordId, Address>,
    incoming: Vec<Incoming>,
    fresh: &mut dyn FnMut() -> RecordId,
) -> Plan {
    let mut twins: BTreeMap<Address, VecDeque<RecordId>> = BTreeMap::new();
    for (id, address) in as_in_a_file(existing) {
        twins.entry(address).or_default().push_back(id);
    }
    let mut found: Vec<Option<RecordId>> =
        incoming.iter().map(|entry| twins.get_mut(&entry.address).and_then(VecDeque::pop_front)).collect();
    let ids: Vec<RecordId> = incoming.iter().map(|_| fresh()).collect();
    let mut round = 0;
    let (linked, notes) = loop {
        let chosen = found.iter().zip(&ids).map(|(found, id)| found.unwrap_or(*id));
        let (linked, notes) = link(incoming.clone(), chosen);
        // A group counts as there already only if its members are the same records, not just the same numbers.
        let mut settled = true;
        for (entry, found) in linked.iter().zip(&mut found) {
            let is_group = !entry.address.members.is_empty();
            if is_group
                && let Some(id) = *found
                && (round >= MOST_ROUNDS || existing.get(&id) != Some(&entry.address))
            {
                *found = None;
                settled = false;
            }
        }
        round += 1;
        if settled {
            break (linked, notes);
        }
    };
    let mut plan = Plan { notes, ..Plan::default() };
    for (entry, found) in linked.into_iter().zip(found) {
        match found {
            Some(id) => plan.same.push(id),
            None => plan.added.push((entry.id, entry.address)),
        }
    }
    plan
}

/// The entries as a file would have them: the members of groups are numbers where they can be, and nothing is there
/// that no file can say.
fn as_in_a_file(existing: &BTreeMap<RecordId, Address>) -> impl Iterator<Item = (RecordId, Address)> + '_ {
    let number = |member: &Member| match member {
        Member::Record(id) => {
            existing.get(id).and_then(|entry| entry.number).map_or_else(|| member.clone(), Member::Number)
        }
        other => other.clone(),
    };
    existing.iter().map(move |(id, address)| {
        let mut address = address.clone();
        address.members = address.members.iter().map(|(member, place)| (number(member), *place)).collect();
        address.other.clear();
        (*id, address)
    })
}

/// Gives the entries their ids, and groups the records that they name.
fn link(incoming: Vec<Incoming>, ids: impl Iterator<Item = RecordId>) -> (Vec<Listed>, Vec<Note>) {
    let mut listed: Vec<Listed> = incoming
        .into_iter()
        .zip(ids)
        .map(|(Incoming { line, address }, id)| Listed { id, owner: Owner::None, line, address })
        .collect();
    let notes = link_members(&mut listed);
    (listed, notes)
}

/// A file has no column for what a newer model keeps, and often leaves passwords out on purpose: neither may be lost
/// because of that.
fn keep_what_a_file_cannot_say(
    before: &Address,
    after: &mut Address,
    line: Option<u64>,
    notes: &mut Vec<Note>,
) {
    for (name, value) in &before.other {
        after.other.entry(name.clone()).or_insert_with(|| value.clone());
    }
    if let (Some(old), Some(new)) = (&before.login, &mut after.login)
        && new.password.is_none()
        && old.username == new.username
        && before.folder == after.folder
    {
        for (name, value) in &old.other {
            new.other.entry(name.clone()).or_insert_with(|| value.clone());
        }
        if old.password.is_some() {
            new.password.clone_from(&old.password);
            let text =
                alloc::format!("`{}`: the file has no password; the one that is there stays", after.name);
            notes.push(Note::new(line, "password_kept", text));
        }
    }
}
