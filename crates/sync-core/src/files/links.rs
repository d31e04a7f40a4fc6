//! Groups name their members by number in a file and by record id in a space.

use super::{Book, Note, Owner, Place, Weight};
use crate::{
    address::{Address, Member},
    id::RecordId,
};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

/// An entry with its record id and its owner: what an import makes and an export takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The record.
    pub id: RecordId,
    /// Whose list it is in.
    pub owner: Owner,
    /// The line it came from, for reports.
    pub line: Option<u64>,
    /// The entry.
    pub address: Address,
}

/// An entry on its way into a file, wherever it is kept.
pub(super) struct Outgoing<'a> {
    pub(super) id: RecordId,
    pub(super) owner: &'a Owner,
    pub(super) line: Option<u64>,
    pub(super) address: &'a mut Address,
    /// It is written as it stood in its file: nothing in it can change.
    pub(super) as_is: bool,
}

impl<'a> From<&'a mut Listed> for Outgoing<'a> {
    fn from(listed: &'a mut Listed) -> Self {
        let Listed { id, owner, line, address } = listed;
        Self { id: *id, owner, line: *line, address, as_is: false }
    }
}

impl Outgoing<'_> {
    /// A note on it.
    pub(super) fn note(&self, weight: Weight, code: &'static str, text: String) -> Note {
        let name = Some(self.address.name.clone()).filter(|name| !name.is_empty());
        Note { weight, entry: name, ..Note::new(self.line, code, text) }
    }
}

/// How a report names an entry.
pub(super) fn label(address: &Address) -> String {
    match (&*address.name, address.number) {
        ("", Some(number)) => format!("{} {number}", address.kind),
        ("", None) => format!("{} without a name", address.kind),
        (name, _) => format!("`{name}`"),
    }
}

/// Notes where two contacts in one list have one number. Both are read; an importing machine may take the first alone.
pub(super) fn note_numbers_used_twice(book: &mut Book) {
    let mut lines: BTreeMap<(Place, Option<i64>, i64), Option<u64>> = BTreeMap::new();
    let mut notes = Vec::new();
    for contact in &book.contacts {
        let numbered = contact.entries.iter().find_map(|entry| Some((entry.list, entry.number?)));
        let Some((list, number)) = numbered else { continue };
        let key = (contact.owner.place(), list, number);
        let Some(first) = lines.get(&key) else {
            lines.insert(key, contact.line);
            continue;
        };
        let entry = &contact.entries[0];
        let there = first.map_or("an earlier entry".into(), |line| format!("line {line}"));
        let text = format!("{}: the number {number} is that of {there} too", label(entry));
        notes.push(Note {
            entry: Some(entry.name.clone()),
            ..Note::new(contact.line, "duplicate_number", text)
        });
    }
    book.report.warnings.append(&mut notes);
}

/// Which entry of one owner a number means.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    in_list: BTreeMap<(Option<i64>, i64), RecordId>,
    of_owner: BTreeMap<i64, Option<RecordId>>,
}

impl Numbers {
    /// Takes an entry in. Of several with one number in one list, the first counts.
    pub(crate) fn insert(&mut self, list: Option<i64>, number: i64, id: RecordId) {
        self.in_list.entry((list, number)).or_insert(id);
        self.of_owner.entry(number).and_modify(|one| *one = None).or_insert(Some(id));
    }

    /// Takes in an entry that only groups of its own list mean.
    pub(crate) fn insert_in_list(&mut self, list: Option<i64>, number: i64, id: RecordId) {
        self.in_list.entry((list, number)).or_insert(id);
    }

    /// Turns the numbers by which a group names its members into record ids. A number means the entry of the same list,
    /// or else the one entry of the owner which has it. A number that means nobody stays, with a note.
    pub(crate) fn link(&self, address: &mut Address, line: Option<u64>, notes: &mut Vec<Note>) {
        let mut members: BTreeMap<Member, i64> = BTreeMap::new();
        for (member, position) in &address.members {
            let linked = match member {
                Member::Number(number) => self
                    .in_list
                    .get(&(address.list, *number))
                    .copied()
                    .or_else(|| self.of_owner.get(number).copied().flatten())
                    .map(Member::Record),
                _ => Some(member.clone()),
            };
            let member = linked.unwrap_or_else(|| {
                let text = format!(
                    "the group {} names {}, which is not there; it stays as a number",
                    label(address),
                    member.field().trim_start_matches("member:")
                );
                notes.push(Note::new(line, "member_missing", text));
                member.clone()
            });
            members.entry(member).and_modify(|first| *first = (*first).min(*position)).or_insert(*position);
        }
        address.members = members;
    }
}

/// Turns the numbers by which groups name their members into record ids. A number means the entry of the same owner's
/// same list, or else the one entry of that owner which has it. A number that means nobody stays, with a note.
pub fn link_members(entries: &mut [Listed]) -> Vec<Note> {
    let mut owners: BTreeMap<Place, Numbers> = BTreeMap::new();
    for entry in entries.iter() {
        if let Some(number) = entry.address.number {
            let numbers = owners.entry(entry.owner.place()).or_default();
            numbers.insert(entry.address.list, number, entry.id);
        }
    }
    let (mut notes, none) = (Vec::new(), Numbers::default());
    for entry in entries.iter_mut().filter(|e| !e.address.members.is_empty()) {
        let numbers = owners.get(&entry.owner.place()).unwrap_or(&none);
        numbers.link(&mut entry.address, entry.line, &mut notes);
    }
    notes
}

/// The way back: record ids become the numbers of the entries, which must all have one. A member that is not among
/// the entries of the same owner can't be written and is left out, with a note.
pub(super) fn unlink_members(entries: &mut [Outgoing<'_>]) -> Vec<Note> {
    let numbers: BTreeMap<(Place, RecordId), i64> =
        entries.iter().filter_map(|e| Some(((e.owner.place(), e.id), e.address.number?))).collect();
    let mut notes = Vec::new();
    for entry in entries.iter_mut().filter(|e| !e.as_is && !e.address.members.is_empty()) {
        let place = entry.owner.place();
        let mut members = Vec::new();
        for member in entry.address.members_in_order() {
            match member {
                Member::Record(id) => match numbers.get(&(place.clone(), *id)) {
                    Some(number) => members.push(Member::Number(*number)),
                    None => {
                        let text = format!(
                            "the group {} names the entry {id}, which is not in this file; it is left out",
                            label(entry.address)
                        );
                        notes.push(entry.note(Weight::Loss, "member_missing", text));
                    }
                },
                Member::Box(name) if name.contains(',') || name.trim() != name => {
                    let text = format!(
                        "the group {} names `{name}`, which this format can't write; it is left out",
                        label(entry.address)
                    );
                    notes.push(entry.note(Weight::Loss, "member_not_representable", text));
                }
                other => members.push(other.clone()),
            }
        }
        entry.address.set_members(members);
    }
    notes
}
