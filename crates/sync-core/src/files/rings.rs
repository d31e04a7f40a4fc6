//! Groups that contain themselves, at once or by way of others: whoever follows their members comes to no end.

use super::{Note, Weight, book::Contact, field::Slot, links::label};
use alloc::{format, vec, vec::Vec};

/// The links that close a ring, each as a group and the place of the link among its members. Without them there is none.
pub(super) fn closing(contacts: &[Contact]) -> Vec<(usize, usize)> {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    let is_group = |at: usize| contacts.get(at).is_some_and(|contact| contact.entry(Slot::Group).is_some());
    let mut states = vec![NEW; contacts.len()];
    let mut found = Vec::new();
    for start in 0..contacts.len() {
        if states[start] != NEW || !is_group(start) {
            continue;
        }
        states[start] = OPEN;
        let mut path = vec![(start, 0)];
        while let Some((at, place)) = path.last_mut() {
            let Some(link) = contacts[*at].members.get(*place) else {
                states[*at] = DONE;
                path.pop();
                continue;
            };
            let (group, here) = (*at, *place);
            *place += 1;
            match states.get(link.contact) {
                Some(&OPEN) => found.push((group, here)),
                Some(&NEW) if is_group(link.contact) => {
                    states[link.contact] = OPEN;
                    path.push((link.contact, 0));
                }
                _ => {}
            }
        }
    }
    found
}

/// What a report says of a link that closes a ring.
pub(super) fn note(contacts: &[Contact], (group, place): (usize, usize), weight: Weight) -> Note {
    let contact = &contacts[group];
    let member = contact.members.get(place).and_then(|link| contacts.get(link.contact));
    let member = member.map_or("", Contact::name);
    let group = contact.entries.first();
    let named = group.map(label).unwrap_or_default();
    let text = match weight {
        Weight::Loss => {
            format!("{named}: its member `{member}` leads back to it; it is left out of the group")
        }
        _ => format!("{named}: its member `{member}` leads back to it; no other format gets it"),
    };
    let note = Note::new(contact.line, "group_in_itself", text);
    Note { weight, entry: group.map(|group| group.name.clone()), ..note }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{Format, ReadOptions, WriteOptions, book::Link, convert, read};
    use alloc::string::String;

    fn codes(notes: &[Note]) -> usize {
        notes.iter().filter(|note| note.code == "group_in_itself").count()
    }

    /// A file of the format whose groups A and B are members of one another, and A of itself.
    fn ring(format: Format) -> Vec<u8> {
        let cards = b"BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:A\nUID:a\nMEMBER:b\nMEMBER:m\nEND:VCARD\n\
            BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:B\nUID:b\nMEMBER:m\nEND:VCARD\n\
            BEGIN:VCARD\nVERSION:4.0\nFN:M\nUID:m\nEMAIL:m@x.example\nEND:VCARD\n";
        let written =
            convert(&read(cards, &ReadOptions::default()).unwrap(), format, &WriteOptions::default())
                .unwrap();
        written.bytes
    }

    #[test]
    fn a_ring_is_noted_and_cut_when_it_goes_into_any_format() {
        let nested =
            || Format::all().filter(|format| format.holds().groups == crate::files::holds::Groups::Nested);
        assert!(nested().count() > 3);
        for format in nested() {
            let mut book = read(&ring(format), &ReadOptions::default()).unwrap();
            let at = |name: &str| book.contacts.iter().position(|contact| contact.name() == name).unwrap();
            let (a, b) = (at("A"), at("B"));
            book.contacts[b].members.push(Link { contact: a, entry: None });
            book.contacts[a].members.push(Link { contact: a, entry: None });
            assert_eq!(closing(&book.contacts).len(), 2, "{format}");
            for to in nested() {
                let written = convert(&book, to, &WriteOptions::default()).unwrap();
                assert_eq!(codes(&written.notes), 2, "{format} to {to}: {:?}", written.notes);
                let back = read(&written.bytes, &ReadOptions { format: Some(to), ..ReadOptions::default() });
                let back = back.unwrap();
                assert_eq!(closing(&back.contacts), [], "{format} to {to}");
                assert_eq!(
                    back.contacts.iter().map(|one| one.members.len()).sum::<usize>(),
                    3,
                    "{format} to {to}"
                );
            }
        }
    }

    #[test]
    fn a_file_with_a_ring_is_read_with_a_note_and_comes_back_as_it_was() {
        let cards = "BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:A\nUID:a\nMEMBER:a\nMEMBER:b\nEND:VCARD\n\
            BEGIN:VCARD\nVERSION:4.0\nKIND:group\nFN:B\nUID:b\nMEMBER:a\nEND:VCARD\n";
        let directory = "dn: cn=A\nobjectClass: groupOfNames\ncn: A\nmember: cn=A\n";
        let ricoh = String::from_utf8(ring(Format::RicohCsv)).unwrap();
        let index = |line: &str| line.split(',').next().unwrap().to_string();
        let own = ricoh.lines().find(|line| line.contains("\"[A]\"")).unwrap();
        // The column of groups is the fifth from the last.
        let mut cells: Vec<String> = own.split(',').map(String::from).collect();
        let groups = cells.len() - 6;
        cells[groups] = index(own);
        let itself = ricoh.replace(own, &cells.join(","));
        for (text, rings) in [(cards, 2), (directory, 1), (&*itself, 1)] {
            let book = read(text.as_bytes(), &ReadOptions::default()).unwrap();
            assert_eq!(codes(&book.report.warnings), rings, "{text}\n{:?}", book.report.warnings);
            let written = convert(&book, book.format(), &WriteOptions::default()).unwrap();
            assert_eq!(String::from_utf8(written.bytes).unwrap(), text);
        }
    }
}
