//! Entries that are the same address: found, shown as a plan, and merged into one.

use super::{
    Note, Weight,
    book::{Book, Link},
    columns::PLACE,
    field::{Field, Slot},
    links::label,
    owner::Place,
};
use crate::address::{Address, Identity};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};
use serde::Serialize;

/// Entries that are one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Slot,
    /// The line of the one that stays.
    pub keeps: Option<u64>,
    /// The line of the one that goes into it.
    pub merges: Option<u64>,
    /// Fields of the one that goes which the other lacked, and has now.
    pub takes: Vec<Field>,
    /// Fields in which the two differ: what the one that stays says stands.
    pub loses: Vec<Field>,
    /// What only its own format knows of the one that goes, and the other has otherwise: the names of its columns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub loses_columns: Vec<String>,
    /// The number that goes with it: nobody has it afterwards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// The list in which it had that number, where the one that stays is in another: a button of its own, mostly.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<i64>,
}

impl Duplicate {
    /// As a remark on a file in which both stay.
    #[must_use]
    pub fn as_found(&self) -> Note {
        let line = self.keeps.map(|line| format!(" as in line {line}")).unwrap_or_default();
        let text = format!("the {} `{}` is there once more{line}", self.kind.words(), self.name);
        Note { entry: Some(self.name.clone()), ..Note::new(self.merges, "duplicate_entry", text) }
    }

    /// As a remark of a report on a file in which they were merged.
    #[must_use]
    pub fn note(&self) -> Note {
        let line = |line: Option<u64>| line.map(|line| format!(" of line {line}")).unwrap_or_default();
        let words =
            |fields: &[Field]| fields.iter().map(|field| field.words()).collect::<Vec<_>>().join(", ");
        let mut text = format!(
            "the {} `{}`{} is that{} once more",
            self.kind.words(),
            self.name,
            line(self.merges),
            line(self.keeps)
        );
        if !self.takes.is_empty() {
            text.push_str(&format!("; it gives its {}", words(&self.takes)));
        }
        if !self.loses.is_empty() {
            text.push_str(&format!("; its other {} is not kept", words(&self.loses)));
        }
        if !self.loses_columns.is_empty() {
            text.push_str(&format!("; what it has in {} is not kept", self.loses_columns.join(", ")));
        }
        match (self.number, self.list) {
            (Some(number), Some(list)) => {
                text.push_str(&format!("; its number {number} in list {list} goes with it"));
            }
            (Some(number), None) => text.push_str(&format!("; its number {number} goes with it")),
            (None, Some(list)) => text.push_str(&format!("; list {list} has it no more")),
            (None, None) => {}
        }
        let whole = self.loses.is_empty() && self.loses_columns.is_empty() && self.list.is_none();
        let weight = if whole { Weight::Correction } else { Weight::Loss };
        let entry = Some(self.name.clone());
        Note { weight, entry, ..Note::new(self.merges, "merged", text) }
    }
}

/// Fields that tell two entries of one address apart without saying anything of the address.
const OF_PLACE: [Field; 2] = [Field::Number, Field::List];

/// What formats keep by which two entries are told apart, and that says nothing of the address.
const IDS: [&str; 5] = ["uid", "uuid", "id", "rev", "index"];

impl Book {
    /// Which entries are the same address as an earlier one in the same list: the same source id, or the same kind,
    /// destination and name.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Duplicate> {
        self.clone().merge_duplicates()
    }

    /// Merges entries that are the same address into the first of them, which takes what it lacked. Groups that named
    /// the others name it.
    pub fn merge_duplicates(&mut self) -> Vec<Duplicate> {
        let mut first: BTreeMap<(Place, Identity), (usize, usize)> = BTreeMap::new();
        let mut merged: BTreeMap<(usize, usize), (usize, usize)> = BTreeMap::new();
        let mut found = Vec::new();
        for at in 0..self.contacts.len() {
            let before = found.len();
            for place in 0..self.contacts[at].entries.len() {
                let entry = &self.contacts[at].entries[place];
                if matches!(Slot::of(entry), Slot::Group | Slot::Nowhere) || entry.destination().is_none() {
                    continue;
                }
                let key = (self.contacts[at].owner.place(), entry.identity());
                let Some(&(keeps, kept_place)) = first.get(&key) else {
                    first.insert(key, (at, place));
                    continue;
                };
                let goes = entry.clone();
                let (line, keeps_line) = (self.contacts[at].line, self.contacts[keeps].line);
                let kept = &mut self.contacts[keeps].entries[kept_place];
                let (mut takes, loses) = take(kept, &goes);
                if kept.number.is_none() && kept.list == goes.list && goes.number.is_some() {
                    kept.number = goes.number;
                    takes.push(Field::Number);
                }
                merged.insert((at, place), (keeps, kept_place));
                let kind = Slot::of(&goes);
                let name = if goes.name.is_empty() { label(&goes) } else { goes.name };
                let (ours, theirs) = ((kept.list, kept.number), (goes.list, goes.number));
                let number = theirs.1.filter(|_| ours != theirs);
                let list = theirs.0.filter(|_| ours.0 != theirs.0);
                found.push(Duplicate {
                    name,
                    kind,
                    keeps: keeps_line,
                    merges: line,
                    takes,
                    loses,
                    loses_columns: Vec::new(),
                    number,
                    list,
                });
            }
            // In the order of the contact's entries, as the duplicates were found.
            let gone: Vec<usize> = merged.range((at, 0)..(at + 1, 0)).map(|((_, place), _)| *place).collect();
            for (place, duplicate) in gone.into_iter().zip(&mut found[before..]) {
                let keeps = merged[&(at, place)];
                duplicate.loses_columns = self.hand_over_kept((at, place), keeps, &merged);
            }
        }
        self.drop_merged(&merged);
        found
    }

    /// Hands over what only its own format knows of an entry that goes; tells what has no place. What is said of the whole
    /// contact stands at its first entry, and stays with the contact where another of its entries stays.
    fn hand_over_kept(
        &mut self,
        (at, place): (usize, usize),
        keeps: (usize, usize),
        merged: &BTreeMap<(usize, usize), (usize, usize)>,
    ) -> Vec<String> {
        let mut stay =
            (0..self.contacts[at].entries.len()).filter(|place| !merged.contains_key(&(at, *place)));
        let heir = stay.next().filter(|_| place == 0).map_or(keeps, |heir| (at, heir));
        let goes = &mut self.contacts[at].entries[place];
        let (kept_by, kept) = (core::mem::take(&mut goes.kept_by), core::mem::take(&mut goes.kept));
        let heir = &mut self.contacts[heir.0].entries[heir.1];
        let mut loses = Vec::new();
        let mut hand_over = |to: &mut BTreeMap<String, String>, from: BTreeMap<String, String>| {
            for (key, text) in from {
                let name = key.split_once(':').map_or(&*key, |(_, name)| name);
                if name == PLACE {
                    continue;
                }
                match to.get(&key) {
                    None => drop(to.insert(key, text)),
                    Some(there) if *there == text || IDS.iter().any(|id| id.eq_ignore_ascii_case(name)) => {}
                    Some(_) => loses.push(name.into()),
                }
            }
        };
        hand_over(&mut heir.kept_by, kept_by);
        hand_over(&mut heir.kept, kept);
        loses
    }

    fn drop_merged(&mut self, merged: &BTreeMap<(usize, usize), (usize, usize)>) {
        if merged.is_empty() {
            return;
        }
        // Where each entry is afterwards.
        let mut places: BTreeMap<(usize, usize), (usize, usize)> = BTreeMap::new();
        let mut contacts = 0;
        for (at, contact) in self.contacts.iter().enumerate() {
            let mut entries = 0;
            for place in 0..contact.entries.len() {
                if !merged.contains_key(&(at, place)) {
                    places.insert((at, place), (contacts, entries));
                    entries += 1;
                }
            }
            contacts += usize::from(entries > 0);
        }
        let now = |at: usize, place: usize| {
            let key = merged.get(&(at, place)).copied().unwrap_or((at, place));
            places.get(&key).copied()
        };
        for at in 0..self.contacts.len() {
            let mut members: Vec<Link> = Vec::new();
            for link in core::mem::take(&mut self.contacts[at].members) {
                let target = match link.entry {
                    Some(place) => {
                        now(link.contact, place).map(|(contact, entry)| Link { contact, entry: Some(entry) })
                    }
                    None => now(link.contact, 0).map(|(contact, _)| Link { contact, entry: None }),
                };
                members.extend(target.filter(|target| !members.contains(target)));
            }
            self.contacts[at].members = members;
        }
        for (at, contact) in self.contacts.iter_mut().enumerate() {
            let mut place = 0;
            contact.entries.retain(|_| {
                place += 1;
                !merged.contains_key(&(at, place - 1))
            });
        }
        self.contacts.retain(|contact| !contact.entries.is_empty());
    }
}

/// Gives an entry what another has and it lacks; tells what it took, and what it has otherwise.
fn take(kept: &mut Address, goes: &Address) -> (Vec<Field>, Vec<Field>) {
    let (mut takes, mut loses) = (Vec::new(), Vec::new());
    for field in Field::ALL.iter().copied().filter(|field| !OF_PLACE.contains(field)) {
        let (ours, theirs) = (field.get(kept), field.get(goes));
        if theirs.is_empty() || ours == theirs {
            continue;
        }
        if !ours.is_empty() {
            // The same address in other letters is no loss.
            if !ours.eq_ignore_ascii_case(&theirs) || field == Field::LoginPassword {
                loses.push(field);
            }
            continue;
        }
        if field == Field::LoginPassword {
            let password = goes.login.as_ref().and_then(|login| login.password.clone());
            kept.login.get_or_insert_default().password = password;
        } else {
            field.set(kept, &theirs);
        }
        takes.push(field);
    }
    (takes, loses)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{Format, ReadOptions, WriteOptions, convert, read};

    #[test]
    fn what_a_column_keeps_stays_with_its_contact_or_is_a_loss() {
        let merged = |file: &str| {
            let mut book = read(file.as_bytes(), &ReadOptions::default()).unwrap();
            let merged = book.merge_duplicates();
            let written = convert(&book, Format::Csv, &WriteOptions::default()).unwrap();
            (merged, String::from_utf8(written.bytes).unwrap())
        };
        // The other number stays, and its row says what it said.
        let (found, text) =
            merged("Name;E-Mail;Fax;Weird\nJens;j@x.dk;5550123;first\nJens;j@x.dk;5550999;second\n");
        assert_eq!(found[0].note().weight, Weight::Correction);
        assert!(text.contains("first") && text.contains("5550999;second"), "{text}");
        // Nothing of the second row stays.
        let (found, text) = merged("Name;E-Mail;Weird\nJens;j@x.dk;first\nJens;j@x.dk;second\n");
        assert_eq!(
            (&found[0].loses_columns[..], found[0].note().weight),
            (&["Weird".into()][..], Weight::Loss)
        );
        assert!(
            found[0].note().text.contains("what it has in Weird is not kept") && !text.contains("second")
        );
        // What the first lacks it takes.
        let (found, text) = merged("Name;E-Mail;Weird\nJens;j@x.dk;\nJens;j@x.dk;second\n");
        assert_eq!(found[0].note().weight, Weight::Correction);
        assert!(text.contains("second"), "{text}");
    }
}
