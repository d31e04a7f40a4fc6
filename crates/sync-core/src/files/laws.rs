//! Laws of every room, for entries drawn within what it holds, and of one room for damaged files.

use super::{
    book::{Book, Contact, Frame, Link, TextFrame, full_name},
    columns::OF_KIND,
    field::{Field, Slot},
    holds::{Groups, Holds},
    table::finish,
    tests::{few, projected},
    *,
};
use crate::address::{Address, AddressKind};
use alloc::{format, string::String, vec::Vec};
use proptest::{prelude::*, test_runner::TestRunner};
use std::{fs, path::Path};

/// How exactly a format gives back what was written, and with it how wild a text may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Exact {
    /// Word for word, blanks at the ends too, in any order.
    Words,
    /// Word for word, in the order of the row, and nothing in any field that the format lacks.
    Row,
    /// What means the same (`projected`).
    Meaning,
}

fn exact(format: Format) -> Exact {
    match format {
        Format::CanonAbk | Format::Ldif | Format::Vcard => Exact::Words,
        Format::GoogleCsv
        | Format::Google2015Csv
        | Format::OutlookCsv
        | Format::ThunderbirdCsv
        | Format::Csv => Exact::Row,
        _ => Exact::Meaning,
    }
}

/// Text with whatever a name may have.
const TEXT: &str = "[a-cA-C0-9 ,;:=\"'+<>#/$\\\\äß日-]{0,10}";
/// Any text that says something, without blanks at its ends.
const WORD: &str = "[A-Za-zäł山\",;'-]([A-Za-z0-9äł山\",;\n '-]{0,8}[a-zł山\"])?";
/// What a cell may not be able to say as it stands.
const ODD: [&str; 9] = ["", "a", "Ü, x", "\"q\" & <b>", "名前", "Doe-Li", "it's; 1", "one two", "山田 太郎"];

/// A text of no set form.
fn any_text(format: Format) -> BoxedStrategy<String> {
    match exact(format) {
        Exact::Words => TEXT.boxed(),
        Exact::Row => prop_oneof![6 => Just(String::new()), 4 => WORD].boxed(),
        Exact::Meaning => {
            prop_oneof![2 => Just(String::new()), 1 => prop::sample::select(&ODD[..]).prop_map(String::from)]
                .boxed()
        }
    }
}

fn any_value(format: Format, field: Field) -> BoxedStrategy<String> {
    let (exact, lines) = (exact(format), format.holds().lines);
    match field {
        Field::Mail => "[a-z0-9]{1,6}@[a-c]{1,5}\\.example".boxed(),
        Field::FaxNumber if exact == Exact::Row => "[0-9*#+]{1,8}".boxed(),
        Field::FaxNumber if exact == Exact::Words => "\\+?[0-9]{1,3}[0-9 *#-]{0,6}[0-9]".boxed(),
        Field::FaxNumber => "0[0-9]{1,3}".boxed(),
        Field::Name if exact == Exact::Row => WORD.boxed(),
        Field::Label => prop::sample::select(&["", "home", "work", "other"][..]).prop_map_into().boxed(),
        // A telephone that has none is not drawn here.
        Field::PhoneLabel => "".boxed(),
        Field::Number => "".boxed(),
        Field::List if exact == Exact::Words => "[1-9]".boxed(),
        Field::AccessCode => "[1-9][0-9]{0,3}".boxed(),
        Field::FaxUri if exact == Exact::Words => "[a-c.@]{1,9}".boxed(),
        Field::FolderHost if exact == Exact::Words => "[a-c\\\\.]{1,9}".boxed(),
        Field::Note if exact == Exact::Words && lines => "[a-c ,;\n\\\\äß日]{0,40}".boxed(),
        _ if exact == Exact::Words => any_text(format),
        Field::FaxUri => "sip:[0-9]{1,3}@x\\.example".boxed(),
        Field::FaxSpeed => {
            prop::sample::select(&["33600", "14400", "9600"][..]).prop_map(String::from).boxed()
        }
        Field::FaxEcm => prop::sample::select(&["on", "off"][..]).prop_map(String::from).boxed(),
        Field::FaxSubAddress => "[1-9][0-9]{0,2}".boxed(),
        Field::FolderHost => "files[0-9]{1,3}".boxed(),
        Field::FolderPath => "in[0-9]{1,3}".boxed(),
        Field::FolderPort => "1[1-9][0-9]{0,2}".boxed(),
        Field::LoginUser => prop::sample::select(&ODD[..]).prop_map(String::from).boxed(),
        // Who writes such a file makes it of the name.
        Field::Reading if exact == Exact::Row => "".boxed(),
        Field::Given
        | Field::Family
        | Field::Organization
        | Field::Department
        | Field::Phone
        | Field::Reading => any_text(format),
        field if exact == Exact::Row && !OF_KIND.contains(&field) && field != Field::List => any_text(format),
        _ => "".boxed(),
    }
}

/// Whether all entries of a contact have it.
fn is_shared(format: Format, field: Field) -> bool {
    let of_row = exact(format) == Exact::Row && !OF_KIND.contains(&field);
    of_row || (field as usize) <= (Field::Number as usize)
}

/// As much of a text as a field may have; a wide character counts twice.
fn within(text: &str, most: usize) -> String {
    let mut left = if most == 0 { usize::MAX } else { most };
    let fits = |one: &char| {
        let width = if one.is_ascii() { 1 } else { 2 };
        left.checked_sub(width).inspect(|rest| left = *rest).is_some()
    };
    text.chars().take_while(fits).collect()
}

/// The kinds that are drawn.
fn kinds(format: Format) -> Vec<(Slot, usize)> {
    let fits = |slot: Slot| match exact(format) {
        Exact::Words => true,
        Exact::Row => matches!(slot, Slot::Mail | Slot::Fax | Slot::Nowhere),
        Exact::Meaning => !matches!(slot, Slot::Group | Slot::Nowhere | Slot::Other),
    };
    format.holds().slots.iter().copied().filter(|(slot, _)| fits(*slot)).collect()
}

/// Whether one more of a kind finds a place in a contact.
fn has_room(contact: &Contact, slot: Slot, holds: &Holds) -> bool {
    let count =
        |is: &dyn Fn(Slot) -> bool| contact.entries.iter().filter(|entry| is(Slot::of(entry))).count();
    let is_folder = |slot: Slot| matches!(slot, Slot::Smb | Slot::Ftp | Slot::WebDav);
    let is_alone = |slot: Slot| matches!(slot, Slot::Group | Slot::Nowhere | Slot::Other);
    let first = contact.entries.is_empty();
    count(&|one| one == slot) < holds.of_slot(slot)
        && contact.entries.len() < holds.together
        && (first || !is_alone(slot) && count(&is_alone) == 0)
        && !(is_folder(slot) && count(&is_folder) >= holds.folders)
}

/// Contacts that a format can hold, groups among them.
fn any_contacts(format: Format) -> impl Strategy<Value = Vec<Contact>> {
    let holds = format.holds();
    let fields: Vec<Field> = holds.fields.iter().map(|(field, _)| *field).collect();
    let each: Vec<BoxedStrategy<String>> = fields.iter().map(|field| any_value(format, *field)).collect();
    let contact = (
        prop::collection::vec((prop::sample::select(kinds(format)), each.clone()), 1..=holds.together.min(6)),
        each,
        prop::collection::vec((0..6_usize, any::<bool>()), 0..4),
        any_value(format, Field::Name),
    );
    prop::collection::vec(contact, 1..6).prop_map(move |drawn| {
        let total = drawn.len();
        let mut contacts: Vec<Contact> = Vec::new();
        for (at, (mut slots, shared, members, name)) in drawn.into_iter().enumerate() {
            let mut contact = Contact { line: Some(at as u64 + 1), ..Contact::default() };
            if let Some(needed) = holds.needs {
                slots[0].0.0 = needed;
            }
            for ((slot, _), own) in slots {
                if !has_room(&contact, slot, holds) {
                    continue;
                }
                let mut entry = slot.entry();
                if slot == Slot::Other {
                    entry.kind = AddressKind::named("new");
                }
                for ((field, most), (own, shared)) in holds.fields.iter().zip(own.iter().zip(&shared)) {
                    let one_line = holds.one_fax_line && is_fax_setting(*field);
                    let text = if is_shared(format, *field) || one_line { shared } else { own };
                    if belongs(*field, slot) && holds.limit_of(slot, *field).is_some() {
                        field.set(&mut entry, &within(text, *most));
                    }
                }
                contact.entries.push(entry);
            }
            if exact(format) == Exact::Row {
                let place =
                    |entry: &Address| holds.slots.iter().position(|(slot, _)| *slot == Slot::of(entry));
                contact.entries.sort_by_key(place);
            }
            for entry in &mut contact.entries {
                let made = entry.person.as_ref().map(full_name).unwrap_or_default();
                match exact(format) {
                    _ if holds.name_of_parts && !made.is_empty() => entry.name = made,
                    Exact::Words => {}
                    Exact::Row => entry.name.clone_from(&name),
                    Exact::Meaning => entry.name = format!("No {at}"),
                }
            }
            if Slot::of(&contact.entries[0]) == Slot::Group {
                let nested = holds.groups == Groups::Nested;
                for (member, whole) in members {
                    let link = Link { contact: member, entry: (!whole).then_some(0) };
                    let known: &[Link] = &contact.members;
                    // No ring: what leads back is not written.
                    let earlier_group =
                        contacts.get(member).is_some_and(|one| one.entry(Slot::Group).is_some());
                    if member < total
                        && member != at
                        && !earlier_group
                        && nested
                        && known.iter().all(|one| one.contact != member)
                    {
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

fn is_fax_setting(field: Field) -> bool {
    matches!(
        field,
        Field::FaxProtocol
            | Field::FaxEcm
            | Field::FaxSpeed
            | Field::FaxLineType
            | Field::FaxLine
            | Field::FaxSubAddress
    )
}

/// Whether an entry of this kind has a use for it.
fn belongs(field: Field, slot: Slot) -> bool {
    match field {
        Field::Mail => matches!(slot, Slot::Mail | Slot::Ifax),
        Field::Label => matches!(slot, Slot::Mail | Slot::Fax),
        Field::FaxNumber => slot == Slot::Fax,
        Field::FaxUri | Field::FaxUriMode | Field::FaxUriFlag => slot == Slot::IpFax,
        field if is_fax_setting(field) => slot == Slot::Fax,
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

/// Whose a contact is, its entries by their fields, and the places of its members.
type Said = (Owner, Vec<(Slot, Vec<(Field, String)>)>, Vec<usize>);

/// What the entries say, contact by contact.
fn said(contacts: &[Contact], format: Format) -> Vec<Said> {
    let exact = exact(format);
    let fields: Vec<Field> = match exact {
        Exact::Row => Field::ALL.iter().copied().filter(|field| *field != Field::Reading).collect(),
        _ => format.holds().fields.iter().map(|(f, _)| *f).filter(|field| *field != Field::Number).collect(),
    };
    // What has no label is at work, and without a telephone there is none of it.
    let text = |entry: &Address, field: Field| match (field, field.get(entry)) {
        (Field::Label | Field::PhoneLabel, text) if text == "work" => String::new(),
        (Field::PhoneLabel, _) if Field::Phone.get(entry).is_empty() => String::new(),
        (_, text) => text,
    };
    let entry = |entry: &Address| match exact {
        Exact::Meaning => projected(entry, &fields, [format, format]),
        _ => (Slot::of(entry), fields.iter().map(|field| (*field, text(entry, *field))).collect()),
    };
    let contact = |contact: &Contact| {
        let mut entries: Vec<_> = contact.entries.iter().map(entry).collect();
        if exact != Exact::Row {
            entries.sort();
        }
        (contact.owner.clone(), entries, contact.members.iter().map(|link| link.contact).collect())
    };
    contacts.iter().map(contact).collect()
}

/// Whatever a format can hold is written without a note of loss and read again as it was; what is read from there is
/// written as it stands.
fn law(format: Format, contacts: Vec<Contact>) -> Result<(), TestCaseError> {
    let from = Format::all().find(|one| *one != format).unwrap();
    let frame = Frame::Text(TextFrame::default());
    let book = Book { report: Report::default(), contacts, encoding: Encoding::UTF_8, format: from, frame };
    let written = convert(&book, format, &WriteOptions::default()).unwrap();
    let text = String::from_utf8_lossy(&written.bytes);
    prop_assert!(!written.has_losses(), "{:?}", written.notes);
    let back = read(&written.bytes, &ReadOptions::default());
    let back = back.map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
    prop_assert_eq!(back.format(), format, "{}", text);
    prop_assert_eq!(back.report.kept_out, 0, "{}", text);
    prop_assert_eq!(said(&back.contacts, format), said(&book.contacts, format), "\n{}", text);
    let named = ReadOptions { format: Some(format), ..ReadOptions::default() };
    let by_name = read(&written.bytes, &named).unwrap();
    prop_assert_eq!(by_name.report.kept_out, 0, "{}", text);
    prop_assert_eq!(said(&by_name.contacts, format), said(&book.contacts, format), "\n{}", text);
    let again = convert(&back, format, &WriteOptions::default()).unwrap();
    prop_assert_eq!(String::from_utf8_lossy(&again.bytes), text.clone());

    // The same from the entries alone, as a record has them: what the format keeps beside the model comes back too.
    let mut bare = back.clone();
    for contact in &mut bare.contacts {
        contact.source = None;
    }
    let anew = convert(&bare, format, &WriteOptions::default()).unwrap();
    let anew = read(&anew.bytes, &named).unwrap();
    let kept = |book: &Book| -> Vec<_> {
        let entries = book.contacts.iter().flat_map(|contact| &contact.entries);
        entries.map(|entry| (entry.kept_by.clone(), entry.kept.clone())).collect()
    };
    prop_assert_eq!(said(&anew.contacts, format), said(&back.contacts, format), "{}", text);
    prop_assert_eq!(kept(&anew), kept(&back), "{}", text);
    Ok(())
}

#[test]
fn what_is_written_is_read() {
    let check = |format| TestRunner::new(few()).run(&any_contacts(format), |contacts| law(format, contacts));
    // Side by side: each takes a second or so.
    let told: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> =
            Format::all().map(|format| (format, scope.spawn(move || check(format)))).collect();
        let ended = running.into_iter().map(|(format, one)| (format, one.join().unwrap()));
        ended.filter_map(|(format, done)| Some(format!("{format}: {}", done.err()?))).collect()
    });
    assert!(told.is_empty(), "{}", told.join("\n\n"));
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
            assert_eq!(Address { tie, kept_by, ..one.clone() }, *other, "{file}");
        }
    }
}
