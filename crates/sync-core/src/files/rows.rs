//! The rows of a text with separators: each as it stands and by its cells, and how one is written.

use super::{
    FileError, Note,
    canon_csv::{MAX_COLUMNS, MAX_ROWS},
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};

/// Which cells are quoted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Quotes {
    /// Those that must be.
    #[default]
    Needed,
    /// All.
    All,
    /// None: a cell can't hold a separator or a line end.
    Never,
}

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Style {
    /// What stands between cells.
    pub(super) separator: char,
    /// Which cells of a row are quoted.
    pub(super) quotes: Quotes,
    /// Which names of the column line are quoted.
    pub(super) head_quotes: Quotes,
    /// `\r\n` or `\n`.
    pub(super) line_end: &'static str,
    /// Each value stands in square brackets.
    pub(super) brackets: bool,
    /// A separator ends each line.
    pub(super) closes: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            separator: ',',
            quotes: Quotes::Needed,
            head_quotes: Quotes::Needed,
            line_end: "\r\n",
            brackets: false,
            closes: false,
        }
    }
}

/// A row of a text, as it stands and by its cells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Row<'a> {
    /// Where it begins, from 1.
    pub(super) line: u64,
    /// Empty lines before it.
    pub(super) before: &'a str,
    /// With its line end.
    pub(super) raw: &'a str,
    pub(super) cells: Vec<String>,
    /// Why it can't be read; it has no cells then.
    pub(super) wrong: Option<WrongRow>,
}

/// Why a row can't be read; those around it can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WrongRow {
    /// It has more cells than a reader takes.
    TooWide,
    /// A quote in it never ends, or ends in the middle of a later row.
    Quote,
}

impl Row<'_> {
    /// What a report says of a row that can't be read.
    pub(super) fn wrong(&self) -> Option<Note> {
        let (code, text) = match self.wrong? {
            WrongRow::TooWide => ("too_many_cells", format!("the row has more than {MAX_COLUMNS} cells")),
            WrongRow::Quote => (
                "quote_not_closed",
                "a quote of this row does not end in it: is one missing, or not doubled within a cell?"
                    .into(),
            ),
        };
        Some(Note::loss(Some(self.line), code, text))
    }

    /// As the row that names the columns of all others.
    ///
    /// # Errors
    /// [`FileError`] where it can't be read.
    pub(super) fn as_column_line(&self) -> Result<&Self, FileError> {
        let line = self.line;
        match self.wrong {
            Some(WrongRow::TooWide) => Err(FileError::TooManyColumns { line, limit: MAX_COLUMNS }),
            Some(WrongRow::Quote) => Err(FileError::UnterminatedQuote { line }),
            None => Ok(self),
        }
    }
}

/// The rows of a text from `line` on. One that can't be read says so, and stops no other.
///
/// # Errors
/// [`FileError`] where there are more rows than a reader takes.
pub(super) fn rows(text: &str, separator: char, first_line: u64) -> Result<Vec<Row<'_>>, FileError> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    let mut starts = Vec::new();
    let mut record = csv::StringRecord::new();
    let mut from = 0;
    // How much may be read once more after wrong quotes, so that no file makes this work without end.
    let mut again = 4 * text.len();
    while from < text.len() {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(u8::try_from(separator).unwrap_or(b','))
            .buffer_capacity(if from == 0 { 8 << 10 } else { 1 << 10 })
            .from_reader(&text.as_bytes()[from..]);
        let place = |position: &csv::Position| {
            usize::try_from(position.byte()).map_or(text.len(), |at| (from + at).min(text.len()))
        };
        let mut next = text.len();
        while reader.read_record(&mut record).unwrap_or(false) {
            let (start, end) = (record.position().map_or(from, place), place(reader.position()));
            if rows.len() >= MAX_ROWS {
                let line = first_line + text[..start].matches('\n').count() as u64;
                return Err(FileError::TooManyRows { line, limit: MAX_ROWS });
            }
            starts.push(start);
            let raw = &text[start..end];
            let first = raw.len() - raw.trim_start_matches(['\r', '\n']).len();
            if is_misquoted(&raw[first..], separator, end == text.len()) {
                rows.push(Row { wrong: Some(WrongRow::Quote), ..Row::default() });
                // It ends with its line; where that was done too often, all that it swallowed goes with it.
                let line = raw[first..].find('\n').map_or(end, |at| start + first + at + 1);
                next = if end - line <= again { line } else { end };
                again = again.saturating_sub(end - next);
                break;
            }
            let wrong = (record.len() > MAX_COLUMNS).then_some(WrongRow::TooWide);
            let cells = if wrong.is_none() { record.iter().map(String::from).collect() } else { Vec::new() };
            rows.push(Row { cells, wrong, ..Row::default() });
        }
        from = next;
    }
    // The reader ends a row after `\r` and finds `\n` before the next.
    let begins = |start: usize| {
        let split = start > 0 && text.as_bytes()[..start].ends_with(b"\r") && text[start..].starts_with('\n');
        start + usize::from(split)
    };
    let mut end = text.len();
    for (row, start) in rows.iter_mut().zip(&starts).rev() {
        let start = begins(*start);
        let whole = text.get(start..end).unwrap_or("");
        let skipped = whole.len() - whole.trim_start_matches(['\r', '\n']).len();
        (row.before, row.raw) = whole.split_at(skipped);
        end = start;
    }
    let mut line = first_line;
    for row in &mut rows {
        line += row.before.matches('\n').count() as u64;
        row.line = line;
        line += row.raw.matches('\n').count() as u64;
    }
    Ok(rows)
}

/// Whether a quote of a row never ends, or swallowed a line end and is then followed by something within its cell, as
/// where the next quote began a cell of a later row. `last`: nothing follows the row.
fn is_misquoted(row: &str, separator: char, last: bool) -> bool {
    let body = row.trim_end_matches(['\r', '\n']);
    if !body.contains('"') || !(last || body.contains(['\r', '\n'])) {
        return false;
    }
    let (mut quoted, mut open, mut lines) = (false, true, false);
    let mut all = row.chars().peekable();
    while let Some(one) = all.next() {
        match one {
            '"' if quoted && all.peek() == Some(&'"') => _ = all.next(),
            '"' if quoted => {
                quoted = false;
                let goes_on = |next: &char| *next != separator && !matches!(next, ' ' | '\t' | '\r' | '\n');
                if lines && all.peek().is_some_and(goes_on) {
                    return true;
                }
            }
            '"' if open => (quoted, open, lines) = (true, false, false),
            '\r' | '\n' if quoted => lines = true,
            _ if quoted => {}
            _ => open = one == separator,
        }
    }
    quoted
}

/// One line of cells, with its line end.
pub(super) fn write_row<'a>(
    cells: impl IntoIterator<Item = &'a str>,
    quotes: Quotes,
    style: Style,
) -> String {
    let mut line = String::new();
    for (at, cell) in cells.into_iter().enumerate() {
        if at > 0 {
            line.push(style.separator);
        }
        let cell = if style.brackets { Cow::Owned(format!("[{cell}]")) } else { Cow::Borrowed(cell) };
        let needed = cell.contains([style.separator, '"', '\r', '\n'])
            || cell.starts_with([' ', '\t'])
            || cell.ends_with([' ', '\t']);
        if quotes == Quotes::All || (quotes == Quotes::Needed && needed) {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(&cell);
        }
    }
    if style.closes {
        line.push(style.separator);
    }
    line.push_str(style.line_end);
    line
}

/// How a text's lines end.
pub(super) fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if at > 0 && text.as_bytes()[at - 1] == b'\r' => "\r\n",
        Some(_) => "\n",
        None => "\r\n",
    }
}

/// What is in the brackets of a cell, or the cell.
pub(super) fn unbracket(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('[').and_then(|cell| cell.strip_suffix(']')).unwrap_or(cell)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_wrong_quote_takes_its_own_line_alone() {
        for (text, wanted) in [
            ("n,m\n\"Ann,a@x\nBob,b@x\n", "n|m;-;Bob|b@x"),
            ("\"n\",\"m\"\n\"Ann\",\"a@x\n\"Bob\",\"b@x\"\n", "n|m;-;Bob|b@x"),
            ("n,m\nAnn,a@x\n\"Bob,b@x", "n|m;Ann|a@x;-"),
            ("n,m\n\"A\nB\",a@x\n\"C\nD\" ,c@x\n", "n|m;A\nB|a@x;C\nD |c@x"),
            ("n,m\n\"Al \"the\" Capo\",a@x\nBob,b@x\n", "n|m;Al the\" Capo\"|a@x;Bob|b@x"),
        ] {
            let found = rows(text, ',', 1).unwrap();
            let shown: Vec<String> = found
                .iter()
                .map(|row| if row.wrong.is_some() { "-".into() } else { row.cells.join("|") })
                .collect();
            assert_eq!(shown.join(";"), wanted, "{text}");
        }
    }

    #[test]
    fn wrong_quotes_without_end_are_read_in_linear_time() {
        // Each line ends the quote of the one before, and begins the next: read again from each, this would take hours.
        let text = "x\",\"\n".repeat(200_000);
        let text = alloc::format!("\"{text}");
        let found = rows(&text, ',', 1).unwrap();
        assert!(found.iter().any(|row| row.wrong.is_some()));
    }

    proptest! {
        /// Whatever a text is, its rows are the whole of it, and only rows that can be read have cells.
        #[test]
        fn rows_are_any_text(text in "([a-b]|\"|\"|,|\r|\n|\r\n|x,\"\n){0,40}") {
            let found = rows(&text, ',', 1).unwrap();
            let pieces: String = found.iter().flat_map(|row| [row.before, row.raw]).collect();
            prop_assert!(pieces == text || text.trim_matches(['\r', '\n']).is_empty(), "{pieces:?}");
            for row in &found {
                prop_assert!(row.wrong.is_none() || row.cells.is_empty());
                let at = row.raw.as_ptr() as usize - text.as_ptr() as usize;
                prop_assert_eq!(row.line, 1 + text[..at].matches('\n').count() as u64);
            }
        }

        /// Whatever is written is read, cell by cell, and the pieces are the text.
        #[test]
        fn rows_are_the_text(
            cells in prop::collection::vec(prop::collection::vec("[a-c\", ;\r\n]{0,5}", 2..5), 1..6),
            blank in "[\r\n]{0,3}",
        ) {
            let style = Style::default();
            let lines = cells.iter().map(|row| write_row(row.iter().map(|c| &**c), Quotes::All, style));
            let text = lines.collect::<Vec<_>>().join(&blank);
            let found = rows(&text, ',', 1).unwrap();
            prop_assert_eq!(found.iter().map(|row| row.cells.clone()).collect::<Vec<_>>(), cells);
            let pieces: String = found.iter().flat_map(|row| [row.before, row.raw]).collect();
            prop_assert_eq!(pieces, &*text);
            for row in &found {
                let at = row.raw.as_ptr() as usize - text.as_ptr() as usize;
                prop_assert_eq!(row.line, 1 + text[..at].matches('\n').count() as u64);
            }
        }
    }
}
