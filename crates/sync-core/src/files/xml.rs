//! XML, as far as address books need it: the elements of one level with their attributes and where they stand. What
//! could be used to make a reader work without end is refused: document types, entities of one's own, deep nesting.

use super::FileError;
use alloc::{string::String, vec::Vec};
use quick_xml::{
    Reader, XmlVersion,
    errors::SyntaxError,
    events::{BytesStart, Event},
};

/// How deep elements may be nested.
const MAX_DEPTH: usize = 16;
/// How many attributes an element may have.
const MAX_ATTRIBUTES: usize = 256;
/// How many elements of the level that is asked for a text may have.
const MAX_ELEMENTS: usize = 500_000;

/// An element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    /// Where it begins and ends in the text.
    pub(super) start: usize,
    pub(super) end: usize,
    /// The line at which it begins, from 1.
    pub(super) line: u64,
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
    /// Whether something stands in it that is no blank.
    pub(super) is_filled: bool,
}

impl Element {
    /// What an attribute says.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(one, _)| one == name).map(|(_, value)| &**value)
    }
}

/// A document: its root, and where the root's tags stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    /// The name of the root.
    pub(super) root: String,
    /// Where what the root holds begins and ends.
    pub(super) inner: (usize, usize),
    /// What stands in the root.
    pub(super) elements: Vec<Element>,
}

/// Reads a document.
///
/// # Errors
/// [`FileError::NotXml`] where it is none, [`FileError::UnsafeXml`] where it has what is refused,
/// [`FileError::CutOff`] where the end is missing.
pub(super) fn document(text: &str) -> Result<Document, FileError> {
    let (roots, elements, inner) = scan(text, 1)?;
    let mut roots = roots.into_iter();
    match (roots.next(), roots.next()) {
        (Some(root), None) => Ok(Document { root: root.name, inner, elements }),
        (_, second) => {
            let what = if second.is_some() { "it has two roots" } else { "it has no element" };
            Err(FileError::NotXml { line: second.map_or(1, |root| root.line), what })
        }
    }
}

/// The elements of a piece of a document.
///
/// # Errors
/// As [`document`].
pub(super) fn elements(text: &str) -> Result<Vec<Element>, FileError> {
    scan(text, 0).map(|(elements, _, _)| elements)
}

type Scanned = (Vec<Element>, Vec<Element>, (usize, usize));

/// The outermost elements, those of one level (if it is another), and where what the last of the outermost holds
/// stands.
fn scan(text: &str, level: usize) -> Result<Scanned, FileError> {
    let mut reader = Reader::from_str(text);
    let (mut outer, mut found, mut inner): Scanned = (Vec::new(), Vec::new(), (0, 0));
    let (mut depth, mut line, mut counted) = (0_usize, 1_u64, 0);
    loop {
        let start = position(&reader, text);
        line += newlines(text, counted, start);
        counted = start;
        let damaged = |what| FileError::NotXml { line, what };
        let event = reader.read_event().map_err(|error| match error {
            quick_xml::Error::Syntax(what) if what != SyntaxError::InvalidBangMarkup => {
                FileError::CutOff { line }
            }
            _ => damaged("a tag or reference is not complete"),
        })?;
        let end = position(&reader, text);
        match event {
            Event::Start(tag) | Event::Empty(tag) if depth == 0 || depth == level => {
                let is_open = !text.get(..end).is_some_and(|before| before.ends_with("/>"));
                let element = element(&tag, (start, end), line)?;
                let list = if depth == 0 { &mut outer } else { &mut found };
                if list.len() >= MAX_ELEMENTS {
                    let limit = MAX_ELEMENTS;
                    return Err(FileError::TooManyRows { line, limit });
                }
                if depth == 0 {
                    inner = (end, end);
                }
                list.push(element);
                depth += usize::from(is_open);
            }
            Event::Start(_) if depth >= MAX_DEPTH => {
                return Err(FileError::UnsafeXml { line, what: "its elements are nested too deep" });
            }
            Event::Start(_) => depth += 1,
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    inner.1 = start;
                }
                if depth == 0 || depth == level {
                    let list = if depth == 0 { &mut outer } else { &mut found };
                    if let Some(last) = list.last_mut() {
                        // So far it ends where its first tag does.
                        let inner = text.get(last.end..start).unwrap_or_default();
                        last.is_filled = !inner.trim().is_empty();
                        last.end = end;
                    }
                }
            }
            Event::DocType(_) => {
                return Err(FileError::UnsafeXml { line, what: "it has a document type" });
            }
            Event::GeneralRef(name) => {
                let known = matches!(&*name.into_inner(), "lt" | "gt" | "amp" | "apos" | "quot");
                let reference = text.get(start..end).is_some_and(|text| text.starts_with("&#"));
                if !known && !reference {
                    return Err(FileError::UnsafeXml { line, what: "it has an entity of its own" });
                }
            }
            Event::Text(_)
                if depth == 0
                    && level > 0
                    && text.get(start..end).is_some_and(|text| !text.trim().is_empty()) =>
            {
                return Err(damaged("text stands outside its root"));
            }
            Event::Eof if depth > 0 => return Err(FileError::CutOff { line }),
            Event::Eof => return Ok((outer, found, inner)),
            _ => {}
        }
    }
}

fn element(tag: &BytesStart<'_>, (start, end): (usize, usize), line: u64) -> Result<Element, FileError> {
    let mut attributes = Vec::new();
    for attribute in tag.attributes() {
        if attributes.len() >= MAX_ATTRIBUTES {
            return Err(FileError::UnsafeXml { line, what: "an element has too many attributes" });
        }
        // What is wrong is not quoted: it may be a password.
        let attribute = attribute
            .map_err(|_| FileError::NotXml { line, what: "an attribute is not complete, or there twice" })?;
        let value = attribute
            .normalized_value(XmlVersion::Implicit1_0)
            .map_err(|_| FileError::UnsafeXml { line, what: "it has an entity of its own, or an & alone" })?;
        attributes.push((attribute.key.as_ref().into(), value.into_owned()));
    }
    Ok(Element { start, end, line, name: tag.name().as_ref().into(), attributes, is_filled: false })
}

fn position(reader: &Reader<&[u8]>, text: &str) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len())
}

fn newlines(text: &str, from: usize, to: usize) -> u64 {
    text.get(from..to).map_or(0, |text| text.matches('\n').count() as u64)
}

/// An attribute with a blank before it.
pub(super) fn write_attribute(out: &mut String, name: &str, value: &str) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    for one in value.chars() {
        match one {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // As they stand, a reader takes them for blanks.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            // No XML has these.
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out.push('"');
}

/// Whether an attribute may have this name.
pub(super) fn is_name(name: &str) -> bool {
    let letter = |one: char| one.is_alphabetic() || one == '_';
    name.starts_with(letter)
        && name.chars().all(|one| letter(one) || one.is_ascii_digit() || matches!(one, '-' | '.'))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    #[test]
    fn an_element_of_two_tags_and_nothing_between_is_empty() {
        let text = "<r>\n<i a='1'></i><i>\n </i><i>x</i><i/><i><!-- c --></i>\n</r>\n";
        let found = document(text).unwrap();
        let filled: Vec<bool> = found.elements.iter().map(|element| element.is_filled).collect();
        assert_eq!(filled, [false, false, true, false, true]);
        assert_eq!(&text[found.elements[0].start..found.elements[0].end], "<i a='1'></i>");
    }

    #[test]
    fn elements_are_found_where_they_stand() {
        let text = "<?xml version=\"1.0\"?>\n<!-- a <b> -->\n<r x='1'>\n  <i a=\"&lt;&#65;&amp;\" b='2'/>\n  <i><n/>x</i>\n</r>\n";
        let found = document(text).unwrap();
        assert_eq!(found.root, "r");
        let texts: Vec<_> =
            found.elements.iter().map(|e| (&text[e.start..e.end], e.line, e.is_filled)).collect();
        assert_eq!(texts, [("<i a=\"&lt;&#65;&amp;\" b='2'/>", 4, false), ("<i><n/>x</i>", 5, true)]);
        assert_eq!(found.elements[0].get("a"), Some("<A&"));
        assert!(text[found.inner.0..].starts_with("\n  <i a"));
        assert!(text[found.inner.1..].starts_with("</r>"));
    }

    #[test]
    fn what_is_unsafe_or_no_xml_is_refused() {
        let deep = format!("<r>{}{}</r>", "<a>".repeat(40), "</a>".repeat(40));
        let wide =
            format!("<r><i {}/></r>", (0..300).map(|n| format!("a{n}=''")).collect::<Vec<_>>().join(" "));
        for (text, code) in [
            ("<!DOCTYPE r [<!ENTITY e 'x'>]><r/>", "unsafe_xml"),
            ("<r>&e;</r>", "unsafe_xml"),
            ("<r><i a='&e;'/></r>", "unsafe_xml"),
            ("<r><i a='x & y'/></r>", "unsafe_xml"),
            (&deep, "unsafe_xml"),
            (&wide, "unsafe_xml"),
            ("<r><i a='1' a='2'/></r>", "not_xml"),
            ("<r><i a=1/></r>", "not_xml"),
            ("<r></q>", "not_xml"),
            ("<r/><r/>", "not_xml"),
            ("<r/>text", "not_xml"),
            ("text", "not_xml"),
            ("<!-- only -->", "not_xml"),
            ("<r><i/>", "file_cut_off"),
            ("<r><i", "file_cut_off"),
        ] {
            assert_eq!(document(text).unwrap_err().code(), code, "{text}");
        }
    }

    proptest! {
        #[test]
        fn attributes_are_read_as_they_were_written(value in "[a<>&\"'\\t\\r\\n é名;#x]{0,12}") {
            let mut text = String::from("<r");
            write_attribute(&mut text, "a", &value);
            text.push_str("/>");
            let found = elements(&text).unwrap();
            prop_assert_eq!(found[0].get("a"), Some(&*value));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[<>/a=\"'&;# !\\n\\[\\]?-]{0,60}") {
            if let Ok(found) = document(&text) {
                for one in found.elements {
                    prop_assert!(text.get(one.start..one.end).is_some_and(|text| text.starts_with('<')));
                }
                prop_assert!(text.get(found.inner.0..found.inner.1).is_some());
            }
        }
    }
}
