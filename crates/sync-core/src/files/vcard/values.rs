//! The values of vCards as text: folded, quoted-printable, and with the escapes of each version.

use crate::files::text::Encoding;
use alloc::{format, string::String, vec::Vec};

/// How many bytes a line has before it is folded.
pub(super) const WIDTH: usize = 75;

/// A value as 2.1 has it: line ends as they are, and escapes only where they must be.
pub(super) fn old_text(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars().peekable();
    while let Some(one) = rest.next() {
        match (one, rest.peek().copied()) {
            ('\\', Some('n' | 'N')) => {
                text.push_str("\r\n");
                rest.next();
            }
            ('\\', Some(',')) => {}
            ('\\', Some(next @ (';' | '\\'))) => {
                rest.next();
                // What would be read as an escape is escaped.
                let more = rest.peek().is_some_and(|after| [';', ',', '\\'].contains(after));
                text.push_str(if next == ';' {
                    "\\;"
                } else if more {
                    "\\\\"
                } else {
                    "\\"
                });
            }
            _ => text.push(one),
        }
    }
    text
}

pub(super) fn fold(out: &mut String, line: &str, end: &str) {
    let mut room = WIDTH;
    for one in line.chars() {
        if one.len_utf8() > room {
            out.push_str(end);
            out.push(' ');
            room = WIDTH - 1;
        }
        out.push(one);
        room -= one.len_utf8();
    }
    out.push_str(end);
}

/// Quoted-printable text (RFC 2045) in UTF-8; its first line has `room` bytes.
pub(super) fn quote(out: &mut String, text: &str, mut room: usize, end: &str) {
    for byte in text.bytes() {
        if room < 4 {
            out.push('=');
            out.push_str(end);
            room = WIDTH;
        }
        if (33..127).contains(&byte) && byte != b'=' {
            out.push(char::from(byte));
            room -= 1;
        } else {
            out.push_str(&format!("={byte:02X}"));
            room -= 3;
        }
    }
}

/// The text, in the character set that it says, else in UTF-8 or that of the file; an error, with what can be read of it, where it is not in the character set.
pub(super) fn unquoted(
    text: &str,
    charset: Option<Encoding>,
    page: Option<Encoding>,
) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = after.get(..2).filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(b'=');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    let guessed = [Encoding::UTF_8].into_iter().chain(page).chain(Encoding::named("windows-1252"));
    let text = match charset {
        Some(charset) => charset.decode(&bytes),
        None => guessed.into_iter().find_map(|page| page.decode(&bytes)),
    };
    let text = text.filter(|text| !text.contains('\0'));
    text.ok_or_else(|| String::from_utf8_lossy(&bytes).replace('\0', ""))
}

/// What a value says.
pub(super) fn unescape(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    let mut rest = value.chars().peekable();
    while let Some(one) = rest.next() {
        match (one, rest.peek().copied()) {
            ('\\', Some('n' | 'N')) => {
                text.push('\n');
                rest.next();
            }
            ('\\', Some(next @ ('\\' | ';' | ',' | ':' | '"'))) => {
                text.push(next);
                rest.next();
            }
            _ => text.push(one),
        }
    }
    text
}

/// The value that says it.
pub(super) fn escape(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '\\' | ';' | ',' => value.extend(['\\', one]),
            '\n' => value.push_str("\\n"),
            '\r' => {}
            one => value.push(one),
        }
    }
    value
}
