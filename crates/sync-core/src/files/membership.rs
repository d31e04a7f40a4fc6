//! Tables in which each row names the groups that it is in, by their numbers: the reverse of groups that name their
//! members.

use super::{
    Note, Weight,
    book::{Book, Contact, Link, TextFrame},
    field::Slot,
    links::label,
    table::{Cells, Table, rows, unbracket},
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

/// How the rows of a format name their groups.
pub(super) struct Membership {
    pub(super) table: &'static Table,
    /// The column by which rows are named, where it is another than the number's. It is one that the table keeps.
    pub(super) index: Option<&'static str>,
    /// The column that names the groups.
    pub(super) groups: &'static str,
    /// The column that says with `0` that the groups don't count.
    pub(super) counts: Option<&'static str>,
    /// The cells of a row that stands in a file.
    pub(super) split: fn(&str, &TextFrame) -> Vec<String>,
    /// Another column by which groups are named; they are named by their names too then.
    pub(super) also: Option<&'static str>,
}

/// What the row of a contact says of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// By what others name it.
    pub(super) index: Option<i64>,
    /// The groups that it is in.
    pub(super) groups: String,
    /// Whether one of these is in the file.
    pub(super) in_group: bool,
}

/// Which groups there are, by what rows call them.
#[derive(Default)]
struct Groups {
    numbers: BTreeMap<i64, usize>,
    words: BTreeMap<String, usize>,
}

impl Groups {
    fn find(&self, token: &str) -> Option<usize> {
        let number = token.parse().ok().and_then(|number: i64| self.numbers.get(&number));
        number.or_else(|| self.words.get(token)).copied()
    }
}

fn is_group(contact: &Contact) -> bool {
    contact.entry(Slot::Group).is_some()
}

impl Membership {
    fn tokens<'a>(&self, cell: &'a str) -> impl Iterator<Item = &'a str> {
        let names = self.also.is_some();
        let parts = cell.split(move |one: char| {
            matches!(one, ',' | ';' | '|') || (!names && (one == '/' || one.is_whitespace()))
        });
        parts.map(|part| unbracket(part).trim()).filter(|part| !part.is_empty())
    }

    fn index(&self, contact: &Contact) -> Option<i64> {
        let own = self.index.and_then(|name| self.table.kept(contact, name));
        match own {
            Some(text) => text.trim().parse().ok(),
            None => contact.entries.iter().find_map(|entry| entry.number),
        }
    }

    fn is_ignored(&self, contact: &Contact) -> bool {
        self.counts.is_some_and(|name| self.table.kept(contact, name) == Some("0"))
    }

    fn all(&self, contacts: &[Contact], indexes: &[Option<i64>]) -> Groups {
        let mut groups = Groups::default();
        for (at, contact) in contacts.iter().enumerate().filter(|(_, contact)| is_group(contact)) {
            if let Some(index) = indexes[at] {
                groups.numbers.entry(index).or_insert(at);
            }
            if let Some(also) = self.also {
                let words = [self.table.kept(contact, also).unwrap_or(""), contact.name()];
                for word in words.into_iter().map(str::trim).filter(|word| !word.is_empty()) {
                    groups.words.entry(word.into()).or_insert(at);
                }
            }
        }
        groups
    }

    /// Gives the groups of a book that was read their members. What names no group of the file is kept, with a note.
    pub(super) fn link(&self, book: &mut Book) {
        let indexes: Vec<Option<i64>> = book.contacts.iter().map(|contact| self.index(contact)).collect();
        self.note_indexes_used_twice(book, &indexes);
        let groups = self.all(&book.contacts, &indexes);
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (at, contact) in book.contacts.iter_mut().enumerate() {
            if let (Some(name), Some(index)) = (self.index, indexes[at])
                && contact.entries.iter().find_map(|entry| entry.number) == Some(index)
            {
                self.table.take_kept(contact, name);
            }
            if self.is_ignored(contact) {
                continue;
            }
            let Some(cell) = self.table.take_kept(contact, self.groups) else { continue };
            let mut rest = Vec::new();
            for token in self.tokens(&cell) {
                match groups.find(token) {
                    Some(group) if group == at => {
                        let text = format!("{} is a member of itself", label(&contact.entries[0]));
                        let entry = Some(contact.name().into());
                        let note = Note::new(contact.line, "group_in_itself", text);
                        book.report.warnings.push(Note { entry, ..note });
                    }
                    Some(group) => {
                        let members = members.entry(group).or_default();
                        if members.last() != Some(&at) {
                            members.push(at);
                        }
                    }
                    None => {
                        rest.push(token);
                        let text = format!(
                            "{} is in the group `{token}`, which is not in the file; it stays as it is",
                            label(&contact.entries[0])
                        );
                        book.report.warnings.push(Note::new(contact.line, "member_missing", text));
                    }
                }
            }
            if !rest.is_empty()
                && let Some(first) = contact.entries.first_mut()
            {
                first.kept_by.insert(self.table.kept_key(self.groups), rest.join(","));
            }
        }
        for (group, members) in members {
            let links = members.into_iter().map(|contact| Link { contact, entry: None });
            book.contacts[group].members = links.collect();
        }
        for contact in &mut book.contacts {
            contact.mark_linked();
        }
    }

    fn note_indexes_used_twice(&self, book: &mut Book, indexes: &[Option<i64>]) {
        let Some(name) = self.index else { return };
        let mut lines: BTreeMap<i64, Option<u64>> = BTreeMap::new();
        for (contact, index) in book.contacts.iter().zip(indexes) {
            let Some(index) = index else { continue };
            let Some(first) = lines.get(index) else {
                lines.insert(*index, contact.line);
                continue;
            };
            let text = format!(
                "{}: the {index} of `{name}` is in line {} too: the machine refuses such a file",
                label(&contact.entries[0]),
                first.unwrap_or(0)
            );
            book.report.warnings.push(Note::new(contact.line, "index_used_twice", text));
        }
    }

    /// What each row will say. A row that nobody edited is written anew where its groups changed.
    pub(super) fn plan(
        &self,
        contacts: &mut [Contact],
        own: Option<&TextFrame>,
        notes: &mut Vec<Note>,
    ) -> Vec<Said> {
        let indexes = self.indexes(contacts, own);
        let groups = self.all(contacts, &indexes);
        let mut wanted: Vec<BTreeSet<usize>> = alloc::vec![BTreeSet::new(); contacts.len()];
        for (at, group) in contacts.iter().enumerate().filter(|(_, contact)| is_group(contact)) {
            for link in &group.members {
                if let Some(wanted) = wanted.get_mut(link.contact) {
                    wanted.insert(at);
                }
            }
        }
        let mut said = Vec::new();
        for at in 0..contacts.len() {
            let contact = &contacts[at];
            let rest = self.rest(contact, &groups);
            let is_same = |text: &str, frame: &TextFrame| {
                let cell = self.cell_of(text, self.groups, frame);
                let (found, lost): (Vec<_>, Vec<_>) = self
                    .tokens(&cell)
                    .map(|token| (groups.find(token), token))
                    .partition(|(g, _)| g.is_some());
                let found: BTreeSet<usize> =
                    found.into_iter().filter_map(|(group, _)| group).filter(|group| *group != at).collect();
                found == wanted[at] && lost.len() <= rest.len()
            };
            let ignored = self.is_ignored(contact) && wanted[at].is_empty();
            if let (Some(frame), Some(text)) = (own, contact.unchanged())
                && !ignored
                && !is_same(text, frame)
            {
                contacts[at].mark_edited();
            }
            let mut names = Vec::new();
            for group in &wanted[at] {
                match indexes[*group] {
                    Some(index) => names.push(index.to_string()),
                    None => notes.push(not_named(&contacts[*group], &contacts[at])),
                }
            }
            let in_group = !names.is_empty();
            names.extend(rest);
            said.push(Said { index: indexes[at], groups: names.join(","), in_group });
        }
        said
    }

    fn cell_of(&self, text: &str, name: &str, frame: &TextFrame) -> String {
        let cells = (self.split)(text, frame);
        let cells = Cells { columns: &frame.columns, cells: &cells, line: 1 };
        unbracket(cells.get(name)).to_string()
    }

    /// What a contact keeps of groups that are not in the file.
    fn rest(&self, contact: &Contact, groups: &Groups) -> Vec<String> {
        let kept = self.table.kept(contact, self.groups).unwrap_or("");
        let ignored = self.is_ignored(contact);
        let missing = self.tokens(kept).filter(|token| ignored || groups.find(token).is_none());
        missing.map(String::from).collect()
    }

    /// By what each row will be named: what it was, what it keeps, its number, or the next that is free.
    fn indexes(&self, contacts: &[Contact], own: Option<&TextFrame>) -> Vec<Option<i64>> {
        let wanted = |contact: &Contact| {
            let source = own.and_then(|frame| Some((self.index?, contact.source.as_ref()?, frame)));
            let was = source.and_then(|(name, source, frame)| {
                self.cell_of(&source.text, name, frame).trim().parse().ok()
            });
            was.or_else(|| self.index(contact))
        };
        let mut indexes: Vec<Option<i64>> = contacts.iter().map(wanted).collect();
        if self.index.is_none() {
            return indexes;
        }
        let stays = |contact: &Contact| own.is_some() && contact.unchanged().is_some();
        let mut taken: BTreeSet<i64> =
            contacts.iter().zip(&indexes).filter(|(c, _)| stays(c)).filter_map(|(_, index)| *index).collect();
        let mut next = 1;
        for (_, index) in contacts.iter().zip(&mut indexes).filter(|(contact, _)| !stays(contact)) {
            if index.is_none_or(|index| index < 1 || !taken.insert(index)) {
                while !taken.insert(next) {
                    next += 1;
                }
                *index = Some(next);
            }
        }
        indexes
    }
}

/// The cells of a row that is written as tables usually are.
pub(super) fn usual_split(text: &str, frame: &TextFrame) -> Vec<String> {
    let rows = rows(text, frame.style.separator, 1).unwrap_or_default();
    rows.into_iter().next().map(|row| row.cells).unwrap_or_default()
}

fn not_named(group: &Contact, member: &Contact) -> Note {
    let text = format!(
        "{}: it has no number by which `{}` could name it; that one is left out of it",
        label(&group.entries[0]),
        member.name()
    );
    let note = Note::new(group.line, "member_left_out", text);
    Note { weight: Weight::Loss, entry: Some(group.name().into()), ..note }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{
        Encoding, Format, Owner, ReadOptions, Report, WriteOptions, book::Frame, convert, read, tests as laws,
    };
    use proptest::prelude::*;

    /// Who is in which group, by name.
    fn members(book: &Book) -> BTreeMap<String, BTreeSet<String>> {
        let groups = book.contacts.iter().filter(|contact| is_group(contact));
        let names = |group: &Contact| {
            group.members.iter().map(|link| book.contacts[link.contact].name().to_string()).collect()
        };
        groups.map(|group| (group.name().to_string(), names(group))).collect()
    }

    proptest! {
        #![proptest_config(laws::few())]

        /// Who is in which group is written and read, and what is edited then is too, in every format of these.
        #[test]
        fn groups_come_back(
            groups in prop::collection::vec(any::<bool>(), 2..8),
            pairs in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..12),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..4),
            which in 0..3_usize,
        ) {
            let format = [Format::RicohCsv, Format::RicohProgramCsv, Format::XeroxCsv][which];
            let mut book = Book {
                report: Report::default(),
                contacts: Vec::new(),
                encoding: Encoding::UTF_8,
                format: Format::CanonCsv,
                frame: Frame::Text(TextFrame::default()),
            };
            for (at, is_group) in groups.iter().enumerate() {
                let slot = if *is_group { Slot::Group } else { Slot::Mail };
                let mut entry = slot.entry();
                entry.name = format!("N{at}");
                if !is_group {
                    entry.mail = format!("n{at}@x.example");
                }
                book.contacts.push(Contact::of(Owner::None, entry));
            }
            let toggle = |book: &mut Book, pairs: &[(prop::sample::Index, prop::sample::Index)]| {
                for (group, member) in pairs {
                    let link = Link { contact: member.index(groups.len()), entry: None };
                    let at = group.index(groups.len());
                    // No ring: what leads back is not written.
                    if !groups[at] || link.contact == at || (groups[link.contact] && link.contact < at) {
                        continue;
                    }
                    let members = &mut book.contacts[at].members;
                    match members.iter().position(|one| one.contact == link.contact) {
                        Some(place) => {
                            members.remove(place);
                        }
                        None => members.push(link),
                    }
                }
            };
            toggle(&mut book, &pairs);
            let mut last = book;
            for edits in [&edits[..], &[]] {
                let written = convert(&last, format, &WriteOptions::default()).unwrap();
                prop_assert!(!written.has_losses(), "{:?}", written.notes);
                let mut back = read(&written.bytes, &ReadOptions::default()).unwrap();
                prop_assert_eq!(members(&back), members(&last), "{}", String::from_utf8_lossy(&written.bytes));
                let same = convert(&back, format, &WriteOptions::default()).unwrap();
                prop_assert!(same.bytes == written.bytes);
                toggle(&mut back, edits);
                last = back;
            }
        }
    }
}
