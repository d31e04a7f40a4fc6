//! The lines of LDIF (RFC 2849): records, folded lines, comments, and the values of attributes.

use crate::{
    base64::{from_base64, to_base64},
    files::{FileError, table::MAX_ROWS},
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// How many characters a line has before it is folded.
const WIDTH: usize = 76;

/// A line, unfolded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins, from 1.
    pub(super) number: u64,
    pub(super) text: String,
}

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// Empty lines and comments before it.
    pub(super) before: &'a str,
    /// As it stands, with comments in its middle.
    pub(super) raw: &'a str,
    /// Its lines without comments, at least one.
    pub(super) lines: Vec<Line>,
}

/// The records of a text, and what follows the last.
///
/// # Errors
/// Where there are more than a reader takes.
pub(super) fn records(text: &str) -> Result<(Vec<Record<'_>>, &str), FileError> {
    let mut records: Vec<Record<'_>> = Vec::new();
    let mut lines: Vec<Line> = Vec::new();
    let (mut before, mut start, mut at) = (0, 0, 0);
    // Whether the last line was a comment, which may be folded too.
    let mut comment = false;
    for (number, whole) in (1_u64..).zip(text.split_inclusive('\n')) {
        let line = whole.trim_end_matches(['\r', '\n']);
        let begins = line.get(..3).is_some_and(|name| name.eq_ignore_ascii_case("dn:"));
        if (line.is_empty() || begins) && !lines.is_empty() {
            // A new record may follow without an empty line.
            if records.len() >= MAX_ROWS {
                return Err(FileError::TooManyRows { line: number, limit: MAX_ROWS });
            }
            let (before_it, raw) = (&text[before..start], &text[start..at]);
            records.push(Record { before: before_it, raw, lines: core::mem::take(&mut lines) });
            before = at;
        }
        if line.is_empty() {
            comment = false;
        } else if line.starts_with('#') {
            comment = true;
        } else if let Some(more) = line.strip_prefix(' ')
            && (comment || !lines.is_empty())
        {
            if !comment && let Some(last) = lines.last_mut() {
                last.text.push_str(more);
            }
        } else {
            comment = false;
            if lines.is_empty() {
                start = at;
            }
            lines.push(Line { number, text: line.to_string() });
        }
        at += whole.len();
    }
    if !lines.is_empty() {
        records.push(Record { before: &text[before..start], raw: &text[start..], lines });
        before = text.len();
    }
    Ok((records, &text[before..]))
}

/// What an attribute is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Text as it stands.
    Text(String),
    /// Base64, not decoded yet.
    Coded(String),
    /// The place of a file that holds the value.
    Elsewhere(String),
}

impl Said {
    /// The name of an attribute with its options, and what a line says of it; `None` where there is no colon.
    pub(super) fn of(line: &str) -> Option<(&str, Self)> {
        let (name, value) = line.split_once(':')?;
        let text = |value: &str| value.trim_start_matches(' ').to_string();
        let said = match value.chars().next() {
            Some(':') => Self::Coded(text(&value[1..])),
            Some('<') => Self::Elsewhere(text(&value[1..])),
            _ => Self::Text(text(value)),
        };
        Some((name.trim(), said))
    }

    /// The value as text; `None` where it is elsewhere, no Base64, or no text.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text.clone()),
            Self::Elsewhere(_) => None,
            Self::Coded(code) => {
                let mut code: String = code.split_whitespace().collect();
                // Some programs leave the padding out.
                code.extend(core::iter::repeat_n('=', (4 - code.len() % 4) % 4));
                String::from_utf8(from_base64(&code)?).ok().filter(|text| !text.contains('\0'))
            }
        }
    }

    /// One line that says the same, to be kept; see [`restored`].
    pub(super) fn kept(&self) -> String {
        match self {
            Self::Text(text) if text.starts_with(':') => format!(": {text}"),
            Self::Text(text) => text.clone(),
            Self::Coded(code) => format!(":: {code}"),
            Self::Elsewhere(place) => format!(":< {place}"),
        }
    }
}

/// Whether a value can stand as it is.
fn is_safe(value: &str) -> bool {
    value.bytes().all(|byte| matches!(byte, 1..=9 | 11 | 12 | 14..=127))
        && !value.starts_with([' ', ':', '<'])
        && !value.ends_with(' ')
}

/// The line of an attribute, folded.
pub(super) fn write(out: &mut String, name: &str, value: &str, line_end: &str) {
    if is_safe(value) {
        fold(out, &format!("{name}: {value}"), line_end);
    } else {
        fold(out, &format!("{name}:: {}", to_base64(value.as_bytes())), line_end);
    }
}

/// The lines of an attribute of which [`Said::kept`] was kept, one line a value.
pub(super) fn restored(out: &mut String, name: &str, kept: &str, line_end: &str) {
    for value in kept.split('\n') {
        match value.strip_prefix(": ") {
            Some(text) => write(out, name, text, line_end),
            None if value.starts_with("::") || value.starts_with(":<") => {
                fold(out, &format!("{name}{}", value.replace('\r', "")), line_end);
            }
            None => write(out, name, value, line_end),
        }
    }
}

fn fold(out: &mut String, line: &str, line_end: &str) {
    let mut room = WIDTH;
    for one in line.chars() {
        if room == 0 {
            out.push_str(line_end);
            out.push(' ');
            room = WIDTH - 1;
        }
        out.push(one);
        room -= 1;
    }
    out.push_str(line_end);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn folded_lines_comments_and_records_without_an_empty_line() {
        let text = "version: 1\n# a\n  folded comment\ndn: cn=A\ncn: A\n # no comment, a fold\n# comment\n  of two lines\nmail:a@b\n c\ndn: cn=B\n\n\n# end\n";
        let (records, tail) = records(text).unwrap();
        let pieces: String = records.iter().flat_map(|r| [r.before, r.raw]).chain([tail]).collect();
        assert_eq!(pieces, text);
        let lines: Vec<Vec<&str>> =
            records.iter().map(|r| r.lines.iter().map(|l| &*l.text).collect()).collect();
        let second = vec!["dn: cn=A", "cn: A# no comment, a fold", "mail:a@bc"];
        assert_eq!(lines, [vec!["version: 1"], second, vec!["dn: cn=B"]]);
        assert_eq!(records[2].lines[0].number, 11);
        assert_eq!(tail, "\n\n# end\n");
    }

    proptest! {
        /// Any value is read as it was written, whatever is in it, and no line is longer than the width.
        #[test]
        fn values_come_back(value in "[ -~äö日\r\n\u{1}]{0,200}", end in prop::sample::select(&["\n", "\r\n"][..])) {
            let mut text = String::from("dn: cn=A\n");
            write(&mut text, "cn;x-a", &value, end);
            prop_assert!(text.is_ascii() && text.lines().all(|line| line.len() <= WIDTH));
            let (found, _) = records(&text).unwrap();
            let (name, said) = Said::of(&found[0].lines[1].text).unwrap();
            prop_assert_eq!((name, said.text()), ("cn;x-a", Some(value)));
            let mut again = String::from("dn: cn=A\n");
            restored(&mut again, name, &said.kept(), end);
            prop_assert_eq!(again, text);
        }

        #[test]
        fn pieces_are_the_text(text in "[ad:n#<= \r\n]{0,60}") {
            let (records, tail) = records(&text).unwrap();
            let pieces: String = records.iter().flat_map(|r| [r.before, r.raw]).chain([tail]).collect();
            prop_assert_eq!(pieces, text);
        }
    }
}
