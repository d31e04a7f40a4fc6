//! From bytes to text and back: which encoding a file is in, and whether it has a mark.

use super::{FileError, Note, charset::Charset, detect::guess};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;

pub(super) const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The encoding of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding {
    kind: Kind,
    /// Whether a byte-order mark stands first.
    pub mark: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Charset(Charset),
    Utf16 { big: bool },
}

impl Encoding {
    /// UTF-8 without a mark.
    pub const UTF_8: Self = Self { kind: Kind::Charset(Charset::UTF_8), mark: false };
    /// UTF-8 with a mark.
    pub const UTF_8_MARK: Self = Self { kind: Kind::Charset(Charset::UTF_8), mark: true };
    /// UTF-16, little end first, with a mark.
    pub const UTF_16LE: Self = Self { kind: Kind::Utf16 { big: false }, mark: true };
    /// UTF-16, big end first, with a mark.
    pub const UTF_16BE: Self = Self { kind: Kind::Utf16 { big: true }, mark: true };

    /// The encoding of this name, as files and people write it: `utf-8`, `utf-8-bom`, `utf-16le`, `utf-16be`,
    /// `shift_jis`, `windows-1252`, `latin1`, and the others of the WHATWG's list in which ASCII is itself.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match &*name.trim().to_ascii_lowercase() {
            "utf-8-bom" | "utf-8-sig" | "utf8-bom" => Self::UTF_8_MARK,
            "utf-16" | "utf-16le" | "utf16" | "utf16le" | "unicode" => Self::UTF_16LE,
            "utf-16be" | "utf16be" => Self::UTF_16BE,
            other => Self { kind: Kind::Charset(Charset::named(other)?), mark: false },
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self.kind {
            Kind::Charset(charset) => charset.name(),
            Kind::Utf16 { big: false } => "UTF-16LE",
            Kind::Utf16 { big: true } => "UTF-16BE",
        }
    }

    pub(super) const fn of_charset(charset: Charset, mark: bool) -> Self {
        Self { kind: Kind::Charset(charset), mark }
    }

    pub(super) fn charset(self) -> Option<Charset> {
        match self.kind {
            Kind::Charset(charset) => Some(charset),
            Kind::Utf16 { .. } => None,
        }
    }

    /// Whether it is UTF-8.
    #[must_use]
    pub fn is_utf8(self) -> bool {
        self.kind == Kind::Charset(Charset::UTF_8)
    }

    /// The bytes of a text, without a mark; what it has no bytes for is asked of `instead`.
    pub(super) fn encode(self, text: &str, out: &mut Vec<u8>, mut instead: impl FnMut(char)) {
        match self.kind {
            Kind::Utf16 { big } => {
                for unit in text.encode_utf16() {
                    out.extend_from_slice(&if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
                }
            }
            Kind::Charset(charset) => match charset.encode(text) {
                Some(bytes) => out.extend_from_slice(&bytes),
                None => {
                    for one in text.chars() {
                        let mut room = [0; 4];
                        match charset.encode(one.encode_utf8(&mut room)) {
                            Some(bytes) => out.extend_from_slice(&bytes),
                            None => {
                                instead(one);
                                out.push(b'?');
                            }
                        }
                    }
                }
            },
        }
    }

    /// Whether it has a character.
    pub(super) fn has(self, one: char) -> bool {
        match self.kind {
            Kind::Utf16 { .. } => true,
            Kind::Charset(charset) => charset.encode(one.encode_utf8(&mut [0; 4])).is_some(),
        }
    }

    /// The mark's bytes, if it has one.
    pub(super) fn mark_bytes(self) -> &'static [u8] {
        match (self.mark, self.kind) {
            (false, _) => b"",
            (true, Kind::Utf16 { big: false }) => b"\xff\xfe",
            (true, Kind::Utf16 { big: true }) => b"\xfe\xff",
            (true, Kind::Charset(_)) => UTF8_MARK,
        }
    }

    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self.kind {
            Kind::Charset(charset) => charset.decode(bytes).map(|text| text.into_owned()),
            Kind::Utf16 { big } => {
                let (units, rest) = bytes.as_chunks::<2>();
                let units = units
                    .iter()
                    .map(|two| if big { u16::from_be_bytes(*two) } else { u16::from_le_bytes(*two) });
                let text: Result<String, _> = char::decode_utf16(units).collect();
                text.ok().filter(|_| rest.is_empty())
            }
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if self.mark && self.is_utf8() { f.write_str(" with a mark") } else { Ok(()) }
    }
}

/// A file as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    /// As they came, where the text may not say which they were: some encodings have several bytes for one character.
    raw: Option<Vec<u8>>,
    /// Without the mark.
    pub(super) text: String,
    pub(super) encoding: Encoding,
    /// What was odd about its encoding.
    pub(super) notes: Vec<Note>,
}

impl Text {
    /// The file's bytes; of one in UTF-16, which only one text can be, the text's in UTF-8.
    pub(super) fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.raw {
            Some(raw) => Cow::Borrowed(raw),
            None if self.encoding.is_utf8() && self.encoding.mark => {
                Cow::Owned([UTF8_MARK, self.text.as_bytes()].concat())
            }
            None => Cow::Borrowed(self.text.as_bytes()),
        }
    }
}

/// How many bytes a file may have.
pub const MAX_BYTES: usize = 256 << 20;

/// Decodes a file: as told, by its mark, as what it says of itself, as UTF-8 if it is that, or by what its bytes look
/// like.
///
/// # Errors
/// [`FileError`] where it is empty, too large, no text, or not in the encoding that was told.
pub(super) fn decode(bytes: &[u8], told: Option<Encoding>) -> Result<Text, FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
    }
    let marked = [Encoding::UTF_8_MARK, Encoding::UTF_16LE, Encoding::UTF_16BE]
        .into_iter()
        .find(|encoding| bytes.starts_with(encoding.mark_bytes()));
    let body = &bytes[marked.map_or(0, |encoding| encoding.mark_bytes().len())..];
    if body.is_empty() {
        return Err(FileError::Empty);
    }
    let mut notes = Vec::new();
    // A mark of UTF-16 says which end comes first, whatever was told of that.
    let is_utf16 = |one: Encoding| matches!(one.kind, Kind::Utf16 { .. });
    let told = told.map(|told| match marked {
        Some(marked) if is_utf16(told) && is_utf16(marked) => marked,
        _ => told,
    });
    let (encoding, text) = if let Some(told) = told {
        let mark = marked.is_some_and(|marked| marked.name() == told.name());
        let encoding = Encoding { mark, ..told };
        let body = if mark { body } else { bytes };
        (encoding, encoding.decode(body).ok_or_else(|| not_in(body, encoding))?)
    } else if let Some(marked) = marked {
        (marked, marked.decode(body).ok_or_else(|| not_in(body, marked))?)
    } else if let Ok(text) = core::str::from_utf8(body)
        && !has_many_nuls(text)
    {
        (Encoding::UTF_8, text.to_string())
    } else {
        let encoding = guess(body);
        let text = encoding.decode(body).ok_or_else(|| not_in(body, encoding))?;
        let said = format!(
            "the file does not say its encoding; it was read as {encoding}. If letters look wrong, name the encoding"
        );
        if super::detect::declared(body) != Some(encoding) {
            notes.push(Note::new(None, "encoding_guessed", said));
        }
        (encoding, text)
    };
    // A few are damage, which stays where it is as any control character does; many are no text.
    if let Some(at) = text.find('\0').filter(|_| has_many_nuls(&text)) {
        let line = 1 + text[..at].matches('\n').count() as u64;
        return Err(FileError::NulByte { line });
    }
    let raw = encoding.charset().filter(|_| !encoding.is_utf8()).map(|_| bytes.to_vec());
    Ok(Text { raw, text, encoding, notes })
}

fn has_many_nuls(text: &str) -> bool {
    text.bytes().filter(|byte| *byte == 0).count() * 20 > text.len()
}

fn not_in(bytes: &[u8], encoding: Encoding) -> FileError {
    let good = match core::str::from_utf8(bytes) {
        Err(error) if encoding.is_utf8() => error.valid_up_to(),
        _ => 0,
    };
    let line = 1 + bytes[..good].iter().filter(|byte| **byte == b'\n').count() as u64;
    FileError::NotInCharset { line, charset: encoding.name().to_string() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn encodings_are_found_by_content() {
        for (bytes, name, text) in [
            (&b"plain"[..], "UTF-8", "plain"),
            (b"\xef\xbb\xbfmarked", "UTF-8", "marked"),
            (b"\xff\xfeA\0b\0", "UTF-16LE", "Ab"),
            (b"\xfe\xff\0A\0b", "UTF-16BE", "Ab"),
            (b"n\0a\0m\0e\0", "UTF-16LE", "name"),
            (b"J\xf6rn;M\xfcster", "windows-1252", "Jörn;Müster"),
            (b"\x91\x8d\x96\xb1\x95\x94,\x89\xd3\x8aw", "Shift_JIS", "総務部,駕学"),
        ] {
            let found = decode(bytes, None).unwrap();
            assert_eq!(found.encoding.name(), name);
            if name != "Shift_JIS" {
                assert_eq!(found.text, text);
            }
        }
    }

    #[test]
    fn what_is_told_overrules_what_it_looks_like() {
        let bytes = b"M\xfcller;\xb3";
        for (name, text) in
            [("windows-1252", "Müller;³"), ("windows-1250", "Müller;ł"), ("latin2", "Müller;ł")]
        {
            let told = Encoding::named(name).unwrap();
            let found = decode(bytes, Some(told)).unwrap();
            assert_eq!((&*found.text, found.encoding), (text, told));
            assert!(found.notes.is_empty());
        }
        for name in ["utf-8", "shift_jis"] {
            let refused = decode(bytes, Encoding::named(name)).unwrap_err();
            assert_eq!(refused.code(), "not_in_charset", "{name}");
        }
        // The mark says which end comes first.
        let found = decode(b"\xfe\xff\0A", Encoding::named("utf-16")).unwrap();
        assert_eq!((&*found.text, found.encoding), ("A", Encoding::UTF_16BE));
        let found = decode(b"A\0", Encoding::named("utf-16")).unwrap();
        assert_eq!((&*found.text, found.encoding.mark), ("A", false));
        assert_eq!(decode("総".as_bytes(), Encoding::named("utf-8-sig")).unwrap().encoding, Encoding::UTF_8);
    }

    #[test]
    fn a_guess_is_told() {
        let found = decode(b"Stra\xdfe", None).unwrap();
        assert_eq!((&*found.text, found.notes[0].code), ("Straße", "encoding_guessed"));
        assert_eq!(decode(b"a\0b", None).unwrap_err().code(), "nul_byte");
    }

    proptest! {
        #[test]
        fn what_was_decoded_is_encoded_as_it_was(text in "[ -~äöüß総務ż\r\n]{1,40}", which in 0..4_usize) {
            let encoding = [Encoding::UTF_8, Encoding::UTF_8_MARK, Encoding::UTF_16LE, Encoding::UTF_16BE][which];
            let mut bytes = encoding.mark_bytes().to_vec();
            encoding.encode(&text, &mut bytes, |_| {});
            let back = decode(&bytes, None).unwrap();
            prop_assert_eq!(back.text, text);
            prop_assert_eq!(back.encoding, encoding);
        }

        #[test]
        fn any_bytes_are_text_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes, None);
        }
    }
}
