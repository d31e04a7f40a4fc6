//! From matched entries to a plan: what names one another is linked, and then compared field by field.

use super::{
    Fields, Packed,
    announce::{Announced, Touched},
    keep,
    matching::{Arrival, Fate, Matched, is_group},
    mode::ListMode,
    plan::{Changed, Plan},
    scope::Class,
    whole::Terms,
};
use crate::{
    address::{ADDRESS_TYPE, Address, MEMBER_PREFIX, difference},
    catalogue::{self, SETTING_TYPE},
    files::{Note, Numbers},
    id::RecordId,
};
use alloc::{collections::BTreeMap, format, vec::Vec};
use sha2::{Digest, Sha256};

/// How often groups that hold groups are compared anew before the rest of them counts as new: each round settles one
/// more level of nesting.
const MOST_ROUNDS: usize = 16;

/// What the references of a whole import lead to.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// What the ids of the file's records became: (source, place of the space, record), in order.
    moved: Vec<(RecordId, usize, RecordId)>,
    /// The records that are there after the import, in order.
    alive: Vec<RecordId>,
    /// The places of the ids that were drawn, in order: what is hashed must not depend on the draw.
    drawn: Vec<(RecordId, u64)>,
}

impl Links {
    pub(super) fn of(spaces: &[Matched], beside: Vec<RecordId>) -> Self {
        let mut links = Self { alive: beside, ..Self::default() };
        let mut count = 0;
        for (at, space) in spaces.iter().enumerate() {
            let moved = space.arrivals.iter().filter_map(|entry| Some((entry.source?, at, entry.id)));
            links.moved.extend(moved);
            let stay = space.stands.iter().zip(&space.fates).filter(|(_, fate)| **fate != Fate::Goes);
            links.alive.extend(stay.map(|(stand, _)| stand.id));
            links.alive.extend(space.arrivals.iter().map(|entry| entry.id));
            for id in &space.fresh {
                links.drawn.push((*id, count));
                count += 1;
            }
        }
        links.moved.sort_unstable();
        links.alive.sort_unstable();
        links.drawn.sort_unstable();
        links
    }

    /// What a reference of this space leads to, and whether that is there.
    fn resolve(&self, at: usize, id: RecordId) -> (RecordId, bool) {
        let first = self.moved.partition_point(|(source, ..)| *source < id);
        let same = || self.moved[first..].iter().take_while(|(source, ..)| *source == id);
        let found = same().find(|(_, space, _)| *space == at).or_else(|| same().next());
        match found {
            Some((.., record)) => (*record, true),
            None => (id, self.has(id)),
        }
    }

    pub(super) fn has(&self, id: RecordId) -> bool {
        self.alive.binary_search(&id).is_ok()
    }

    /// The same whatever ids were drawn.
    fn undrawn(&self, id: RecordId) -> RecordId {
        match self.drawn.binary_search_by_key(&id, |(drawn, _)| *drawn) {
            Ok(at) => RecordId(uuid::Uuid::from_u128(u128::from(self.drawn[at].1))),
            Err(_) => id,
        }
    }
}

/// What a fingerprint is made of.
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(super) fn new() -> Self {
        Self(Sha256::new())
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// What was read: the records that were compared.
    fn read(&mut self, space: &Matched) {
        self.bytes(format!("{}", space.space).as_bytes());
        let mut compared: Vec<_> = space.stands.iter().filter(|stand| stand.class.is_some()).collect();
        compared.sort_unstable_by_key(|stand| stand.id);
        for stand in compared {
            self.bytes(stand.id.0.as_bytes());
            self.bytes(stand.fields.as_bytes());
        }
    }

    fn write(&mut self, links: &Links, what: &str, id: RecordId, fields: Option<&Fields>) {
        self.bytes(what.as_bytes());
        self.bytes(links.undrawn(id).0.as_bytes());
        if let Some(fields) = fields {
            let packed = if may_refer(fields) {
                Packed::from(&catalogue::renamed(fields, |id| links.undrawn(id)))
            } else {
                Packed::from(fields)
            };
            self.bytes(packed.as_bytes());
        }
    }
}

impl Matched {
    /// The numbers by which groups of the file name their members. In an overwritten list they are the list's own.
    fn numbers(&self, terms: &Terms) -> Numbers {
        let mut numbers = Numbers::default();
        let mut insert = |id: RecordId, fields: &Packed, whole: bool| {
            if let Some(number) = fields.int("number") {
                let list = fields.int("list");
                if whole {
                    numbers.insert(list, number, id)
                } else {
                    numbers.insert_in_list(list, number, id)
                }
            }
        };
        let entries = self.arrivals.iter().filter(|entry| entry.class == Class::Address);
        if self.arrivals.iter().any(|entry| is_group(&entry.fields)) {
            entries.for_each(|entry| insert(entry.id, &entry.fields, true));
            let stay = self.stands.iter().zip(&self.fates).filter(|(_, fate)| **fate == Fate::Stays);
            for (stand, _) in stay.filter(|(stand, _)| stand.class == Some(Class::Address)) {
                if terms.of_list(&self.space, &stand.fields).modes.lists == ListMode::Overwrite {
                    // Where only this list is overwritten, only its own groups mean it.
                    insert(stand.id, &stand.fields, terms.modes.lists == ListMode::Overwrite);
                }
            }
        }
        numbers
    }

    /// In an append, a group counts as there already only if its members are the same records, not just the same numbers.
    pub(super) fn settle_groups(&mut self, terms: &Terms, fresh: &mut dyn FnMut() -> RecordId) {
        let space = self.space.clone();
        let appended = |entry: &Arrival| terms.of_list(&space, &entry.fields).modes.lists == ListMode::Append;
        for round in 0.. {
            let open = |entry: &&Arrival| entry.found.is_some() && is_group(&entry.fields) && appended(entry);
            if !self.arrivals.iter().any(|entry| open(&entry)) {
                return;
            }
            let numbers = self.numbers(terms);
            let ids: BTreeMap<RecordId, RecordId> =
                self.arrivals.iter().filter_map(|entry| Some((entry.source?, entry.id))).collect();
            let others: Vec<usize> = (0..self.arrivals.len())
                .filter(|at| {
                    let entry = &self.arrivals[*at];
                    let Some(found) = entry.found.filter(|_| open(&entry)) else { return false };
                    let fields = linked_group(entry, entry.fields.fields(), &numbers, &mut Vec::new());
                    let fields = self.as_it_stands(entry, fields);
                    let fields = catalogue::renamed(&fields, |id| ids.get(&id).copied().unwrap_or(id));
                    let same = Address::from_fields(fields).map(in_form)
                        == Address::from_fields(self.stands[found].fields.fields()).map(in_form);
                    round >= MOST_ROUNDS || !same
                })
                .collect();
            if others.is_empty() {
                return;
            }
            for at in others {
                if let Some(found) = self.arrivals[at].found.take() {
                    self.fates[found] = Fate::Stays;
                }
                self.arrivals[at].id = fresh();
                self.fresh.push(self.arrivals[at].id);
            }
        }
    }

    /// The plan of this space, which is the one at the place `at` of the import.
    pub(super) fn settle(
        mut self,
        at: usize,
        terms: &Terms,
        links: &Links,
        fingerprint: &mut Fingerprint,
        announced: &mut Announced,
    ) -> (Plan, Vec<super::Problem>) {
        fingerprint.read(&self);
        let mut plan = Plan { notes: core::mem::take(&mut self.notes), ..Plan::default() };
        let numbers = self.numbers(terms);
        for entry in core::mem::take(&mut self.arrivals) {
            let mut fields = entry.fields.fields();
            if entry.class == Class::Address && is_group(&entry.fields) {
                fields = linked_group(&entry, fields, &numbers, &mut plan.notes);
            }
            let fields = relinked(self.item, at, &entry, fields, links, &mut plan.notes);
            let fields = self.as_it_stands(&entry, fields);
            let Some(found) = entry.found else {
                let fields = keep::new(entry.class, fields, entry.line, &mut plan.notes);
                fingerprint.write(links, "add", entry.id, Some(&fields));
                announced.touched(&Touched { class: entry.class, before: None, after: Some(&fields) });
                plan.added.push((entry.id, Packed::from(&fields)));
                continue;
            };
            let before = core::mem::replace(&mut self.stands[found].fields, Packed::from(&Fields::new()));
            let terms = &terms.of_list(&self.space, &entry.fields);
            if terms.modes.lists == ListMode::Append && entry.class == Class::Address {
                fingerprint.write(links, "same", entry.id, None);
                plan.same.push((entry.id, before));
                continue;
            }
            let old = before.fields();
            let after = keep::after(entry.class, terms, &old, fields, entry.kin, entry.line, &mut plan.notes);
            let edit = difference(&old, &after);
            if edit.is_empty() {
                fingerprint.write(links, "same", entry.id, None);
                plan.same.push((entry.id, before));
            } else {
                fingerprint.write(links, "change", entry.id, Some(&after));
                announced.touched(&Touched { class: entry.class, before: Some(&old), after: Some(&after) });
                plan.changed.push(Changed { id: entry.id, before, edit: Packed::from(&edit) });
            }
        }
        for (stand, fate) in self.stands.into_iter().zip(self.fates) {
            let Some(class) = stand.class.filter(|_| fate == Fate::Goes) else { continue };
            fingerprint.write(links, "remove", stand.id, None);
            announced.touched(&Touched { class, before: None, after: None });
            plan.removed.push((stand.id, stand.fields));
        }
        (plan, self.problems)
    }
}

/// Without what no file can say, and without secrets that it may have left out: enough to tell one group from another.
fn in_form(mut address: Address) -> Address {
    address.other.clear();
    super::matching::bare(&mut address);
    address
}

/// A group whose members' numbers became records.
fn linked_group(entry: &Arrival, fields: Fields, numbers: &Numbers, notes: &mut Vec<Note>) -> Fields {
    match Address::from_fields(fields.clone()) {
        Some(mut address) => {
            numbers.link(&mut address, entry.line, notes);
            address.to_fields()
        }
        None => fields,
    }
}

/// Whether a record may name others: most addresses do not, and settings never do.
pub(super) fn may_refer(fields: &Fields) -> bool {
    match catalogue::type_of(fields) {
        Some(ADDRESS_TYPE) => fields.keys().any(|name| name.starts_with(MEMBER_PREFIX)),
        Some(SETTING_TYPE) => false,
        _ => true,
    }
}

/// The entry with its references leading to what stands after the import. Those that lead nowhere stay, with a note.
fn relinked(
    item: crate::item::Item,
    at: usize,
    entry: &Arrival,
    fields: Fields,
    links: &Links,
    notes: &mut Vec<Note>,
) -> Fields {
    if !may_refer(&fields) {
        return fields;
    }
    for id in catalogue::references(&fields) {
        if !links.resolve(at, id).1 {
            let text = format!(
                "{} names the record {id}, which is neither here nor in this import; the reference stays{}",
                super::admit::name(&entry.fields),
                super::announce::travels_with(item)
            );
            notes.push(Note::new(entry.line, "reference_missing", text));
        }
    }
    catalogue::renamed(&fields, |id| links.resolve(at, id).0)
}
