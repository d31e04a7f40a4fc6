//! Entries that are the same address: found, shown as a plan, and merged into one.

use super::{
    Note, Weight,
    book::{Book, Link},
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
        match (self.number, self.list) {
            (Some(number), Some(list)) => {
                text.push_str(&format!("; its number {number} in list {list} goes with it"));
            }
            (Some(number), None) => text.push_str(&format!("; its number {number} goes with it")),
            (None, Some(list)) => text.push_str(&format!("; list {list} has it no more")),
            (None, None) => {}
        }
        let weight =
            if self.loses.is_empty() && self.list.is_none() { Weight::Correction } else { Weight::Loss };
        let entry = Some(self.name.clone());
        Note { weight, entry, ..Note::new(self.merges, "merged", text) }
    }
}

/// Fields that tell two entries of one address apart without saying anything of the address.
const OF_PLACE: [Field; 2] = [Field::Number, Field::List];

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
                    number,
                    list,
                });
            }
        }
        self.drop_merged(&merged);
        found
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
    for (key, text) in &goes.kept_by {
        kept.kept_by.entry(key.clone()).or_insert_with(|| text.clone());
    }
    for (key, text) in &goes.kept {
        kept.kept.entry(key.clone()).or_insert_with(|| text.clone());
    }
    (takes, loses)
}
