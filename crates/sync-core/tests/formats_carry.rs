//! What must go from one format into another is stated by hand in `tests/corpora/carries.txt`: for each format the kinds of
//! destination and the fields that its maker's files have. Of a pair it is what both have. Nothing of that may be reported
//! as lost.
#![allow(clippy::unwrap_used)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};
use sync_core::files::{
    Format, Note, ReadOptions, WriteOptions, convert,
    field::{Field, Slot},
    read,
};

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpora")
}

/// What a format carries, by the words of its kinds and fields.
#[derive(Debug, Default)]
struct Carries {
    kinds: BTreeSet<String>,
    fields: BTreeSet<String>,
}

fn stated() -> BTreeMap<String, Carries> {
    let text = fs::read_to_string(corpora().join("carries.txt")).unwrap();
    let mut all = BTreeMap::<String, Carries>::new();
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let (name, said) = line.split_once(':').unwrap();
        let (format, what) = name.rsplit_once(' ').unwrap();
        let carries = all.entry(format.trim().into()).or_default();
        let words = said.split(',').map(|word| word.trim().to_string()).filter(|word| !word.is_empty());
        match what {
            "kinds" => carries.kinds.extend(words),
            "fields" => carries.fields.extend(words),
            _ => panic!("{line}"),
        }
    }
    all
}

#[test]
fn the_stated_table_knows_every_format_kind_and_field_by_name() {
    let stated = stated();
    for format in Format::all() {
        let carries = stated.get(format.name()).unwrap_or_else(|| panic!("{format} is not stated"));
        for kind in &carries.kinds {
            let slot = Slot::ALL.into_iter().find(|slot| slot.words() == kind);
            let slot = slot.unwrap_or_else(|| panic!("{format}: there is no kind `{kind}`"));
            assert!(format.holds().of_slot(slot) > 0, "{format} must hold {kind}");
        }
        for name in &carries.fields {
            let field = Field::named(name).unwrap_or_else(|| panic!("{format}: there is no field `{name}`"));
            assert!(format.holds().limit(field).is_some(), "{format} must hold {name}");
        }
    }
}

/// The fields of which a report says that the new format has none for them.
fn said_lost(note: &Note) -> Vec<Field> {
    let Some((_, list)) = note.text.split_once("has no field for: ") else { return Vec::new() };
    let named = |words: &str| Field::ALL.iter().copied().find(|field| field.words() == words.trim());
    list.split(", ").filter_map(named).collect()
}

#[test]
fn what_both_formats_carry_is_never_reported_as_lost() {
    let stated = stated();
    let counts = fs::read_to_string(corpora().join("counts.txt")).unwrap();
    let mut looked_at = 0;
    for line in counts.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let file = line.split_whitespace().next().unwrap();
        let book = read(&fs::read(corpora().join(file)).unwrap(), &ReadOptions::default()).unwrap();
        let from = &stated[book.format().name()];
        for to in Format::all() {
            let carries = &stated[to.name()];
            let written = convert(&book, to, &WriteOptions::default()).unwrap();
            for note in &written.notes {
                looked_at += 1;
                for field in said_lost(note) {
                    let both = from.fields.contains(field.name()) && carries.fields.contains(field.name());
                    assert!(!both, "{file} to {to}: {} is carried: {}", field.name(), note.text);
                }
                if note.code == "kind_not_in_format" {
                    let both = from.kinds.iter().filter(|kind| carries.kinds.contains(*kind));
                    let lost = both.filter(|kind| note.text.contains(&format!("holds no {kind};")));
                    assert_eq!(lost.count(), 0, "{file} to {to}: {}", note.text);
                }
            }
        }
    }
    assert!(looked_at > 1_000, "{looked_at}");
}
