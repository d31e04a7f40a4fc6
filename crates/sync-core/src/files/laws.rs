//! Laws of one room, for entries drawn within what it holds and for damaged files.

use super::{
    book::{Book, Contact, Frame, Link, TextFrame},
    field::{Field, Slot},
    holds::Groups,
    table::finish,
    *,
};
use crate::address::AddressKind;
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use proptest::prelude::*;
use std::{fs, path::Path};

/// Text with whatever a name may have.
const TEXT: &str = "[a-cA-C0-9 ,;:=\"'+<>#/$\\\\äß日-]{0,10}";

fn any_value(field: Field, lines: bool) -> BoxedStrategy<String> {
    match field {
        Field::Mail => "[a-c]{1,4}@[a-c]{1,3}\\.example".boxed(),
        Field::FaxNumber => "\\+?[0-9]{1,3}[0-9 *#-]{0,6}[0-9]".boxed(),
        Field::List => "[1-9]".boxed(),
        Field::Number => "".boxed(),
        Field::AccessCode => "[1-9][0-9]{0,3}".boxed(),
        Field::FaxUri => "[a-c.@]{1,9}".boxed(),
        Field::FolderHost => "[a-c\\\\.]{1,9}".boxed(),
        Field::Note if lines => "[a-c ,;\n\\\\äß日]{0,40}".boxed(),
        _ => TEXT.boxed(),
    }
}

/// Whether all entries of a contact have it.
fn is_shared(field: Field) -> bool {
    (field as usize) <= (Field::Number as usize)
}

/// Contacts that a format can hold, groups among them.
pub(super) fn any_contacts(format: Format) -> impl Strategy<Value = Vec<Contact>> {
    let holds = format.holds();
    let fields: Vec<Field> = holds.fields.iter().map(|(field, _)| *field).collect();
    let each: Vec<BoxedStrategy<String>> =
        fields.iter().map(|field| any_value(*field, holds.lines)).collect();
    let slots: Vec<(Slot, usize)> = holds.slots.to_vec();
    let together = holds.together.min(4);
    let contact = (
        prop::collection::vec((prop::sample::select(slots), each.clone()), 1..=together),
        each,
        prop::collection::vec((0..6_usize, any::<bool>()), 0..4),
    );
    prop::collection::vec(contact, 1..6).prop_map(move |drawn| {
        let total = drawn.len();
        let mut contacts: Vec<Contact> = Vec::new();
        for (at, (slots, shared, members)) in drawn.into_iter().enumerate() {
            let mut contact = Contact { line: Some(at as u64 + 1), ..Contact::default() };
            let first = slots[0].0.0;
            let alone = matches!(first, Slot::Group | Slot::Nowhere | Slot::Other);
            for ((slot, most), own) in slots {
                let has = contact.entries.iter().filter(|entry| Slot::of(entry) == slot).count();
                if has >= most || (has + contact.entries.len() > 0 && (alone || slot == Slot::Group)) {
                    continue;
                }
                if matches!(slot, Slot::Nowhere | Slot::Other) && !contact.entries.is_empty() {
                    continue;
                }
                let mut entry = slot.entry();
                if slot == Slot::Other {
                    entry.kind = AddressKind::named("new");
                }
                for (field, (own, shared)) in fields.iter().zip(own.iter().zip(&shared)) {
                    let text = if is_shared(*field) { shared } else { own };
                    if belongs(*field, slot) {
                        field.set(&mut entry, text);
                    }
                }
                contact.entries.push(entry);
            }
            if first == Slot::Group {
                let nested = holds.groups == Groups::Nested;
                for (member, whole) in members {
                    let link = Link { contact: member, entry: (!whole).then_some(0) };
                    let known: &[Link] = &contact.members;
                    if member < total && nested && known.iter().all(|one| one.contact != member) {
                        contact.members.push(link);
                    }
                }
            }
            finish(&mut contact, &mut Report::default());
            contacts.push(contact);
        }
        contacts
    })
}

/// Whether an entry of this kind has a use for it.
fn belongs(field: Field, slot: Slot) -> bool {
    match field {
        Field::Mail => matches!(slot, Slot::Mail | Slot::Ifax),
        Field::FaxNumber => slot == Slot::Fax,
        Field::FaxUri | Field::FaxUriMode | Field::FaxUriFlag => slot == Slot::IpFax,
        Field::FaxProtocol
        | Field::FaxEcm
        | Field::FaxSpeed
        | Field::FaxLineType
        | Field::FaxLine
        | Field::FaxSubAddress => slot == Slot::Fax,
        Field::FolderHost
        | Field::FolderPort
        | Field::FolderPath
        | Field::LoginUser
        | Field::LoginPassword => {
            matches!(slot, Slot::Smb | Slot::Ftp | Slot::WebDav)
        }
        _ => true,
    }
}

/// The entries of a contact by their fields, and the places of its members.
type Said = (Vec<(Slot, Vec<String>)>, Vec<usize>);

/// What the entries say, contact by contact.
fn said(contacts: &[Contact], fields: &[Field]) -> Vec<Said> {
    let entry = |entry: &crate::address::Address| {
        (Slot::of(entry), fields.iter().map(|field| field.get(entry)).collect())
    };
    let contact = |contact: &Contact| {
        let mut entries: Vec<_> = contact.entries.iter().map(entry).collect();
        entries.sort();
        (entries, contact.members.iter().map(|link| link.contact).collect())
    };
    contacts.iter().map(contact).collect()
}

/// What is written is read, and what is read from there is written as it stands.
pub(super) fn what_is_written_is_read(format: Format, contacts: Vec<Contact>) {
    let other = Format::all().find(|one| *one != format).unwrap();
    let book = Book {
        report: Report::default(),
        contacts,
        encoding: Encoding::UTF_8,
        format: other,
        frame: Frame::Text(TextFrame::default()),
    };
    let written = convert(&book, format, &WriteOptions::default()).unwrap();
    let text = || String::from_utf8_lossy(&written.bytes).to_string();
    assert!(!written.has_losses(), "{:?}", written.notes);
    let back = read(&written.bytes, &ReadOptions::default()).unwrap_or_else(|e| panic!("{e}\n{}", text()));
    assert_eq!(back.format(), format, "{}", text());
    let fields: Vec<Field> =
        format.holds().fields.iter().map(|(field, _)| *field).filter(|f| *f != Field::Number).collect();
    assert_eq!(said(&back.contacts, &fields), said(&book.contacts, &fields), "\n{}", text());
    let again = convert(&back, format, &WriteOptions::default()).unwrap();
    assert_eq!(String::from_utf8_lossy(&again.bytes), text());

    // The same from the entries alone, as a record has them: what the format keeps beside the model comes back too.
    let mut bare = back.clone();
    for contact in &mut bare.contacts {
        contact.source = None;
    }
    let anew = convert(&bare, format, &WriteOptions::default()).unwrap();
    let anew = read(&anew.bytes, &ReadOptions { format: Some(format), ..ReadOptions::default() }).unwrap();
    let kept = |book: &Book| -> Vec<_> {
        let entries = book.contacts.iter().flat_map(|contact| &contact.entries);
        entries.map(|entry| (entry.kept_by.clone(), entry.kept.clone())).collect()
    };
    assert_eq!(said(&anew.contacts, &fields), said(&back.contacts, &fields));
    assert_eq!(kept(&anew), kept(&back), "{}", text());
}

fn corpus(file: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpora").join(file);
    fs::read(path).unwrap()
}

/// A file with some of its bytes changed, cut or twice.
pub(super) fn any_damage(files: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0..4_u8, any::<u8>());
    (prop::sample::select(files), prop::collection::vec(change, 0..6)).prop_map(|(file, changes)| {
        let mut bytes = corpus(file);
        bytes.truncate(6_000);
        for (one, other, what, byte) in changes {
            let (one, other) = (one.index(bytes.len()), other.index(bytes.len()));
            match what {
                0 => bytes[one] = byte,
                1 => bytes[one] = b"\n:;=\"\\ ,"[usize::from(byte) % 8],
                2 => bytes.truncate(one.max(40)),
                _ => {
                    let part = bytes[one.min(other)..one.max(other)].to_vec();
                    bytes.splice(one..one, part);
                    bytes.truncate(12_000);
                }
            }
        }
        bytes
    })
}

/// Whatever is in a file, it is read or refused, and comes out as it was.
pub(super) fn no_damage_harms(format: Format, bytes: &[u8]) {
    for to in [None, Some(format)] {
        let Ok(book) = read(bytes, &ReadOptions { format: to, ..ReadOptions::default() }) else { continue };
        let written = convert(&book, book.format(), &WriteOptions::default()).unwrap();
        if book.encoding.is_utf8() && book.format() == format {
            assert_eq!(String::from_utf8_lossy(&written.bytes), String::from_utf8_lossy(bytes));
        }
    }
}

/// The entries of a file, edited, come back from the file that is written with everything that it kept.
pub(super) fn an_edit_keeps_the_rest(file: &str) {
    let mut book = read(&corpus(file), &ReadOptions::default()).unwrap();
    let format = book.format();
    for contact in &mut book.contacts {
        for entry in &mut contact.entries {
            entry.name.push_str(" edited");
        }
    }
    let written = convert(&book, format, &WriteOptions::default()).unwrap();
    assert!(!written.has_losses(), "{file}: {:?}", written.notes);
    let back = read(&written.bytes, &ReadOptions::default()).unwrap_or_else(|e| panic!("{file}: {e}"));
    assert_eq!(back.format(), format);
    assert_eq!(back.report.kept_out, book.report.kept_out, "{file}");
    assert_eq!(back.contacts.len(), book.contacts.len());
    for (one, other) in back.contacts.iter().zip(&book.contacts) {
        assert_eq!(one.members, other.members, "{file}");
        for (one, other) in one.entries.iter().zip(&other.entries) {
            for (key, kept) in &other.kept_by {
                assert_eq!(one.kept_by.get(key), Some(kept), "{file}: {key}");
            }
            let (tie, kept_by) = (other.tie.clone(), other.kept_by.clone());
            assert_eq!(crate::address::Address { tie, kept_by, ..one.clone() }, *other, "{file}");
        }
    }
}
