#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;
use std::{cell::Cell, fs, iter, panic, sync::LazyLock};
use sync_core::{
    bundle::{Section, Source},
    id::RecordId,
    time::Timestamp,
    value::Value,
};
use tempfile::TempDir;
use uuid::Uuid;

const PHRASE: &str = "correct horse battery staple";

fn lock(phrase: &str) -> Lock {
    Lock::pass_phrase(phrase).unwrap()
}

fn entry(item: &str, id: u128, content: Value) -> Entry {
    let fields = [("type".into(), "box".into()), ("content".into(), content)];
    Entry::new(item, "local", RecordId(Uuid::from_u128(id)), fields.into())
}

fn manifest() -> Manifest {
    let source = Source { name: "Copier".into(), model: "iX".into(), ..Source::default() };
    let sections = ["box", "key"].map(Section::named).into();
    Manifest { sections, ..Manifest::new(PRODUCT, Timestamp(1), source) }
}

fn entries() -> Vec<Entry> {
    vec![entry("box", 1, "x".into()), Entry { secret: true, ..entry("key", 1, "private".into()) }]
}

fn make(path: &Path, lock: &Lock, entries: &[Entry]) -> Result<Made> {
    let records = || Ok(entries.iter().cloned().map(Ok));
    create(path, lock, Work::QUICK, manifest(), records, &mut |_, _| {})
}

fn read(path: &Path, lock: &Lock) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    open(path, lock, Work::QUICK)?.read_whole(&mut |_, _| {}, |entry| {
        entries.push(entry);
        Ok(())
    })?;
    Ok(entries)
}

/// Writes these bytes as a file and reads it.
fn code_of(folder: &TempDir, bytes: &[u8], lock: &Lock) -> String {
    let path = folder.path().join("bytes");
    fs::write(&path, bytes).unwrap();
    read(&path, lock).map_or_else(|error| error.code().to_string(), |_| "read".into())
}

/// A small encrypted bundle, made once.
static SMALL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("small");
    make(&path, &lock(PHRASE), &entries()).unwrap();
    fs::read(path).unwrap()
});

#[test]
fn a_bundle_comes_back_and_is_what_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("batch");
    // Over several of the encryption's chunks of 64 KiB, and with a record larger than one.
    let big: Vec<Entry> = (0..40)
        .map(|n| entry("box", n, Value::Bytes(vec![7; if n == 3 { 200_000 } else { 5_000 }])))
        .chain(iter::once(Entry { secret: true, ..entry("key", 0, "k".into()) }))
        .collect();
    let mut told = Vec::new();
    let records = || Ok(big.iter().cloned().map(Ok));
    let made = create(&path, &lock(PHRASE), Work::QUICK, manifest(), records, &mut |done, total| {
        told.push((done, total));
    })
    .unwrap();
    let bytes = fs::read(&path).unwrap();
    assert_eq!(made.bytes, bytes.len() as u64);
    assert_eq!(made.sha256, <[u8; 32]>::from(Sha256::digest(&bytes)));
    assert_eq!(made.manifest.section("box").unwrap().records, 40);
    let total = told[0].1;
    assert!(told.is_sorted() && told.iter().all(|one| one.1 == total) && told.last().unwrap().0 == total);
    // What is written is not there to be read.
    assert!(!bytes.windows(6).any(|window| window == b"Copier"));

    assert_eq!(read(&path, &lock(PHRASE)).unwrap(), big);
    let (mut told, mut opened) = (Vec::new(), open(&path, &lock(PHRASE), Work::QUICK).unwrap());
    assert_eq!(opened.manifest(), &made.manifest);
    assert!(opened.next().is_some() && !opened.is_complete());
    opened.read_whole(&mut |done, total| told.push((done, total)), |_| Ok(())).unwrap();
    assert_eq!(told.last(), Some(&(total, total)));
}

#[test]
fn the_pass_phrase_has_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code_of(&folder, &SMALL, &lock(PHRASE)), "read");
    for wrong in ["Correct horse battery staple", "correct horse battery staple ", "x"] {
        assert_eq!(code_of(&folder, &SMALL, &lock(wrong)), "bundle_passphrase");
    }
    assert_eq!(code_of(&folder, &SMALL, &Lock::Plain), "bundle_passphrase_needed");
    assert_eq!(Lock::pass_phrase("").unwrap_err().code(), "bundle_passphrase_needed");
    assert!(!format!("{:?}", lock(PHRASE)).contains("horse"));
}

#[test]
fn a_plain_bundle_holds_no_secret_and_passes_for_no_encrypted_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain");
    assert_eq!(make(&path, &Lock::Plain, &entries()).unwrap_err().code(), "bundle_secret");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    make(&path, &Lock::Plain, &entries()[..1]).unwrap();
    assert!(!is_encrypted(&path).unwrap());
    assert_eq!(read(&path, &Lock::Plain).unwrap(), &entries()[..1]);
    assert_eq!(read(&path, &lock(PHRASE)).unwrap_err().code(), "bundle_not_encrypted");
    assert_eq!(code_of(&folder, b"name,mail\n", &lock(PHRASE)), "bundle_unknown");
    assert_eq!(code_of(&folder, b"", &Lock::Plain), "bundle_unknown");
}

#[test]
fn every_changed_byte_every_cut_and_every_byte_more_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let right = lock(PHRASE);
    for at in 0..SMALL.len() {
        let mut flipped = SMALL.clone();
        flipped[at] ^= 1 << (at % 8);
        let flipped = code_of(&folder, &flipped, &right);
        assert!(flipped.starts_with("bundle_"), "{at}: {flipped}");
        let cut = code_of(&folder, &SMALL[..at], &right);
        assert!(cut.starts_with("bundle_") && cut != "bundle_passphrase", "{at}: {cut}");
    }
    for more in [&b"x"[..], b"\n", &SMALL] {
        assert_eq!(code_of(&folder, &[&SMALL, more].concat(), &right), "bundle_damaged");
    }
}

#[test]
fn a_hostile_header_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let text = String::from_utf8_lossy(&SMALL).into_owned();
    let line = text.lines().nth(1).unwrap();
    let work = |factor: &str| {
        let hostile = format!("{} {factor}", line.rsplit_once(' ').unwrap().0);
        let at = SMALL.windows(line.len()).position(|window| window == line.as_bytes()).unwrap();
        [&SMALL[..at], hostile.as_bytes(), &SMALL[at + line.len()..]].concat()
    };
    // It is refused before it is done: 2^30 would take a terabyte.
    for factor in ["11", "30", "63"] {
        assert_eq!(code_of(&folder, &work(factor), &lock(PHRASE)), "bundle_work", "{factor}");
    }
    for factor in ["0", "64", "255", "999", "-1", "x", "01"] {
        let code = code_of(&folder, &work(factor), &lock(PHRASE));
        assert!(matches!(&*code, "bundle_work" | "bundle_damaged"), "{factor}: {code}");
    }
    let endless = [&b"age-encryption.org/v1\n"[..], &b"-> x\n\n".repeat(100_000)].concat();
    assert_eq!(code_of(&folder, &endless, &lock(PHRASE)), "bundle_damaged");
    assert_eq!(code_of(&folder, b"age-encryption.org/v2\n--- x\n", &lock(PHRASE)), "bundle_unknown");

    // Encrypted with a key instead.
    let identity = age::x25519::Identity::generate();
    let path = folder.path().join("key");
    let encryptor = age::Encryptor::with_recipients(iter::once(&identity.to_public() as _)).unwrap();
    let mut out = encryptor.wrap_output(File::create(&path).unwrap()).unwrap();
    out.write_all(b"x").unwrap();
    out.finish().unwrap();
    assert_eq!(read(&path, &lock(PHRASE)).unwrap_err().code(), "bundle_other_key");
}

#[test]
fn what_fails_leaves_the_old_file_and_nothing_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("batch");
    fs::write(&path, "old").unwrap();
    let stands = || {
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    };
    // A cancel while it counts, and one while it writes: the third and the seventh record that are asked for.
    for cancelled in [2, 6] {
        let asked = Cell::new(0);
        let records = || {
            Ok((0..4).map(|id| {
                asked.set(asked.get() + 1);
                if asked.get() > cancelled {
                    Err(Error::NotEnrolled)
                } else {
                    Ok(entry("box", id, "x".into()))
                }
            }))
        };
        let error =
            create(&path, &lock(PHRASE), Work::QUICK, manifest(), records, &mut |_, _| {}).unwrap_err();
        assert_eq!(error.code(), "not_enrolled");
        stands();
    }
    // A crash of whoever gives the records.
    let crash = panic::catch_unwind(|| {
        let records = || Ok(iter::once_with(|| -> Result<Entry> { panic::resume_unwind(Box::new("crash")) }));
        create(&path, &lock(PHRASE), Work::QUICK, manifest(), records, &mut |_, _| {})
    });
    assert!(crash.is_err());
    stands();
    // A folder that is not there.
    let nowhere = folder.path().join("none").join("batch");
    assert_eq!(make(&nowhere, &lock(PHRASE), &entries()).unwrap_err().code(), "file");
    assert_eq!(read(&nowhere, &lock(PHRASE)).unwrap_err().code(), "file");
}

/// What lies under an encryption that holds is read as carefully: an age file is not yet a bundle.
#[test]
fn an_encrypted_file_that_holds_something_else_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other");
    let mut recipient = age::scrypt::Recipient::new(PHRASE.to_string().into());
    recipient.set_work_factor(1);
    for (inner, code) in [
        (&b""[..], "bundle_unknown"),
        (b"name,mail\n", "bundle_unknown"),
        (&MAGIC, "bundle_cut"),
        (b"\x89FSB\r\n\x1a\n\0\x07\0\0", "bundle_newer"),
    ] {
        let encryptor = age::Encryptor::with_recipients(iter::once(&recipient as _)).unwrap();
        let mut out = encryptor.wrap_output(File::create(&path).unwrap()).unwrap();
        out.write_all(inner).unwrap();
        out.finish().unwrap();
        assert_eq!(read(&path, &lock(PHRASE)).unwrap_err().code(), code);
    }
}

#[test]
fn pass_phrases_come_from_the_first_line_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bundle) = (folder.path().join("phrase"), folder.path().join("bundle"));
    fs::write(&bundle, &*SMALL).unwrap();
    for text in ["correct horse battery staple", "correct horse battery staple\r\nand more\n"] {
        fs::write(&path, text).unwrap();
        assert!(read(&bundle, &passphrase::from_file(&path).unwrap()).is_ok(), "{text:?}");
    }
    let code = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        passphrase::from_file(&path).unwrap_err().code().to_string()
    };
    assert_eq!(code(b""), "bundle_passphrase_needed");
    assert_eq!(code(b"\nx"), "bundle_passphrase_needed");
    assert_eq!(code(b"\xff\n"), "bundle_passphrase_file");
    assert_eq!(code(&[b'x'; 5000]), "bundle_passphrase_file");
    assert_eq!(passphrase::from_file(&folder.path().join("none")).unwrap_err().code(), "file");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        keep in any::<prop::sample::Index>(),
        begin in 0..4,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let begin = match begin {
            0 => &b""[..],
            1 => b"age-encryption.org/v1\n-> scrypt ",
            2 => b"\x89FSB\r\n\x1a\n\0\x01\0\0M\0\0",
            _ => &SMALL[..keep.index(SMALL.len())],
        };
        let file = [begin, &bytes].concat();
        prop_assert!(file == *SMALL || code_of(&folder, &file, &lock(PHRASE)) != "read");
        prop_assert_ne!(code_of(&folder, &file, &Lock::Plain), "read");
    }
}
