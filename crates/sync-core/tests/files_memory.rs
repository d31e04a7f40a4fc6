//! What reading a file takes of memory is at most a stated multiple of its size, whatever its bytes are.
#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use proptest::prelude::*;
use std::{fs, path::Path};
use sync_core::files::{Format, ReadOptions, WriteOptions, convert, read};

/// The most bytes that are held at once, for each byte of the input, and whatever its size. An entry of two bytes (a comma
/// and a line end) is a whole address with all its fields in memory; real files take a tenth of it.
const TIMES: u64 = 1_000;
const BESIDE: u64 = 4 << 20;

fn corpora() -> Vec<Vec<u8>> {
    fn walk(folder: &Path, all: &mut Vec<Vec<u8>>) {
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        for path in paths {
            if path.is_dir() { walk(&path, all) } else { all.push(fs::read(path).unwrap()) }
        }
    }
    let mut all = Vec::new();
    walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpora"), &mut all);
    all
}

fn check(bytes: &[u8]) {
    for format in Format::all().map(Some).chain([None]) {
        let options = ReadOptions { format, ..ReadOptions::default() };
        let took = measure(|| {
            let _ = std::hint::black_box(read(bytes, &options));
        });
        let most = BESIDE + TIMES * bytes.len() as u64;
        assert!(took.bytes_max <= most, "{format:?}: {} of {most} for {}", took.bytes_max, bytes.len());
    }
}

#[test]
fn real_files_take_little() {
    for bytes in corpora() {
        let took = measure(|| {
            let _ = std::hint::black_box(read(&bytes, &ReadOptions::default()));
        });
        let most = (1 << 18) + 60 * bytes.len() as u64;
        assert!(took.bytes_max <= most, "{} of {most} for {}", took.bytes_max, bytes.len());
    }
}

/// What a conversion holds at once, for each byte of a Canon file whose rows are as short as real ones are: the entries twice
/// (as they were read, and as the new format holds them), and the new file.
const CONVERTED: u64 = 65;
/// The same into Canon's formats, whose writers number the entries where they are.
const INTO_CANON: u64 = 50;

#[test]
fn a_conversion_holds_each_entry_twice_and_no_more() {
    let mut text =
        String::from("objectclass,cn,cnread,subdbid,mailaddress,dialdata,url,path,protocol,indxid,\r\n");
    for n in 0..1_000 {
        let number = n + 201;
        text += &match n % 10 {
            0 => format!("g3fax,\"Fax {n:06}\",\"Fax\",1,,\"0555{n:06}\",,,t30,{number},\r\n"),
            1 => format!("remotefilesystem,\"S {n:06}\",\"S\",1,,,\"files\",\"in/{n:06}\",smb,{number},\r\n"),
            _ => {
                format!("email,\"P {n:06}\",\"p {n:06}\",1,\"p.{n:06}@branch.example\",,,,smtp,{number},\r\n")
            }
        };
    }
    let mut over = String::new();
    for to in Format::all() {
        let took = measure(|| {
            let book = read(text.as_bytes(), &ReadOptions::default()).unwrap();
            let _ = std::hint::black_box(convert(&book, to, &WriteOptions::default()).unwrap());
        });
        let times = if to.name().starts_with("canon") { INTO_CANON } else { CONVERTED };
        let most = (1 << 18) + times * text.len() as u64;
        if took.bytes_max > most {
            over += &format!("{to}: {} of {most} for {}\n", took.bytes_max, text.len());
        }
    }
    assert!(over.is_empty(), "{over}");
}

#[test]
fn many_small_rows_take_no_more_than_stated() {
    for row in ["\r\n", ",\r\n", "a,b\n", "dn:a\nmail:b\n\n", "BEGIN:VCARD\nEND:VCARD\n", "\"\"\n", "[],[]\n"]
    {
        check(row.repeat(4_000).as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_take_no_more_than_stated(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
        check(&bytes);
    }

    #[test]
    fn damaged_files_take_no_more_than_stated(
        which in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        cut in any::<prop::sample::Index>(),
        twice in any::<bool>(),
    ) {
        let files = corpora();
        let mut bytes = which.get(&files).clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if twice {
            bytes.truncate(cut.index(bytes.len()) + 1);
        }
        check(&bytes);
    }
}
