//! Laws that hold for every format.

use super::{
    field::{Field, Slot},
    *,
};
use crate::address::Address;
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
    let of = |field: &Field| (*field, field.get(entry));
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
                    _ => &["cut", "lines_joined", "line_ends", "control_character", "value_not_in_format"],
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
