#![allow(clippy::unwrap_used)]

use super::*;
use crate::{canonical::Encoder, time::Timestamp, value::tests::any_value};
use alloc::{string::ToString as _, vec, vec::Vec};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

type Fields = BTreeMap<FieldName, Value>;

fn fields() -> impl Strategy<Value = Fields> {
    prop::collection::btree_map("[a-z.]{0,6}", any_value(), 0..4)
}

/// What a later version may say: names that this one does not know.
fn rest() -> impl Strategy<Value = BTreeMap<String, Value>> {
    prop::collection::btree_map("x[a-z]{0,4}", any_value(), 0..2)
}

/// Records in the order of a section.
fn records(secrets: bool) -> impl Strategy<Value = Vec<Entry>> {
    let name = (prop_oneof![Just("local"), Just("user/alice"), Just("group/sales")], 0..6_u128);
    let what = (fields(), any::<bool>().prop_map(move |secret| secret && secrets), rest());
    prop::collection::btree_map(name, what, 0..5).prop_map(|records| {
        let entry = |((place, id), (fields, secret, rest)): ((&str, u128), (Fields, bool, Fields))| {
            let id = RecordId(Uuid::from_u128(id));
            Entry { secret, rest, ..Entry::new("", place, id, fields) }
        };
        records.into_iter().map(entry).collect()
    })
}

fn manifest() -> impl Strategy<Value = Manifest> {
    let texts = (".{0,6}", ".{0,6}", ".{0,6}", prop::option::of("[a-z]{2}"));
    let versions = prop::collection::btree_map("[a-z]{0,4}", "[0-9.]{0,4}", 0..3);
    let policy = prop_oneof![
        Just(PolicyPassword::NotKnown),
        Just(PolicyPassword::None),
        "[0-9a-f]{64}".prop_map(PolicyPassword::Set)
    ];
    let moments = (any::<i64>(), prop::option::of(any::<i64>()), any::<u16>());
    (texts, versions, policy, moments, rest(), rest()).prop_map(
        |((product, name, model, language), versions, policy, (made, heard, minor), rest, of_source)| {
            let source = Source { name, model, language, versions, rest: of_source };
            let manifest = Manifest::new(product, Timestamp(made), source);
            let heard = heard.map(Timestamp);
            Manifest { minor, heard, policy_password: policy, rest, ..manifest }
        },
    )
}

/// A manifest with its sections, and their records.
fn bundle(secrets: bool) -> impl Strategy<Value = (Manifest, Vec<Entry>)> {
    let sections = prop::collection::btree_map("[a-z0-9-]{1,40}", (records(secrets), rest()), 0..4);
    (manifest(), sections, any::<bool>()).prop_map(|(mut manifest, sections, turned)| {
        let mut sections: Vec<_> = sections.into_iter().collect();
        if turned {
            sections.reverse();
        }
        let mut entries = Vec::new();
        for (item, (records, rest)) in sections {
            entries.extend(records.into_iter().map(|entry| Entry { item: item.clone(), ..entry }));
            manifest.sections.push(Section { rest, ..Section::named(item) });
        }
        (manifest, entries)
    })
}

fn made(protection: Protection, manifest: &Manifest, entries: &[Entry]) -> Result<Vec<u8>, BundleError> {
    let mut file = Vec::new();
    let records = || Ok(entries.iter().cloned().map(Ok));
    write(&mut file, protection, manifest.clone(), records, &mut |_, _| {})?;
    Ok(file)
}

fn read(protection: Protection, file: &[u8]) -> Result<(Manifest, Vec<Entry>), BundleError> {
    let mut reader = Reader::open(file, protection)?;
    let entries = reader.by_ref().collect::<Result<Vec<_>, _>>();
    assert_eq!(reader.is_complete(), entries.is_ok());
    assert_eq!(reader.next(), None);
    Ok((reader.manifest().clone(), entries?))
}

/// Three sections, the middle one empty.
fn small() -> (Manifest, Vec<Entry>) {
    let source = Source { name: "Copier".into(), model: "iX".into(), ..Source::default() };
    let mut manifest = Manifest::new("fleet-sync 0.1.0", Timestamp(1), source);
    manifest.sections = ["forwarding", "box", "home"].map(Section::named).into();
    let id = |id| RecordId(Uuid::from_u128(id));
    let fields = |name: &str| Fields::from([("type".into(), "box".into()), ("name".into(), name.into())]);
    let entries = vec![
        Entry::new("forwarding", "local", id(1), fields("first")),
        Entry::new("forwarding", "local", id(2), fields("second")),
        Entry::new("home", "user/alice", id(1), fields("third")),
    ];
    (manifest, entries)
}

fn small_file() -> Vec<u8> {
    let (manifest, entries) = small();
    made(Protection::Plain, &manifest, &entries).unwrap()
}

/// A bundle taken apart into its header and its frames, which may be put together otherwise.
fn frames(file: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let (mut rest, mut frames) = (&file[HEADER..], Vec::new());
    while let [kind, a, b, c, d, after @ ..] = rest {
        let len = u32::from_be_bytes([*a, *b, *c, *d]) as usize;
        frames.push((*kind, after[..len].to_vec()));
        rest = &after[len..];
    }
    frames
}

/// Puts frames together with a right hash at the end, as somebody would who means to deceive.
fn forged(frames: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut file = [&MAGIC[..], &[0, 1, 0, 0]].concat();
    for (kind, payload) in frames {
        let mut payload = payload.clone();
        if *kind == b'E' {
            let mut end = Encoder::default();
            end.bytes(&Sha256::digest(&file));
            payload = end.finish();
        }
        file.push(*kind);
        file.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
        file.extend(payload);
    }
    file
}

fn code(protection: Protection, file: &[u8]) -> &'static str {
    read(protection, file).map_or_else(|error| error.code(), |_| "read")
}

proptest! {
    /// What is written comes back, and what came back is written as the same bytes.
    #[test]
    fn a_bundle_comes_back((manifest, entries) in bundle(true)) {
        let file = made(Protection::Encrypted, &manifest, &entries).unwrap();
        let (read_manifest, read_entries) = read(Protection::Encrypted, &file).unwrap();
        prop_assert_eq!(&read_entries, &entries);
        prop_assert_eq!(read_manifest.records(), entries.len() as u64);
        let uncounted = Manifest {
            sections: manifest.sections.iter().map(|row| {
                let read = read_manifest.section(&row.item).unwrap();
                Section { records: read.records, bytes: read.bytes, sha256: read.sha256, ..row.clone() }
            }).collect(),
            ..manifest
        };
        prop_assert_eq!(&read_manifest, &uncounted);
        prop_assert_eq!(made(Protection::Encrypted, &read_manifest, &read_entries).unwrap(), file);
    }

    /// The size that the writer and the reader foretell is the size; progress rises to it.
    #[test]
    fn the_size_is_known_beforehand((manifest, entries) in bundle(false)) {
        let (mut file, mut told) = (Vec::new(), Vec::new());
        let records = || Ok::<_, BundleError>(entries.iter().cloned().map(Ok));
        write(&mut file, Protection::Plain, manifest, records, &mut |done, total| told.push((done, total))).unwrap();
        let size = file.len() as u64;
        prop_assert!(told.is_sorted());
        prop_assert!(told.iter().all(|(_, total)| *total == size));
        prop_assert_eq!(told.last().unwrap().0, size);
        let mut reader = Reader::open(&*file, Protection::Plain).unwrap();
        prop_assert_eq!(reader.total(), size);
        prop_assert_eq!(reader.by_ref().count(), entries.len());
        prop_assert_eq!(reader.done(), size);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(Protection::Plain, &bytes).is_err());
        let behind = [&MAGIC[..], &[0, 1, 0, 0], &bytes].concat();
        prop_assert!(read(Protection::Plain, &behind).is_err());
    }

    /// Frames of arbitrary content in arbitrary order: an error or a bundle that is written as the same bytes.
    #[test]
    fn arbitrary_frames_never_panic(
        kinds in prop::collection::vec((prop_oneof![Just(b'R'), Just(b'S'), any::<u8>()], any_value()), 0..6),
        keep in any::<bool>(),
    ) {
        let mut all = frames(&small_file());
        let value = |value: &Value| {
            let mut encoder = Encoder::default();
            encoder.value(value);
            encoder.finish()
        };
        let end = all.pop().unwrap();
        all.truncate(if keep { all.len() } else { 1 });
        all.extend(kinds.iter().map(|(kind, content)| (*kind, value(content))));
        all.push(end);
        let file = forged(&all);
        if let Ok((manifest, entries)) = read(Protection::Plain, &file) {
            prop_assert_eq!(made(Protection::Plain, &manifest, &entries).unwrap(), file);
        }
    }

    /// Every change of one byte of a bundle of any content is found.
    #[test]
    fn a_changed_byte_is_found((manifest, entries) in bundle(false), at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut file = made(Protection::Plain, &manifest, &entries).unwrap();
        let at = at.index(file.len());
        file[at] ^= by;
        prop_assert!(read(Protection::Plain, &file).is_err());
    }
}

#[test]
fn every_changed_byte_and_every_cut_of_a_plain_bundle_is_found() {
    let file = small_file();
    assert_eq!(code(Protection::Plain, &file), "read");
    for at in 0..file.len() {
        let cut = code(Protection::Plain, &file[..at]);
        assert_eq!(cut, if at == 0 { "bundle_unknown" } else { "bundle_cut" }, "{at}");
        for bit in 0..8 {
            let mut flipped = file.clone();
            flipped[at] ^= 1 << bit;
            assert!(read(Protection::Plain, &flipped).is_err(), "{at}");
        }
    }
    assert_eq!(code(Protection::Plain, &[&*file, b"x"].concat()), "bundle_trailing");
    assert_eq!(code(Protection::Plain, &file.repeat(2)), "bundle_trailing");
}

#[test]
fn a_section_that_is_missing_doubled_or_misplaced_is_refused_also_with_right_hashes() {
    // M S R R S S R E
    let all = frames(&small_file());
    let kinds: Vec<u8> = all.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, b"MSRRSSRE");
    let with = |order: &[usize]| {
        let picked: Vec<_> = order.iter().map(|at| all[*at].clone()).collect();
        code(Protection::Plain, &forged(&picked))
    };
    assert_eq!(with(&[0, 1, 2, 3, 4, 5, 6, 7]), "read");
    assert_eq!(with(&[0, 1, 2, 3, 4, 7]), "bundle_section", "missing at the end");
    assert_eq!(with(&[0, 1, 2, 3, 5, 6, 7]), "bundle_section", "missing inside");
    assert_eq!(with(&[0, 1, 2, 3, 4, 4, 5, 6, 7]), "bundle_section", "doubled");
    assert_eq!(with(&[0, 4, 1, 2, 3, 5, 6, 7]), "bundle_section", "misplaced");
    assert_eq!(with(&[0, 1, 2, 3, 4, 5, 6, 5, 7]), "bundle_section", "one too many");
    assert_eq!(with(&[0, 1, 2, 4, 5, 6, 7]), "bundle_count", "a record is missing");
    assert_eq!(with(&[0, 1, 2, 3, 3, 4, 5, 6, 7]), "bundle_count", "a record is doubled");
    assert_eq!(with(&[0, 1, 3, 2, 4, 5, 6, 7]), "bundle_order", "records are exchanged");
    assert_eq!(with(&[0, 1, 2, 6, 4, 5, 6, 7]), "bundle_count", "a record of another size");
    assert_eq!(with(&[0, 2, 1, 3, 4, 5, 6, 7]), "bundle_malformed", "a record before the sections");
    assert_eq!(with(&[1, 2, 3, 4, 5, 6, 7]), "bundle_malformed", "no manifest");
    assert_eq!(with(&[0, 0, 1, 2, 3, 4, 5, 6, 7]), "bundle_malformed", "two manifests");
    assert_eq!(with(&[0, 1, 2, 3, 4, 5, 6]), "bundle_cut", "no end");
    assert_eq!(with(&[0, 1, 2, 3, 4, 5, 6, 7, 7]), "bundle_trailing", "two ends");

    // Another content of the same length and order.
    let mut other = all.clone();
    let last = other[6].1.len() - 1;
    other[6].1[last] ^= 1;
    assert_eq!(code(Protection::Plain, &forged(&other)), "bundle_damaged");
}

#[test]
fn later_formats() {
    let mut file = small_file();
    let (major, minor) = (MAGIC.len() + 1, MAGIC.len() + 3);
    // A higher minor version is read; it needs only its right hash.
    let at = file.len() - 32;
    file[minor] = 9;
    let hash = Sha256::digest(&file[..at - 2 - FRAME_HEAD]);
    file[at..].copy_from_slice(&hash);
    let (manifest, entries) = read(Protection::Plain, &file).unwrap();
    assert_eq!(manifest.format(), "1.9");
    assert_eq!(made(Protection::Plain, &manifest, &entries).unwrap(), file);

    // A higher major one is named, whatever comes behind it.
    file[major] = 2;
    file.truncate(HEADER);
    let error = read(Protection::Plain, &file).unwrap_err();
    assert_eq!(error, BundleError::Newer { found: "2.9".into(), known: 1 });
    assert!(error.to_string().contains("2.9") && error.remedy().contains("later"));
    file[major] = 0;
    assert_eq!(code(Protection::Plain, &file), "bundle_malformed");
}

#[test]
fn a_secret_travels_encrypted_alone() {
    let (manifest, mut entries) = small();
    entries[1].secret = true;
    let refused = made(Protection::Plain, &manifest, &entries).unwrap_err();
    assert_eq!(refused.code(), "bundle_secret");
    let file = made(Protection::Encrypted, &manifest, &entries).unwrap();
    let (_, read_entries) = read(Protection::Encrypted, &file).unwrap();
    assert_eq!(read_entries, entries);
    // Neither what was read nor the file itself gets it into a plain bundle.
    assert_eq!(made(Protection::Plain, &manifest, &read_entries).unwrap_err().code(), "bundle_secret");
    assert_eq!(code(Protection::Plain, &file), "bundle_secret");
}

#[test]
fn the_writer_refuses_what_the_reader_would() {
    let refused = |change: &dyn Fn(&mut Manifest, &mut Vec<Entry>)| {
        let (mut manifest, mut entries) = small();
        change(&mut manifest, &mut entries);
        made(Protection::Plain, &manifest, &entries).unwrap_err().code()
    };
    assert_eq!(refused(&|_, entries| entries.swap(0, 1)), "bundle_order");
    assert_eq!(refused(&|_, entries| entries[1] = entries[0].clone()), "bundle_order");
    assert_eq!(refused(&|_, entries| entries.swap(1, 2)), "bundle_section");
    assert_eq!(refused(&|_, entries| entries[0].item = "key".into()), "bundle_section");
    assert_eq!(refused(&|_, entries| entries[0].place.clear()), "bundle_too_large");
    assert_eq!(refused(&|_, entries| entries[0].place = "x".repeat(MAX_PLACE + 1)), "bundle_too_large");
    let big = Value::Bytes(vec![0; MAX_FRAME]);
    assert_eq!(
        refused(&|_, entries| drop(entries[0].fields.insert("b".into(), big.clone()))),
        "bundle_too_large"
    );
    let many = Value::List(vec![Value::Bool(true); MAX_WEIGHT]);
    assert_eq!(
        refused(&|_, entries| drop(entries[0].fields.insert("b".into(), many.clone()))),
        "bundle_too_large"
    );
    let deep = (0..=MAX_DEPTH).fold(Value::Int(1), |inner, _| Value::List(vec![inner]));
    assert_eq!(
        refused(&|_, entries| drop(entries[0].fields.insert("b".into(), deep.clone()))),
        "bundle_unwritable"
    );
    assert_eq!(
        refused(&|_, entries| drop(entries[0].rest.insert("id".into(), 1.into()))),
        "bundle_unwritable"
    );
    assert_eq!(
        refused(&|_, entries| drop(entries[0].rest.insert("secret".into(), 1.into()))),
        "bundle_unwritable"
    );
    assert_eq!(
        refused(&|manifest, _| drop(manifest.rest.insert("heard".into(), 1.into()))),
        "bundle_unwritable"
    );
    assert_eq!(
        refused(&|manifest, _| drop(manifest.rest.insert("made".into(), 1.into()))),
        "bundle_unwritable"
    );
    assert_eq!(refused(&|manifest, _| manifest.sections[1].item = "home".into()), "bundle_unwritable");
    assert_eq!(refused(&|manifest, _| manifest.sections[1].item = "Box".into()), "bundle_unwritable");
    let clear = PolicyPassword::Set("secret word".into());
    assert_eq!(refused(&|manifest, _| manifest.policy_password = clear.clone()), "bundle_unwritable");
    let names = (0..=MAX_SECTIONS).map(|n| Section::named(alloc::format!("item-{n}")));
    let names: Vec<_> = names.collect();
    assert_eq!(refused(&|manifest, _| manifest.sections.extend(names.iter().cloned())), "bundle_too_large");
}

/// The writer's limits are the reader's: what is just not refused comes back.
#[test]
fn the_largest_record_comes_back() {
    let (manifest, mut entries) = small();
    let weight = |entries: &[Entry], len| {
        let mut entries = entries.to_vec();
        entries[0].fields.insert("b".into(), Value::List(vec![Value::Bool(true); len]));
        made(Protection::Plain, &manifest, &entries)
    };
    // The record, place, id and fields with `name`, `type` and `b`: 7 values, of which three hold others.
    let most = MAX_WEIGHT - 7 - 3 * 8;
    assert_eq!(code(Protection::Plain, &weight(&entries, most).unwrap()), "read");
    assert_eq!(weight(&entries, most + 1).unwrap_err().code(), "bundle_too_large");

    let deep = (0..MAX_DEPTH).fold(Value::Int(1), |inner, _| Value::List(vec![inner]));
    entries[0].fields.insert("deep".into(), deep);
    entries[0].place = "x".repeat(MAX_PLACE);
    entries.truncate(1);
    let file = made(Protection::Plain, &manifest, &entries).unwrap();
    assert_eq!(read(Protection::Plain, &file).unwrap().1, entries);
}

#[test]
fn records_that_change_between_counting_and_writing_are_refused() {
    let (manifest, entries) = small();
    for change in 0..3 {
        let mut calls = 0;
        let records = || {
            calls += 1;
            let mut entries = entries.clone();
            if calls == 2 {
                match change {
                    0 => drop(entries.pop()),
                    1 => drop(entries[1].fields.insert("name".into(), "fourth".into())),
                    _ => entries.push(Entry::new("home", "user/bob", entries[0].id, Fields::new())),
                }
            }
            Ok::<_, BundleError>(entries.into_iter().map(Ok))
        };
        let error =
            write(Vec::new(), Protection::Plain, manifest.clone(), records, &mut |_, _| {}).unwrap_err();
        assert_eq!(error.code(), "bundle_changed", "{change}");
    }
}

#[test]
fn a_manifest_of_another_shape_is_refused() {
    let all = frames(&small_file());
    let named = decode::named(&all[0].1).unwrap();
    let refused = |change: &dyn Fn(&mut BTreeMap<String, Value>)| {
        let (mut named, mut all) = (named.clone(), all.clone());
        change(&mut named);
        let mut encoder = Encoder::default();
        encoder.value(&Value::Map(named));
        all[0].1 = encoder.finish();
        code(Protection::Plain, &forged(&all))
    };
    assert_eq!(refused(&|_| {}), "read");
    for name in named.keys() {
        assert_eq!(refused(&|named| drop(named.remove(name))), "bundle_malformed", "{name}");
        assert_eq!(refused(&|named| drop(named.insert(name.clone(), Value::Bool(true)))), "bundle_malformed");
    }
    assert_eq!(refused(&|named| drop(named.insert("heard".into(), "x".into()))), "bundle_malformed");
    assert_eq!(
        refused(&|named| drop(named.insert("policy_password".into(), true.into()))),
        "bundle_malformed"
    );
    assert_eq!(
        refused(&|named| drop(named.insert("policy_password".into(), "x".into()))),
        "bundle_malformed"
    );
    assert_eq!(refused(&|named| drop(named.insert("unknown".into(), "x".into()))), "read");
}
