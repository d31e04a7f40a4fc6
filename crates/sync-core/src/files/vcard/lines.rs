//! The lines of vCards: cards, folded lines, properties with their parameters, and the encodings of 2.1.
//!
//! A property is held as 3.0 writes it: types have `TYPE=`, quoted-printable text is decoded, Base64 has no blanks.

use super::values::{WIDTH, fold, old_text, quote, unquoted};
use crate::files::{FileError, table::MAX_ROWS, text::Encoding};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The version of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) enum Version {
    V2,
    #[default]
    V3,
    V4,
}

impl Version {
    pub(super) fn named(text: &str) -> Self {
        match text.trim() {
            "2.1" => Self::V2,
            "4.0" => Self::V4,
            _ => Self::V3,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::V2 => "2.1",
            Self::V3 => "3.0",
            Self::V4 => "4.0",
        }
    }
}

/// A card as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Card<'a> {
    /// Where it begins, from 1.
    pub(super) line: u64,
    /// What stands before it.
    pub(super) before: &'a str,
    pub(super) raw: &'a str,
    pub(super) version: Version,
    pub(super) properties: Vec<Property>,
    /// Lines that are no property, or a card within this one.
    pub(super) wrong: Vec<u64>,
    /// Whether it has its end.
    pub(super) whole: bool,
}

/// A line of a card.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Property {
    /// What ties it to others, such as `item1`.
    pub(super) group: String,
    /// In upper case.
    pub(super) name: String,
    /// As its card spells it.
    pub(super) spelled: String,
    /// Names in upper case, and values as they stand.
    pub(super) parameters: Vec<(String, String)>,
    /// With the escapes of 3.0.
    pub(super) value: String,
    /// As it stood, where its text was cut in the middle of a character.
    pub(super) broken: Option<String>,
}

fn is_line(line: &str, wanted: &str) -> bool {
    line.trim().eq_ignore_ascii_case(wanted)
}

/// The cards of a text, and what follows the last. `page`: in what quoted text stands that does not say it, if that is
/// known.
///
/// # Errors
/// Where there are more than a reader takes.
pub(super) fn cards(text: &str, page: Option<Encoding>) -> Result<(Vec<Card<'_>>, &str), FileError> {
    let mut cards: Vec<Card<'_>> = Vec::new();
    let mut open: Option<Open> = None;
    let (mut before, mut at) = (0, 0);
    for (number, whole) in (1_u64..).zip(text.split_inclusive('\n')) {
        let line = whole.trim_end_matches(['\r', '\n']);
        let begins = is_line(line, "BEGIN:VCARD");
        let within = open.as_ref().is_some_and(|card| card.depth > 0 || card.expects_card());
        if begins && !within {
            if let Some(card) = open.take() {
                cards.push(card.close(&text[before..], at - before, false));
                before = at;
            }
            if cards.len() >= MAX_ROWS {
                return Err(FileError::TooManyRows { line: number, limit: MAX_ROWS });
            }
            open = Some(Open::new(number, at - before, page));
        } else if let Some(card) = &mut open {
            card.take(number, line);
            if card.ended {
                let end = at + whole.len();
                if let Some(card) = open.take() {
                    cards.push(card.close(&text[before..], end - before, true));
                }
                before = end;
            }
        }
        at += whole.len();
    }
    if let Some(card) = open {
        cards.push(card.close(&text[before..], text.len() - before, false));
        before = text.len();
    }
    Ok((cards, &text[before..]))
}

/// A card that is being read.
struct Open {
    line: u64,
    /// Where it begins, after what stands before it.
    start: usize,
    lines: Vec<(u64, String)>,
    version: Version,
    page: Option<Encoding>,
    /// Cards within it that are open.
    depth: usize,
    wrong: Vec<u64>,
    /// Whether the last line is quoted-printable, or Base64.
    quoted: bool,
    coded: bool,
    ended: bool,
}

impl Open {
    fn new(line: u64, start: usize, page: Option<Encoding>) -> Self {
        let (lines, wrong) = (Vec::new(), Vec::new());
        let version = Version::V3;
        Self { line, start, lines, version, page, depth: 0, wrong, quoted: false, coded: false, ended: false }
    }

    /// Whether the last line is one of 2.1 that holds a card.
    fn expects_card(&self) -> bool {
        self.lines.last().is_some_and(|(_, line)| {
            line.split_once(':').is_some_and(|(head, value)| {
                value.trim().is_empty() && head.get(..5).is_some_and(|n| n.eq_ignore_ascii_case("AGENT"))
            })
        })
    }

    fn take(&mut self, number: u64, line: &str) {
        if is_line(line, "BEGIN:VCARD") {
            self.depth += 1;
            self.wrong.push(number);
            return;
        }
        if self.depth > 0 {
            self.depth -= usize::from(is_line(line, "END:VCARD"));
            return;
        }
        if let Some((_, last)) = self.lines.last_mut() {
            if self.quoted && last.ends_with('=') {
                last.pop();
                last.push_str(line);
                return;
            }
            if let Some(more) = line.strip_prefix([' ', '\t']) {
                // 2.1 folds before a blank that belongs to the text.
                last.push_str(if self.version == Version::V2 && !self.coded { line } else { more });
                return;
            }
            let is_code = |line: &str| line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b));
            if self.coded && !line.is_empty() && is_code(line) {
                last.push_str(line);
                return;
            }
        }
        if line.trim().is_empty() {
            return;
        }
        if is_line(line, "END:VCARD") {
            self.ended = true;
            return;
        }
        let head = line.split(':').next().unwrap_or("").to_ascii_uppercase();
        let told =
            |word: &str| head.split(';').skip(1).any(|one| one == word || one == format!("ENCODING={word}"));
        self.quoted = told("QUOTED-PRINTABLE");
        self.coded = told("BASE64") || told("B");
        if let Some(version) = head.strip_prefix("VERSION").and_then(|_| line.split_once(':')) {
            self.version = Version::named(version.1);
        }
        self.lines.push((number, line.to_string()));
    }

    fn close(mut self, text: &str, end: usize, whole: bool) -> Card<'_> {
        let mut properties = Vec::new();
        for (number, line) in &self.lines {
            match Property::parse(line) {
                Some(property) => properties.push(property.normal(self.version, self.page)),
                None => self.wrong.push(*number),
            }
        }
        self.wrong.sort_unstable();
        Card {
            line: self.line,
            before: &text[..self.start],
            raw: &text[self.start..end],
            version: self.version,
            properties,
            wrong: self.wrong,
            whole,
        }
    }
}

/// Where a character stands outside quotes.
fn outside(text: &str, wanted: char) -> Option<usize> {
    let mut quoted = false;
    for (at, one) in text.char_indices() {
        if one == '"' {
            quoted = !quoted;
        } else if one == wanted && !quoted {
            return Some(at);
        }
    }
    None
}

impl Property {
    /// A property without parameters.
    pub(super) fn new(name: &str, value: String) -> Self {
        Self { name: name.into(), spelled: name.into(), value, ..Self::default() }
    }

    /// The property that an unfolded line is; `None` where it is none.
    pub(super) fn parse(line: &str) -> Option<Self> {
        // A quote that never ends is no quote.
        let colon = outside(line, ':').or_else(|| line.find(':'))?;
        let (mut head, value) = (&line[..colon], &line[colon + 1..]);
        let mut parts = Vec::new();
        while let Some(at) = outside(head, ';') {
            parts.push(&head[..at]);
            head = &head[at + 1..];
        }
        parts.push(head);
        let (first, parameters) = parts.split_first()?;
        let (group, name) = first.trim().rsplit_once('.').unwrap_or(("", first.trim()));
        let is_word =
            |word: &str| word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if name.is_empty() || !is_word(name) || !is_word(group) {
            return None;
        }
        let parameters = parameters.iter().filter(|one| !one.trim().is_empty()).map(|one| {
            if let Some((key, value)) = one.split_once('=') {
                return (key.trim().to_ascii_uppercase(), value.to_string());
            }
            let word = one.trim();
            let key = match &*word.to_ascii_uppercase() {
                "QUOTED-PRINTABLE" | "BASE64" | "B" | "8BIT" | "7BIT" => "ENCODING",
                "INLINE" | "URL" | "CID" | "CONTENT-ID" => "VALUE",
                _ => "TYPE",
            };
            (key.to_string(), word.to_string())
        });
        Some(Self {
            group: group.into(),
            name: name.to_ascii_uppercase(),
            spelled: name.into(),
            parameters: parameters.collect(),
            value: value.into(),
            broken: None,
        })
    }

    fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim_matches('"'))
    }

    /// Whether its value is Base64.
    pub(super) fn is_coded(&self) -> bool {
        self.parameter("ENCODING")
            .is_some_and(|one| ["b", "base64"].iter().any(|b| one.eq_ignore_ascii_case(b)))
    }

    /// Whether its text was cut in the middle of a character, or is in another character set than it says.
    pub(super) const fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Its types, in upper case.
    pub(super) fn types(&self) -> Vec<String> {
        let types = self.parameters.iter().filter(|(key, _)| key == "TYPE");
        let each = types.flat_map(|(_, value)| value.trim_matches('"').split(','));
        let mut types: Vec<String> =
            each.map(|one| one.trim().to_ascii_uppercase()).filter(|one| !one.is_empty()).collect();
        types.sort_unstable();
        types.dedup();
        types
    }

    /// As 3.0 writes it.
    fn normal(mut self, version: Version, page: Option<Encoding>) -> Self {
        let encoding = self.parameter("ENCODING").unwrap_or("").to_ascii_uppercase();
        if self.is_coded() {
            self.value.retain(|one| !one.is_whitespace());
            for (_, value) in self.parameters.iter_mut().filter(|(key, _)| key == "ENCODING") {
                *value = "b".into();
            }
            return self;
        }
        if encoding == "QUOTED-PRINTABLE" {
            let charset = self.parameter("CHARSET").and_then(Encoding::named);
            match unquoted(&self.value, charset, page) {
                Ok(text) => self.value = text,
                Err(text) => {
                    self.broken = Some(self.kept().trim_end_matches('=').to_string());
                    self.value = text;
                }
            }
        }
        self.parameters.retain(|(key, _)| key != "CHARSET" && key != "ENCODING");
        let mut value = String::with_capacity(self.value.len());
        let mut rest = self.value.chars().peekable();
        while let Some(one) = rest.next() {
            match one {
                '\r' => {}
                '\n' => value.push_str("\\n"),
                '\\' if version == Version::V2 => {
                    match rest.next_if(|next| [';', ',', '\\'].contains(next)) {
                        Some(next) => value.extend(['\\', next]),
                        None => value.push_str("\\\\"),
                    }
                }
                ',' if version == Version::V2 && self.name != "URL" => value.push_str("\\,"),
                one => value.push(one),
            }
        }
        self.value = value;
        self
    }

    /// What stands before the value.
    pub(super) fn head(&self) -> String {
        let mut head = String::new();
        if !self.group.is_empty() {
            head.push_str(&self.group);
            head.push('.');
        }
        head.push_str(&self.spelled);
        for (key, value) in &self.parameters {
            head.push_str(&format!(";{key}={value}"));
        }
        head
    }

    /// Itself on one line, to be kept.
    pub(super) fn kept(&self) -> String {
        self.broken.clone().unwrap_or_else(|| format!("{}:{}", self.head(), self.value))
    }

    /// Its parts between semicolons.
    pub(super) fn parts(&self) -> Vec<&str> {
        let mut parts = Vec::new();
        let (mut start, mut escaped) = (0, false);
        for (at, one) in self.value.char_indices() {
            if one == ';' && !escaped {
                parts.push(&self.value[start..at]);
                start = at + 1;
            }
            escaped = one == '\\' && !escaped;
        }
        parts.push(&self.value[start..]);
        parts
    }

    /// Writes it, folded.
    pub(super) fn write(&self, out: &mut String, version: Version, end: &str) {
        if version != Version::V2 {
            fold(out, &self.kept(), end);
            return;
        }
        let mut head = String::new();
        for (key, value) in &self.parameters {
            match &**key {
                "TYPE" => {
                    value.trim_matches('"').split(',').for_each(|one| head.push_str(&format!(";{one}")))
                }
                "ENCODING" if self.is_coded() => head.push_str(";ENCODING=BASE64"),
                _ => head.push_str(&format!(";{key}={value}")),
            }
        }
        let (group, spelled) = (self.group.clone(), self.spelled.clone());
        let name = Self { group, spelled, ..Self::default() }.head();
        if self.is_coded() {
            fold(out, &format!("{name}{head}:{}", self.value), end);
            out.push_str(end);
            return;
        }
        let text = old_text(&self.value);
        if text.bytes().all(|byte| (32..127).contains(&byte) || byte == b'\t') {
            out.push_str(&format!("{name}{head}:{text}{end}"));
        } else {
            let head = format!("{name}{head};CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:");
            out.push_str(&head);
            quote(out, &text, WIDTH.saturating_sub(head.len()).max(6), end);
            out.push_str(end);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{
        super::values::{escape, unescape},
        *,
    };
    use proptest::prelude::*;

    proptest! {
        /// Any text comes back from every version, with any parameters.
        #[test]
        fn properties_come_back(
            text in "[ -~äö日\n]{0,120}",
            types in prop::collection::vec("[D-F]{1,3}", 0..3),
            version in 0..3_usize,
        ) {
            let version = [Version::V2, Version::V3, Version::V4][version];
            let parameters = types.iter().map(|one| ("TYPE".to_string(), one.clone())).collect();
            let property = Property { parameters, ..Property::new("NOTE", escape(&text)) };
            let mut out = format!("BEGIN:VCARD\nVERSION:{}\n", version.name());
            property.write(&mut out, version, "\n");
            out.push_str("END:VCARD\n");
            let (cards, _) = cards(&out, None).unwrap();
            let back = &cards[0].properties[1];
            prop_assert_eq!(unescape(&back.value), text, "{}", out);
            prop_assert_eq!(back.types(), property.types());
        }

        #[test]
        fn pieces_are_the_text(parts in prop::collection::vec(prop::sample::select(&[
            "BEGIN:VCARD\n", "END:VCARD\r\n", "begin:vcard\n", "AGENT:\n", "FN:a\n", " b\n", "N;QUOTED-PRINTABLE:=\n",
            "\n", "x", "PHOTO;BASE64:\n",
        ][..]), 0..12)) {
            let text = parts.concat();
            let (cards, tail) = cards(&text, None).unwrap();
            let pieces: String = cards.iter().flat_map(|card| [card.before, card.raw]).chain([tail]).collect();
            prop_assert_eq!(pieces, text);
        }
    }
}
