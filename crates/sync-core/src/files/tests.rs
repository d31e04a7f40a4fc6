//! Laws that hold for every format.

use super::{
    field::{Field, Slot},
    *,
};
use crate::address::Address;
use proptest::{
    prelude::*,
    test_runner::{TestCaseError, TestRunner},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpora")
}

/// What is stated by hand of each file: its format, and how many entries of each kind it has.
fn stated() -> Vec<(String, Format, BTreeMap<Slot, usize>)> {
    let text = fs::read_to_string(corpora().join("counts.txt")).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let (file, format) = (words.next().unwrap(), words.next().unwrap());
            let counts = words.map(|word| {
                let (slot, count) = word.split_once('=').unwrap();
                let slot = Slot::ALL.into_iter().find(|one| one.words().replace(' ', "-") == slot);
                (slot.unwrap_or_else(|| panic!("{line}")), count.parse().unwrap())
            });
            Some((file.to_string(), Format::named(format)?, counts.collect()))
        })
        .collect()
}

fn book(file: &str) -> (Vec<u8>, Book) {
    let bytes = fs::read(corpora().join(file)).unwrap();
    let book = read(&bytes, &ReadOptions::default()).unwrap_or_else(|error| panic!("{file}: {error}"));
    (bytes, book)
}

#[test]
fn every_format_has_its_room() {
    for format in Format::all() {
        assert_eq!(format.room().format, format);
        assert_eq!(Format::named(format.name()), Some(format));
    }
}

#[test]
fn every_file_is_known_and_has_the_entries_that_were_counted_by_hand() {
    for (file, format, counts) in stated() {
        let (_, book) = book(&file);
        assert_eq!(book.format(), format, "{file}");
        assert_eq!(book.by_kind(), counts, "{file}");
    }
}

#[test]
fn what_nobody_edits_comes_out_byte_for_byte() {
    for (file, format, _) in stated() {
        let (bytes, book) = book(&file);
        let written = convert(&book, format, &WriteOptions::default()).unwrap();
        assert!(written.bytes == bytes, "{file}:\n{}", String::from_utf8_lossy(&written.bytes));
        assert!(!written.has_losses(), "{file}: {:?}", written.notes);
    }
}

/// An entry by the fields that count, to compare.
fn projected(entry: &Address, fields: &[Field]) -> (Slot, Vec<(Field, String)>) {
    // No list is the first.
    let text = |field: &Field| match field.get(entry) {
        text if *field == Field::List && text.is_empty() => "1".into(),
        text => text,
    };
    let of = |field: &Field| (*field, text(field));
    (Slot::of(entry), fields.iter().map(of).collect())
}

#[test]
fn what_both_formats_hold_is_equal_and_the_rest_is_in_the_report() {
    for (file, from, _) in stated() {
        let (_, book) = book(&file);
        for to in Format::all().filter(|to| *to != from) {
            let pair = format!("{file} to {to}");
            let written = convert(&book, to, &WriteOptions::default()).unwrap();
            assert_eq!(written.given, written.written + written.kept_out, "{pair}");
            let losses = written.notes.iter().filter(|note| note.weight == Weight::Loss);
            assert!(losses.count() >= written.kept_out, "{pair}");
            if written.written == 0 {
                continue;
            }
            let options = ReadOptions { format: Some(to), ..ReadOptions::default() };
            let back = read(&written.bytes, &options).unwrap_or_else(|error| panic!("{pair}: {error}"));
            assert_eq!(
                back.entries(),
                written.written,
                "{pair}:\n{}",
                String::from_utf8_lossy(&written.bytes)
            );

            // What a note speaks of may differ.
            let noted: BTreeSet<(&str, &str)> =
                written.notes.iter().filter_map(|n| Some((n.entry.as_deref()?, n.code))).collect();
            let excused = |entry: &Address, field: Field| {
                let codes: &[&str] = match field {
                    Field::Number => return true,
                    Field::Name => &["name_changed", "cut"],
                    Field::LoginPassword => &["password_not_carried", "password_not_in_format"],
                    _ => &["cut", "lines_joined", "control_character", "value_not_in_format"],
                };
                codes.iter().any(|code| noted.contains(&(&entry.name, code)))
            };
            let fields: Vec<Field> = Field::ALL
                .iter()
                .copied()
                .filter(|f| from.holds().limit(*f).is_some() && to.holds().limit(*f).is_some())
                .filter(|f| !book.contacts.iter().flat_map(|c| &c.entries).any(|e| excused(e, *f)))
                .collect();
            let left_out: BTreeSet<&str> = written
                .notes
                .iter()
                .filter(|n| ["too_long", "no_number_left", "too_many_entries", "no_kind"].contains(&n.code))
                .filter_map(|n| n.entry.as_deref())
                .collect();
            let all = |book: &Book| {
                let entries = book.contacts.iter().flat_map(|c| &c.entries);
                let mut all: Vec<_> = entries
                    .filter(|e| to.holds().of_slot(Slot::of(e)) > 0 && !left_out.contains(&*e.name))
                    .map(|e| projected(e, &fields))
                    .collect();
                all.sort();
                all
            };
            assert_eq!(all(&back), all(&book), "{pair}");

            // And back again: what both hold is what it was.
            let again = convert(&back, from, &WriteOptions::default()).unwrap();
            let options = ReadOptions { format: Some(from), ..ReadOptions::default() };
            if again.written > 0 {
                let again =
                    read(&again.bytes, &options).unwrap_or_else(|error| panic!("{pair} and back: {error}"));
                assert_eq!(all(&again), all(&back), "{pair} and back");
            }
        }
    }
}

/// A text that this field can have.
fn any_text(field: Field, slot: Slot) -> BoxedStrategy<String> {
    let words = |words: &'static [&'static str]| prop::sample::select(words).prop_map(String::from).boxed();
    let text = |pattern: &'static str| pattern.prop_map(|text: String| text.trim().to_string()).boxed();
    match field {
        Field::Mail => text("[a-z]{1,8}(\\.[a-z]{1,3})?@[a-z]{1,6}\\.example"),
        Field::FaxNumber | Field::FaxSubAddress => text("[0-9]{3,12}"),
        Field::FaxProtocol => words(&["g3", "ecm"]),
        Field::FaxEcm => words(&["on", "off"]),
        Field::FaxSpeed => words(&["33600", "14400", "9600"]),
        Field::FaxLineType => words(&["domestic", "international1"]),
        Field::FaxLine => words(&["auto"]),
        Field::FaxUri => text("sip:[a-z]{1,8}@[a-z]{1,6}\\.example"),
        Field::FaxUriMode => words(&["ip_g3"]),
        Field::FaxUriFlag => words(&["true", "false"]),
        Field::FolderHost if slot == Slot::WebDav => text("https://[a-z]{1,6}\\.example"),
        Field::FolderHost => text("[a-z]{1,8}\\.example"),
        Field::FolderPort => words(&["8021", "1445"]),
        Field::FolderPath => text("[a-z]{1,6}(/[a-z ]{1,5}[a-z])?"),
        Field::LoginUser => text("[a-z]{1,8}"),
        Field::LoginPassword => text("[a-zA-Z0-9!,;\"$]{1,8}"),
        Field::AccessCode => text("[1-9]{1,7}"),
        Field::ReadingLanguage => words(&["en", "ja"]),
        Field::Phone | Field::Mobile => text("\\+[0-9]{3,10}"),
        _ => text("[A-Za-zäöß総,;'\"#=:.&<\\[\\]-][A-Za-zäöß総 ,;'\"#=:.&<\\[\\]-]{0,9}[A-Za-zé]"),
    }
}

/// Whether a field says something of entries of this kind.
fn belongs(field: Field, slot: Slot) -> bool {
    let fax = matches!(slot, Slot::Fax | Slot::IpFax);
    let folder = matches!(slot, Slot::Smb | Slot::Ftp | Slot::WebDav);
    match field {
        Field::Mail => matches!(slot, Slot::Mail | Slot::Ifax),
        Field::FaxUri | Field::FaxUriMode | Field::FaxUriFlag => slot == Slot::IpFax,
        Field::FaxNumber
        | Field::FaxProtocol
        | Field::FaxEcm
        | Field::FaxSpeed
        | Field::FaxLineType
        | Field::FaxLine
        | Field::FaxSubAddress => fax,
        Field::FolderHost
        | Field::FolderPort
        | Field::FolderPath
        | Field::LoginUser
        | Field::LoginPassword => folder,
        Field::Number | Field::List => false,
        _ => true,
    }
}

/// Whether it is the same for all entries of a contact.
fn is_shared(field: Field) -> bool {
    (field as usize) <= (Field::Note as usize)
}

/// Where an entry must lead somewhere.
fn is_needed(field: Field) -> bool {
    matches!(field, Field::Mail | Field::FaxNumber | Field::FolderHost | Field::FolderPath | Field::Name)
}

/// A contact that a format can hold.
fn any_contact(format: Format) -> BoxedStrategy<Contact> {
    let holds = format.holds();
    let slots: Vec<Slot> = holds
        .slots
        .iter()
        .map(|(slot, _)| *slot)
        .filter(|slot| !matches!(slot, Slot::Group | Slot::Other | Slot::Nowhere))
        .collect();
    let most = holds.together.min(slots.len()).min(3);
    let chosen = prop::sample::subsequence(slots.clone(), 1..=most.max(1));
    chosen
        .prop_flat_map(move |slots| {
            let fields: Vec<(Field, usize)> = holds.fields.to_vec();
            let shared: Vec<_> = fields
                .iter()
                .filter(|(field, _)| is_shared(*field) && *field != Field::List && *field != Field::Number)
                .map(|(field, _)| (Just(*field), prop::option::of(any_text(*field, Slot::Mail))))
                .collect();
            let own: Vec<_> = slots
                .iter()
                .map(|slot| {
                    let slot = *slot;
                    let texts: Vec<_> = fields
                        .iter()
                        .filter(|(field, _)| !is_shared(*field) && belongs(*field, slot))
                        .map(|(field, _)| {
                            let text = any_text(*field, slot);
                            let text = if is_needed(*field) {
                                text.prop_map(Some).boxed()
                            } else {
                                prop::option::of(text).boxed()
                            };
                            (Just(*field), text)
                        })
                        .collect();
                    (Just(slot), texts)
                })
                .collect();
            (shared, own, any_text(Field::Name, Slot::Mail))
        })
        .prop_map(move |(shared, own, name)| {
            let mut contact = Contact::default();
            for (slot, texts) in own {
                let entry = contact.entry_mut(slot);
                for (field, text) in texts {
                    if let Some(text) = text {
                        field.set(entry, &text);
                    }
                }
                for (field, text) in &shared {
                    if let Some(text) = text {
                        field.set(entry, &cut(text, format, *field));
                    }
                }
                if entry.name.is_empty() && !holds.name_of_parts {
                    Field::Name.set(entry, &cut(&name, format, Field::Name));
                }
            }
            contact
        })
        .prop_filter("folders", move |contact| {
            let folder = |entry: &&Address| matches!(Slot::of(entry), Slot::Smb | Slot::Ftp | Slot::WebDav);
            contact.entries.iter().filter(folder).count() <= format.holds().folders
        })
        .boxed()
}

fn cut(text: &str, format: Format, field: Field) -> String {
    match format.holds().limit(field) {
        Some(most) if most > 0 => text.chars().take(most).collect::<String>().trim().to_string(),
        _ => text.to_string(),
    }
}

#[test]
fn what_a_format_holds_is_read_as_it_was_written() {
    for format in Format::all() {
        let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
        let contacts = prop::collection::vec(any_contact(format), 1..5);
        let law = |contacts: Vec<Contact>| {
            let book = Book::of(contacts);
            let written = convert(&book, format, &WriteOptions::default()).unwrap();
            let text = String::from_utf8_lossy(&written.bytes).into_owned();
            let lost: Vec<_> = written.notes.iter().filter(|note| note.weight == Weight::Loss).collect();
            prop_assert!(lost.is_empty(), "{format}: {lost:?}");
            for options in
                [ReadOptions::default(), ReadOptions { format: Some(format), ..ReadOptions::default() }]
            {
                let back = read(&written.bytes, &options)
                    .map_err(|e| TestCaseError::fail(format!("{format}: {e}\n{text}")))?;
                prop_assert_eq!(back.format(), format, "{}", &text);
                prop_assert_eq!(back.report.kept_out, 0, "{}: {:?}\n{}", format, back.report, &text);
                let fields: Vec<Field> = format
                    .holds()
                    .fields
                    .iter()
                    .map(|(field, _)| *field)
                    .filter(|f| *f != Field::Number)
                    .collect();
                let said = |book: &Book| {
                    let of = |contact: &Contact| {
                        let mut entries: Vec<_> =
                            contact.entries.iter().map(|e| projected(e, &fields)).collect();
                        entries.sort();
                        entries
                    };
                    book.contacts.iter().map(of).collect::<Vec<_>>()
                };
                let (was, is) = (said(&book), said(&back));
                prop_assert_eq!(is, was, "{}\n{}", format, &text);
            }
            Ok(())
        };
        TestRunner::new(config).run(&contacts, law).unwrap();
    }
}
