//! The character set of a file.

use alloc::{borrow::Cow, string::String};
use encoding_rs::{Encoding, UTF_8};

/// A character set in which ASCII is itself, so that commas, quotes and line ends can be found in the bytes: no
/// character of it has one of them as its second byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Charset(&'static Encoding);

impl Charset {
    pub(super) const UTF_8: Self = Self(UTF_8);

    /// By its name as machines and people write it.
    pub(super) fn named(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        let known = match &*name {
            "" | "utf8" => return Some(Self::UTF_8),
            "ms932" | "cp932" => "shift_jis",
            name => name,
        };
        // Canon writes WCP1252 where others write windows-1252.
        let page = known.strip_prefix("wcp").or(known.strip_prefix("cp"));
        let windows: String;
        let label = match page {
            Some(page) => {
                windows = alloc::format!("windows-{page}");
                &windows
            }
            None => known,
        };
        Encoding::for_label(label.as_bytes()).filter(|e| e.is_ascii_compatible()).map(Self)
    }

    pub(super) fn name(self) -> &'static str {
        self.0.name()
    }

    /// The text, if the bytes are all of this character set.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<Cow<'_, str>> {
        self.0.decode_without_bom_handling_and_without_replacement(bytes)
    }

    /// The bytes, if the character set has every character. What would come back as another character is refused too
    /// (Shift_JIS writes a yen sign as a backslash).
    pub(super) fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        let (bytes, _, unmappable) = self.0.encode(text);
        if unmappable || (self.0 != UTF_8 && self.decode(&bytes)? != text) {
            return None;
        }
        Some(bytes)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_names_that_machines_write_are_known() {
        for (name, known) in [
            ("UTF-8", "UTF-8"),
            ("", "UTF-8"),
            ("SJIS", "Shift_JIS"),
            ("MS932", "Shift_JIS"),
            ("WCP1252", "windows-1252"),
            ("wcp1250", "windows-1250"),
        ] {
            assert_eq!(Charset::named(name).unwrap().name(), known, "{name}");
        }
        for unknown in ["UTF-16LE", "WCP9", "ISO-2022-JP", "klingon"] {
            assert_eq!(Charset::named(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn what_would_change_is_not_encoded() {
        let sjis = Charset::named("SJIS").unwrap();
        assert_eq!(&*sjis.encode("総務").unwrap(), b"\x91\x8d\x96\xb1");
        assert_eq!(sjis.encode("ż"), None);
        assert_eq!(sjis.encode("\u{a5}"), None);
    }
}
