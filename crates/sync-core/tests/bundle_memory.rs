//! How much memory a bundle's bytes can make a reader take: at most 4 times their number and 4 MiB, whatever they are.
#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use proptest::prelude::*;
use sync_core::{
    bundle::{
        BundleError, Entry, MAX_FRAME, MAX_WEIGHT, Manifest, Protection, Reader, Section, Source, write,
    },
    canonical::Encoder,
    id::RecordId,
    time::Timestamp,
    value::Value,
};
use uuid::Uuid;

/// Reads it all, one record at a time, as an import does, and returns the code it ended with.
fn read(file: &[u8]) -> Result<u64, &'static str> {
    let mut records = 0;
    for entry in Reader::open(file, Protection::Encrypted).map_err(|error| error.code())? {
        entry.map_err(|error| error.code())?;
        records += 1;
    }
    Ok(records)
}

/// What reading it ends with, and the most bytes that it had in use at once; held to the bound.
fn measured(file: &[u8]) -> (Result<u64, &'static str>, u64) {
    let mut ended = Ok(0);
    let peak = measure(|| ended = read(file)).bytes_max;
    let bound = 4 * file.len() as u64 + (4 << 20);
    assert!(peak <= bound, "{peak} bytes for {} ({ended:?})", file.len());
    (ended, peak)
}

fn manifest() -> Manifest {
    let mut manifest = Manifest::new("", Timestamp(0), Source::default());
    manifest.sections.push(Section::named("box"));
    manifest
}

fn bundle(fields: impl Iterator<Item = Vec<(String, Value)>> + Clone) -> Vec<u8> {
    let mut file = Vec::new();
    let records = || {
        Ok::<_, BundleError>(fields.clone().zip(1..).map(|(fields, id)| {
            Ok(Entry::new("box", "local", RecordId(Uuid::from_u128(id)), fields.into_iter().collect()))
        }))
    };
    write(&mut file, Protection::Encrypted, manifest(), records, &mut |_, _| {}).unwrap();
    file
}

/// A bundle whose one record has this payload, which no writer writes.
fn with_record(payload: &[u8], claimed: usize) -> Vec<u8> {
    let mut file = bundle(core::iter::once(vec![("x".into(), Value::Bytes(vec![0; claimed]))]));
    let at = file.windows(9).position(|window| window == b"S\0\0\0\x04\xa3box").unwrap() + 9;
    file.truncate(at);
    file.push(b'R');
    file.extend(u32::try_from(payload.len()).unwrap().to_be_bytes());
    file.extend(payload);
    file
}

#[test]
fn many_records_take_the_memory_of_one() {
    let file = bundle((0..20_000).map(|n| vec![("name".into(), Value::Text(format!("person {n}")))]));
    assert!(file.len() > 1_000_000);
    let (ended, peak) = measured(&file);
    assert_eq!(ended, Ok(20_000));
    assert!(peak < 100_000, "{peak}");
    // Nor does writing keep what was written.
    let fields = (0..20_000).map(|n| vec![("name".into(), Value::Text(format!("person {n}")))]);
    let written = measure(|| {
        let records = || {
            Ok::<_, BundleError>(fields.clone().zip(1..).map(|(fields, id)| {
                Ok(Entry::new("box", "local", RecordId(Uuid::from_u128(id)), fields.into_iter().collect()))
            }))
        };
        write(std::io::sink(), Protection::Encrypted, manifest(), records, &mut |_, _| {}).unwrap();
    });
    assert!(written.bytes_max < 100_000, "{}", written.bytes_max);
}

#[test]
fn the_worst_records_stay_within_the_bound() {
    // As many fields as there may be, each as small as it may be.
    let most = MAX_WEIGHT - 20;
    let small = bundle(core::iter::once((0..most).map(|n| (format!("{n:x}"), Value::Bool(true))).collect()));
    assert_eq!(measured(&small).0, Ok(1));
    // Maps of one entry: the most memory for a weight.
    let map = Value::Map([(String::new(), Value::Bool(true))].into());
    let maps = bundle(core::iter::once(vec![("x".into(), Value::List(vec![map; most / 10 - 2]))]));
    assert_eq!(measured(&maps).0, Ok(1));
    // Texts of one byte.
    let texts = bundle(core::iter::once(vec![("x".into(), Value::List(vec!["x".into(); most - 20]))]));
    assert_eq!(measured(&texts).0, Ok(1));
    // One large value.
    let large = bundle(core::iter::once(vec![("x".into(), Value::Bytes(vec![1; MAX_FRAME - 100]))]));
    assert_eq!(measured(&large).0, Ok(1));
}

#[test]
fn what_is_claimed_takes_no_memory() {
    // A frame that says it is as long as may be, and ends.
    let mut cut = with_record(&[], 100);
    let at = cut.len() - 4;
    cut[at..].copy_from_slice(&u32::try_from(MAX_FRAME).unwrap().to_be_bytes());
    let (ended, peak) = measured(&cut);
    assert_eq!(ended, Err("bundle_cut"));
    assert!(peak < 200_000, "{peak}");
    // Longer than may be.
    cut[at..].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(measured(&cut).0, Err("bundle_too_large"));
    // Lists in lists, each of which says that it is longer than there may be values.
    let lists = [0xdd, 0, 0, 0x30, 0].repeat(4_000);
    assert!(measured(&with_record(&lists, 1 << 20)).0.is_err());
    // A list of millions of maps of one entry in one frame.
    let mut encoder = Encoder::default();
    encoder.array(1 << 20);
    let many = [encoder.finish(), [0x81, 0xa0, 0xc3].repeat(1 << 20)].concat();
    assert_eq!(measured(&with_record(&many, MAX_FRAME - 1_000)).0, Err("bundle_too_large"));
    // The same as a manifest.
    let manifest = [&bundle(core::iter::empty())[..12], b"M\0\x30\0\x05", &many].concat();
    assert!(measured(&manifest).0.is_err());
}

proptest! {
    #[test]
    fn arbitrary_bytes_stay_within_the_bound(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(measured(&bytes).0.is_err());
        prop_assert!(measured(&with_record(&bytes, 4_000)).0.is_err());
    }
}
