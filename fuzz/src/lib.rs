//! What the fuzz targets of address book formats share.

use sync_core::files::{Format, ReadOptions, WriteOptions, convert, read};

/// Reads arbitrary bytes as a file of a format. What is read is written in the same format and in another one, the entries
/// are counted, and what nobody edited comes out as it stood.
pub fn files(format: &str, bytes: &[u8]) {
    let Some(format) = Format::named(format) else { panic!("there is no format {format}") };
    let options = ReadOptions { format: Some(format), ..ReadOptions::default() };
    let Ok(book) = read(bytes, &options) else { return };
    let own = convert(&book, format, &WriteOptions::default());
    if let Ok(own) = &own {
        assert_eq!(own.given, own.written + own.kept_out);
        if own.written == own.given && own.notes.is_empty() && own.encoding.is_utf8() {
            assert!(own.bytes == bytes, "an untouched file came back otherwise");
        }
    }
    let other = if format == Format::CanonCsv { Format::Vcard } else { Format::CanonCsv };
    if let Ok(written) = convert(&book, other, &WriteOptions::default()) {
        assert_eq!(written.given, written.written + written.kept_out);
        let options = ReadOptions { format: Some(other), ..ReadOptions::default() };
        if written.written > 0 {
            let back = read(&written.bytes, &options).expect("what was written can be read");
            assert_eq!(back.entries(), written.written);
        }
    }
}
