//! An address book as it was read from a file of any format.

use super::{Format, Owner, Report, canon_csv, field::Slot, text::Encoding};
use crate::{
    address::{Address, Person},
    canonical::Encoder,
    value::Value,
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec::Vec,
};
use core::fmt;

/// One of the entries of a book: its contact, and which of the contact's entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link {
    /// Place in [`Book::contacts`].
    pub contact: usize,
    /// Place in [`Contact::entries`]; `None`: the contact, by whatever leads to it.
    pub entry: Option<usize>,
}

/// What one row, block or element of a file is: a person, a place or a group, with all that leads there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// The line at which it begins, from 1; `None` if it was added.
    pub line: Option<u64>,
    /// Whose list it is in.
    pub owner: Owner,
    /// What leads there, at least one; a group is one entry. All of one contact have the same name and person.
    pub entries: Vec<Address>,
    /// The members of a group that are in the same book, in their order. What a group names and the book doesn't have
    /// is in [`Address::members`].
    pub members: Vec<Link>,
    /// As it stands in the file.
    pub(super) source: Option<Source>,
}

/// The text of a contact in its file, which may hold a secret, and what it said.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Source {
    /// What stands before it and belongs to nobody: remarks, empty lines, wrong rows.
    pub(super) before: Box<str>,
    pub(super) text: Box<str>,
    /// Of what was read from it; see [`Contact::mark_read`].
    likeness: [u8; 32],
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.text.len())
    }
}

impl Contact {
    /// A contact of one entry.
    #[must_use]
    pub fn of(owner: Owner, address: Address) -> Self {
        Self { owner, entries: alloc::vec![address], ..Self::default() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.entries.first().map_or("", |entry| &entry.name)
    }

    /// The first entry of this kind.
    #[must_use]
    pub fn entry(&self, slot: Slot) -> Option<&Address> {
        self.entries.iter().find(|entry| Slot::of(entry) == slot)
    }

    /// The first entry of this kind, made if there is none yet.
    pub fn entry_mut(&mut self, slot: Slot) -> &mut Address {
        let place = self.entries.iter().position(|entry| Slot::of(entry) == slot).unwrap_or_else(|| {
            self.entries.push(slot.entry());
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }

    /// Keeps the text that it was read from, which is written again as long as nobody edits the contact.
    pub(super) fn mark_read(&mut self, before: &str, text: &str) {
        self.source = Some(Source { before: before.into(), text: text.into(), likeness: self.likeness() });
    }

    /// What stands before it in its file.
    pub(super) fn before(&self) -> &str {
        self.source.as_ref().map_or("", |source| &source.before)
    }

    /// Makes its text in the file not be written again, though it says what it said: what it says of others changed.
    pub(super) fn mark_edited(&mut self) {
        if let Some(source) = &mut self.source {
            source.likeness = [0; 32];
        }
    }

    /// As mark_read, after the members of a group were found.
    pub(super) fn mark_linked(&mut self) {
        let likeness = self.likeness();
        if let Some(source) = &mut self.source {
            source.likeness = likeness;
        }
    }

    /// Its text in the file, if it still says what was read from it.
    pub(super) fn unchanged(&self) -> Option<&str> {
        self.source.as_ref().filter(|source| source.likeness == self.likeness()).map(|source| &*source.text)
    }

    fn likeness(&self) -> [u8; 32] {
        let mut encoder = Encoder::default();
        let (kind, name) = match &self.owner {
            Owner::None => ("", ""),
            Owner::Person { user, .. } => ("user", &**user),
            Owner::Group { name } => ("group", &**name),
        };
        encoder.text(kind);
        encoder.text(name);
        for entry in &self.entries {
            encoder.value(&Value::Map(entry.to_fields()));
        }
        for link in &self.members {
            encoder.value(&Value::Int(i64::try_from(link.contact).unwrap_or(i64::MAX)));
            encoder
                .value(&Value::Int(link.entry.map_or(-1, |entry| i64::try_from(entry).unwrap_or(i64::MAX))));
        }
        encoder.sha256()
    }
}

/// What stands around the contacts of a file, and how they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Frame {
    /// A Canon address book as CSV has a room that does this by itself.
    Canon(Box<canon_csv::Frame>),
    /// Text before, after and between.
    Text(TextFrame),
    /// The book was read from no file.
    Nothing,
}

/// The text around the contacts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TextFrame {
    /// Everything before the first contact, with its line end.
    pub(super) head: String,
    /// Everything after the last that is no contact.
    pub(super) tail: String,
    /// The columns, where the file has some.
    pub(super) columns: Vec<String>,
    /// Of a format whose contacts have things beside them that lead to them: those that lead to none.
    pub(super) strays: BTreeSet<String>,
    /// How a table is written.
    pub(super) style: super::table::Style,
    /// What the columns mean, where that differs from file to file.
    pub(super) layout: Vec<super::columns::Chosen>,
    /// How many groups its rows name that are no rows themselves.
    pub(super) groups: usize,
    /// At writing: the groups that each contact is in, where they are no rows themselves.
    pub(super) groups_of: BTreeMap<usize, Vec<usize>>,
}

/// An address book from a file of any format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Book {
    /// What became of the rows, and what was odd.
    pub report: Report,
    /// Its contacts, in their order.
    pub contacts: Vec<Contact>,
    /// In which characters it stands.
    pub encoding: Encoding,
    pub(super) format: Format,
    pub(super) frame: Frame,
}

impl Book {
    /// A book that was read from no file. All links of its groups must be to contacts that are there.
    #[must_use]
    pub fn of(contacts: Vec<Contact>) -> Self {
        let report = Report { read: contacts.len(), ..Report::default() };
        let (encoding, format) = (Encoding::UTF_8, Format::CanonCsv);
        Self { report, contacts, encoding, format, frame: Frame::Nothing }
    }

    /// The format that it was read from.
    #[must_use]
    pub const fn format(&self) -> Format {
        self.format
    }

    /// How many entries it has: each contact counts as often as it has destinations.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.contacts.iter().map(|contact| contact.entries.len()).sum()
    }

    /// How many entries of each kind it has.
    #[must_use]
    pub fn by_kind(&self) -> BTreeMap<Slot, usize> {
        let mut counts = BTreeMap::new();
        for entry in self.contacts.iter().flat_map(|contact| &contact.entries) {
            *counts.entry(Slot::of(entry)).or_default() += 1;
        }
        counts
    }
}

/// The name that a person's parts make: in the order of western names, or where both are written in Chinese characters, kana
/// or hangul, the last name first.
pub(super) fn full_name(person: &Person) -> String {
    let Person { prefix, given, middle, family, suffix, .. } = person;
    let parts = if is_eastern(given) && is_eastern(family) {
        [prefix, family, middle, given, suffix]
    } else {
        [prefix, given, middle, family, suffix]
    };
    let parts: Vec<&str> =
        parts.into_iter().map(|part| part.trim()).filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

fn is_eastern(text: &str) -> bool {
    let eastern = |one: char| matches!(one, '\u{3005}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}' | '\u{f900}'..='\u{faff}');
    !text.is_empty() && text.chars().all(eastern)
}
