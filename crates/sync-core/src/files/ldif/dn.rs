//! Distinguished names (RFC 4514; quotes and blanks as in RFC 2253 and 1779 too).

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// One part of a name, such as `cn=A` of `cn=A+sn=B,ou=C`, by its attribute and its value without escapes.
type Part = (String, String);

/// The parts of a name, level by level; `None` where it is none.
fn parse(name: &str) -> Option<Vec<Vec<Part>>> {
    let mut levels: Vec<Vec<Part>> = Vec::new();
    let mut rest = name.trim_start();
    let mut level = Vec::new();
    while !rest.is_empty() {
        let (attribute, value) = rest.split_once('=')?;
        let attribute = attribute.trim();
        if attribute.is_empty() || attribute.contains([',', '+', ';', '"', '\\']) {
            return None;
        }
        let (text, after) = value_of(value)?;
        level.push((attribute.to_string(), text));
        let mut after = after.chars();
        match after.next() {
            Some('+') => {}
            Some(',' | ';') | None => levels.push(core::mem::take(&mut level)),
            Some(_) => return None,
        }
        rest = after.as_str().trim_start();
    }
    if !level.is_empty() {
        return None;
    }
    Some(levels)
}

/// The value that a text begins with, and what follows it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches(' ');
    let quoted = text.strip_prefix('"');
    let body = quoted.unwrap_or(text);
    let mut value: Vec<u8> = Vec::new();
    // How much of the value is not blanks at its end.
    let mut solid = 0;
    let mut chars = body.char_indices();
    let mut end = body.len();
    let mut closed = false;
    while let Some((at, one)) = chars.next() {
        match one {
            '\\' => {
                let rest = &body[at + 1..];
                let digits = rest.get(..2).filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()));
                let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
                if let Some(byte) = byte {
                    value.push(byte);
                    chars.next();
                    chars.next();
                } else {
                    let (_, escaped) = chars.next()?;
                    value.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                solid = value.len();
            }
            '"' if quoted.is_some() => {
                (end, closed, solid) = (at + 1, true, value.len());
                break;
            }
            ',' | ';' | '+' if quoted.is_none() => {
                end = at;
                break;
            }
            one => {
                value.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
                if one != ' ' {
                    solid = value.len();
                }
            }
        }
    }
    if quoted.is_some() && !closed {
        return None;
    }
    value.truncate(solid);
    Some((String::from_utf8_lossy(&value).into_owned(), body[end..].trim_start_matches(' ')))
}

/// A text that two names share exactly if they are the same: attributes and values without regard to case, blanks and
/// the way in which characters are escaped, the parts of one level in any order. `None` where it is no name.
pub(super) fn comparable(name: &str) -> Option<String> {
    let levels = parse(name)?.into_iter().map(|level| {
        let mut parts: Vec<String> = level
            .into_iter()
            .map(|(attribute, value)| {
                let attribute = attribute.to_ascii_lowercase();
                let words: Vec<&str> = value.split_whitespace().collect();
                let value = words.join(" ").to_lowercase();
                format!("{}\u{1}{value}", attribute.strip_prefix("oid.").unwrap_or(&attribute))
            })
            .collect();
        parts.sort_unstable();
        parts.join("\u{2}")
    });
    Some(levels.collect::<Vec<_>>().join("\u{3}"))
}

/// The common name that a name begins with.
pub(super) fn common_name(name: &str) -> Option<String> {
    let first = parse(name)?.into_iter().next()?;
    first.into_iter().find(|(attribute, _)| attribute.eq_ignore_ascii_case("cn")).map(|(_, value)| value)
}

/// A value as it stands in a name.
pub(super) fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for (at, one) in value.char_indices() {
        let edge = at == 0 || at + 1 == value.len();
        match one {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => {
                out.push('\\');
                out.push(one);
            }
            '#' if at == 0 => out.push_str("\\#"),
            ' ' if edge => out.push_str("\\ "),
            one if one.is_control() => {
                for byte in one.encode_utf8(&mut [0; 4]).bytes() {
                    out.push_str(&format!("\\{byte:02X}"));
                }
            }
            one => out.push(one),
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_compared_by_rule() {
        let same = [
            ("cn=Doe\\, Jane,ou=A", "CN = doe\\2c  jane , OU=a"),
            ("cn=\"Doe, Jane\",ou=A", "cn=Doe\\, Jane,ou=A"),
            ("cn=A+sn=B,o=C", "sn=B + cn=A;o=C"),
            ("cn=\\C3\\96rnek", "cn=örnek"),
            ("oid.2.5.4.3=A", "2.5.4.3=a"),
            ("cn=\\#1", "cn=\\231"),
            ("cn=a\\+ab", "cn=A\\2bAB"),
            ("cn=trailing=", "cn=trailing\\="),
        ];
        for (one, other) in same {
            assert!(comparable(one).is_some(), "{one}");
            assert_eq!(comparable(one), comparable(other), "{one}");
        }
        for (one, other) in [("cn=A,ou=B", "cn=A+ou=B"), ("cn=A", "sn=A"), ("cn=A\\,ou\\=B", "cn=A,ou=B")] {
            assert_ne!(comparable(one), comparable(other), "{one}");
        }
        for wrong in ["localbox001", "cn=A,B", "cn=\"A", "cn=A\\", "=A", "cn=A+", "cn=\"A\"b"] {
            assert_eq!(comparable(wrong), None, "{wrong}");
        }
        assert_eq!(common_name("CN=Bo Probe,CN=Users").as_deref(), Some("Bo Probe"));
        assert_eq!(common_name("uid=bo,cn=Users"), None);
    }

    proptest! {
        #[test]
        fn any_value_can_stand_in_a_name(value in "[ -~äö\r\n\u{0}]{0,12}") {
            let name = format!("cn={},ou=x", escape(&value));
            prop_assert_eq!(common_name(&name), Some(value));
        }

        #[test]
        fn any_text_is_a_name_or_none(text in "[a=,+;\"\\\\ #0-9ä]{0,16}") {
            let _ = comparable(&text);
        }
    }
}
