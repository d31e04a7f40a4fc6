//! The inner stream of a bundle, from arbitrary bytes: no panic, and what is read is written as the same bytes.
//!
//! A fuzzer does not find a SHA-256, so the input is also taken as frames, put together with a right end.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sha2::{Digest, Sha256};
use sync_core::bundle::{BundleError, MAGIC, Protection, Reader, write};

fn check(file: &[u8]) {
    let Ok(mut reader) = Reader::open(file, Protection::Encrypted) else { return };
    let Ok(entries) = reader.by_ref().collect::<Result<Vec<_>, _>>() else { return };
    assert!(reader.is_complete());
    let mut again = Vec::new();
    let records = || Ok::<_, BundleError>(entries.iter().cloned().map(Ok));
    let written =
        write(&mut again, Protection::Encrypted, reader.manifest().clone(), records, &mut |_, _| {});
    assert_eq!(written.as_ref(), Ok(reader.manifest()));
    assert_eq!(again, file);
}

fuzz_target!(|bytes: &[u8]| {
    check(bytes);
    // Frames without the length of their head: kind, length in one byte, payload.
    let mut frames = [&MAGIC[..], &[0, 1, 0, 0]].concat();
    let mut rest = bytes;
    while let [kind, len, after @ ..] = rest {
        let len = usize::from(*len).min(after.len());
        frames.push(*kind);
        frames.extend(u32::try_from(len).unwrap_or(0).to_be_bytes());
        frames.extend(&after[..len]);
        rest = &after[len..];
    }
    let hash: [u8; 32] = Sha256::digest(&frames).into();
    frames.extend([b'E', 0, 0, 0, 34, 0xc4, 32]);
    frames.extend(hash);
    check(&frames);
});
