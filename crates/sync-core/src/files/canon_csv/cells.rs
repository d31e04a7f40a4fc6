//! Rows and cells in the bytes: where each ends, how it was quoted, how a new one is quoted.

use alloc::{
    borrow::Cow,
    string::{String, ToString},
    vec::Vec,
};

/// One row in the bytes.
pub(super) struct RowSpan {
    /// Where its text ends.
    pub(super) text: usize,
    /// Where its line end ends.
    pub(super) end: usize,
    /// How many lines it covers.
    pub(super) lines: u64,
}

/// How long the line end is that begins here: CRLF, LF or CR.
fn line_end(bytes: &[u8], at: usize) -> usize {
    match (bytes.get(at), bytes.get(at + 1)) {
        (Some(b'\r'), Some(b'\n')) => 2,
        (Some(b'\r' | b'\n'), _) => 1,
        _ => 0,
    }
}

/// The first line, whatever quotes are in it.
pub(super) fn first_line(bytes: &[u8]) -> RowSpan {
    let text = bytes.iter().position(|b| matches!(b, b'\r' | b'\n')).unwrap_or(bytes.len());
    RowSpan { text, end: text + line_end(bytes, text), lines: 1 }
}

/// The first row; a quoted cell may hold line ends. `None` if a quote never ends.
pub(super) fn first_row(bytes: &[u8]) -> Option<RowSpan> {
    let (mut at, mut lines) = (0, 1);
    let mut cell_begins = true;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' if cell_begins => {
                at += 1;
                loop {
                    match (bytes.get(at)?, bytes.get(at + 1)) {
                        (b'"', Some(b'"')) => at += 2,
                        (b'"', _) => break,
                        (b'\r' | b'\n', _) => {
                            lines += 1;
                            at += line_end(bytes, at);
                        }
                        _ => at += 1,
                    }
                }
                at += 1;
                cell_begins = false;
            }
            b'\r' | b'\n' => break,
            byte => {
                cell_begins = *byte == b',';
                at += 1;
            }
        }
    }
    Some(RowSpan { text: at, end: at + line_end(bytes, at), lines })
}

/// One cell of a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell<'a> {
    /// As it stands in the file.
    pub(super) raw: &'a str,
    /// What it says.
    pub(super) text: Cow<'a, str>,
}

/// The cells of a row that [`first_row`] found; `None` if something follows a closing quote.
pub(super) fn cells(row: &str) -> Option<Vec<Cell<'_>>> {
    let mut cells = Vec::new();
    let mut rest = row;
    loop {
        let (length, text) = match rest.strip_prefix('"') {
            None => {
                let length = rest.find(',').unwrap_or(rest.len());
                (length, Cow::Borrowed(&rest[..length]))
            }
            Some(quoted) => {
                let length = closing_quote(quoted)?;
                let inside = &quoted[..length];
                let text = if inside.contains('"') {
                    Cow::Owned(inside.replace("\"\"", "\""))
                } else {
                    Cow::Borrowed(inside)
                };
                (length + 2, text)
            }
        };
        cells.push(Cell { raw: &rest[..length], text });
        match rest[length..].strip_prefix(',') {
            Some(next) => rest = next,
            None if rest.len() == length => return Some(cells),
            None => return None,
        }
    }
}

/// Where the quote is that ends a cell which has begun.
fn closing_quote(quoted: &str) -> Option<usize> {
    let mut at = 0;
    loop {
        at += quoted[at..].find('"')?;
        if quoted[at + 1..].starts_with('"') {
            at += 2;
        } else {
            return Some(at);
        }
    }
}

/// Adds a cell to a row, quoted where its column is or where it must be.
pub(super) fn push_cell(row: &mut String, text: &str, quoted: bool) {
    // A row that begins with # would be read as a remark.
    let must = text.contains(['"', ',', '\r', '\n']) || text.starts_with('#');
    if must || (quoted && !text.is_empty()) {
        row.push('"');
        row.push_str(&text.replace('"', "\"\""));
        row.push('"');
    } else {
        row.push_str(text);
    }
}

/// A column's name as it is compared: trimmed, in lower case.
pub(super) fn column_name(cell: &str) -> String {
    cell.trim().to_ascii_lowercase().to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(row: &str) -> Option<Vec<String>> {
        Some(cells(row)?.into_iter().map(|c| c.text.into()).collect())
    }

    #[test]
    fn quotes_are_undone() {
        assert_eq!(texts(r#"a,"b ""c"", d",,"""#).unwrap(), ["a", "b \"c\", d", "", ""]);
        assert_eq!(texts("").unwrap(), [""]);
        assert_eq!(texts(r#"5" disk,x"#).unwrap(), ["5\" disk", "x"]);
        assert_eq!(texts(r#""a"b,c"#), None);
    }

    #[test]
    fn a_row_ends_outside_quotes() {
        let span = first_row(b"a,\"b\r\nc\nd\"\r\nnext").unwrap();
        assert_eq!((span.text, span.end, span.lines), (10, 12, 3));
        assert!(first_row(b"a,\"b\r\nc").is_none());
    }

    proptest! {
        /// The csv crate is an independent reader of what is written here.
        #[test]
        fn an_independent_reader_agrees(row in prop::collection::vec(("[a\",\r\n é]{0,5}", any::<bool>()), 2..6)) {
            let mut text = String::new();
            for (place, (cell, quoted)) in row.iter().enumerate() {
                if place > 0 { text.push(','); }
                push_cell(&mut text, cell, *quoted);
            }
            let wanted: Vec<&str> = row.iter().map(|(cell, _)| &**cell).collect();
            prop_assert_eq!(first_row(text.as_bytes()).unwrap().text, text.len());
            prop_assert_eq!(texts(&text).unwrap(), wanted.clone());
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            prop_assert_eq!(record.iter().collect::<Vec<_>>(), wanted);
        }
    }
}
