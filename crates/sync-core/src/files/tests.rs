//! Laws that hold for every format.

#![allow(clippy::unwrap_used)]

use super::{
    field::{Field, Slot},
    *,
};
use crate::address::Address;
use alloc::collections::{BTreeMap, BTreeSet};
use proptest::{prelude::*, test_runner::TestRunner};
use std::{
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

/// An entry by the fields that count, to compare. What means the same is the same: a reading that is the name and none,
/// what a format says where nothing is said and nothing, and a server's place however it is parted.
pub(super) fn projected(
    entry: &Address,
    fields: &[Field],
    formats: [Format; 2],
) -> (Slot, Vec<(Field, String)>) {
    let slot = Slot::of(entry);
    let parts = formats.iter().all(|format| format.holds().limit(Field::FamilyReading).is_some());
    let of = |field: &Field| {
        let lacks = formats.iter().any(|format| format.holds().limit_of(slot, *field).is_none());
        let text = field.get(entry);
        let usual = formats.iter().flat_map(|format| format.holds().usual);
        let usual =
            usual.filter(|(of, at, _)| (*of, *at) == (slot, *field)).any(|(_, _, usual)| *usual == text);
        let text = match field {
            _ if lacks || usual => String::new(),
            Field::Reading | Field::ShortName if text == entry.name => String::new(),
            // What is made of its parts says no more than they do.
            Field::Reading
                if parts && entry.person.as_ref().is_some_and(|person| columns::reading(person) == text) =>
            {
                String::new()
            }
            // Alone it is the name; beside a last name it is a part of one.
            Field::Given if text == entry.name && Field::Family.get(entry).is_empty() => String::new(),
            Field::FolderHost if slot == Slot::Smb => String::new(),
            Field::FolderPath if slot == Slot::Smb => {
                let whole = folder::whole_path(&Field::FolderHost.get(entry), &text).replace('/', "\\");
                whole.trim_end_matches('\\').into()
            }
            Field::List if text == "1" => String::new(),
            Field::Label | Field::PhoneLabel if text == "work" => String::new(),
            _ => text,
        };
        (*field, text)
    };
    (slot, fields.iter().map(of).collect())
}

/// The names of the entries of which a report says that they are not in the file.
fn left_out(written: &Written) -> BTreeSet<&str> {
    let codes = [
        "too_long",
        "no_number_left",
        "too_many_entries",
        "no_kind",
        "no_name",
        "empty_group",
        "group_merged",
        "character_not_in_format",
        "mail_not_in_format",
        "group_without_members",
        "group_joined",
    ];
    let names = written.notes.iter().filter(|n| codes.contains(&n.code)).filter_map(|n| n.entry.as_deref());
    names.map(|name| if name.ends_with(" without a name") { "" } else { name }).collect()
}

fn same<T: PartialEq + core::fmt::Debug>(one: &[T], other: &[T], what: &str) {
    let lacks = |one: &[T], other: &[T]| {
        one.iter().filter(|entry| !other.contains(entry)).map(|e| format!("{e:?}")).collect::<Vec<_>>()
    };
    assert!(one == other, "{what}:\n{:#?}\nwas\n{:#?}", lacks(one, other), lacks(other, one));
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
                    Field::Name => &["name_changed", "cut", "character_replaced"],
                    Field::LoginPassword => &["password_not_carried", "password_not_in_format"],
                    _ => &[
                        "cut",
                        "lines_joined",
                        "line_ends",
                        "control_character",
                        "value_not_in_format",
                        "character_replaced",
                    ],
                };
                codes.iter().any(|code| noted.contains(&(&entry.name, code)))
            };
            let fields: Vec<Field> = Field::ALL
                .iter()
                .copied()
                .filter(|f| from.holds().limit(*f).is_some() && to.holds().limit(*f).is_some())
                .filter(|f| !book.contacts.iter().flat_map(|c| &c.entries).any(|e| excused(e, *f)))
                .collect();
            let left_out = left_out(&written);
            let all = |book: &Book, left_out: &BTreeSet<&str>| {
                let entries = book.contacts.iter().flat_map(|c| &c.entries);
                let mut all: Vec<_> = entries
                    .filter(|e| to.holds().of_slot(Slot::of(e)) > 0 && !left_out.contains(&*e.name))
                    .map(|e| projected(e, &fields, [from, to]))
                    .collect();
                all.sort();
                all
            };
            same(&all(&back, &left_out), &all(&book, &left_out), &pair);

            // And back again: what both hold is what it was.
            let once_more = convert(&back, from, &WriteOptions::default()).unwrap();
            let options = ReadOptions { format: Some(from), ..ReadOptions::default() };
            if once_more.written > 0 {
                let again = read(&once_more.bytes, &options)
                    .unwrap_or_else(|error| panic!("{pair} and back: {error}"));
                let left_out = self::left_out(&once_more);
                same(&all(&again, &left_out), &all(&back, &left_out), &format!("{pair} and back"));
            }
        }
    }
}

pub(super) fn few() -> ProptestConfig {
    ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() }
}

/// Whatever happens to a file, a reader reads it or says what is wrong, and writes what it read.
pub(super) fn no_damage_makes_it_panic(file: &str) {
    let (bytes, book) = book(file);
    let format = book.format();
    let damage = (any::<prop::sample::Index>(), 0..6_usize, prop::collection::vec(any::<u8>(), 0..4));
    const ODD: [&[u8]; 12] =
        [b"\"", b",", b"\n", b"\r", b"<", b">", b"&x;", b"\xff", b"[", b"\0", b"=", b"/"];
    let odd = prop::sample::select(&ODD[..]);
    let damages = prop::collection::vec((damage, odd), 1..4);
    type Damage<'a> = ((prop::sample::Index, usize, Vec<u8>), &'a [u8]);
    let law = |damages: Vec<Damage<'_>>| {
        let mut bytes = bytes.clone();
        for ((at, length, instead), odd) in damages {
            let at = at.index(bytes.len() + 1);
            let end = (at + length).min(bytes.len());
            bytes.splice(at..end, instead.into_iter().chain(odd.iter().copied()));
        }
        for format in [None, Some(format)] {
            let options = ReadOptions { format, ..ReadOptions::default() };
            if let Ok(book) = read(&bytes, &options) {
                for to in [book.format(), Format::CanonCsv] {
                    let written = convert(&book, to, &WriteOptions::default());
                    if to == book.format()
                        && let Ok(written) = written
                    {
                        prop_assert!(book.encoding.name() != "UTF-8" || written.bytes == bytes);
                    }
                }
            }
        }
        Ok(())
    };
    let mut runner = TestRunner::new(few());
    runner.run(&damages, law).unwrap_or_else(|error| panic!("{error}"));
}
