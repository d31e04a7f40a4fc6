//! From bytes to an address book.

use super::{
    AddressBook, Item, LineEnd, MAX_BYTES, MAX_CELL, MAX_COLUMNS, MAX_ROWS, Row, Slot, Source,
    cells::{Cell, cells, column_name, first_line, first_row},
    columns::{COLUMNS, Cells, OBJECTCLASS, column_of, interpret, keep},
    header::Header,
};
use crate::{
    address::{Address, AddressKind, Password},
    files::{Encoding, FileError, Note, Owner, Place, Report, charset::Charset, text::UTF8_MARK},
};
use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Reads a Canon address book. A wrong row goes into the report and stays where it is; the good ones are read.
///
/// # Errors
/// [`FileError`] where the file as a whole is no Canon address book, is damaged, or is too large.
pub fn read(bytes: &[u8]) -> Result<AddressBook, FileError> {
    whole(bytes, None)
}

/// The same in an encoding that somebody told, whatever the file says of itself.
///
/// # Errors
/// As [`read`].
pub fn read_in(bytes: &[u8], encoding: Encoding) -> Result<AddressBook, FileError> {
    whole(bytes, Some(encoding))
}

fn whole(bytes: &[u8], told: Option<Encoding>) -> Result<AddressBook, FileError> {
    walk(bytes, told, |item, items| match (item, items.last_mut()) {
        (Item::Verbatim(more), Some(Item::Verbatim(last))) => last.0.extend_from_slice(&more.0),
        (item, _) => items.push(item),
    })
}

/// Reads the entries of a Canon address book one after the other, for whoever does not write it back: what lies in memory
/// does not grow with their number. What came before an error must be forgotten.
///
/// # Errors
/// As [`read`].
pub fn each_row(bytes: &[u8], mut each: impl FnMut(Row)) -> Result<Report, FileError> {
    let book = walk(bytes, None, |item, _| {
        if let Item::Row(row) = item {
            each(*row);
        }
    })?;
    Ok(book.report)
}

pub(super) fn walk(
    bytes: &[u8],
    told: Option<Encoding>,
    each: impl FnMut(Item, &mut Vec<Item>),
) -> Result<AddressBook, FileError> {
    if bytes.len() > MAX_BYTES {
        return Err(FileError::TooLarge { bytes: bytes.len(), limit: MAX_BYTES });
    }
    let marked =
        [Encoding::UTF_16LE, Encoding::UTF_16BE].into_iter().find(|one| bytes.starts_with(one.mark_bytes()));
    let Some(mut wide) = marked.or(told.filter(|told| told.charset().is_none())) else {
        return narrow(bytes, told.and_then(Encoding::charset), each);
    };
    wide.mark = marked.is_some();
    let body = &bytes[wide.mark_bytes().len()..];
    let charset = wide.name().to_string();
    let text = wide.decode(body).ok_or(FileError::NotInCharset { line: 1, charset })?;
    let book = narrow(text.as_bytes(), Some(Charset::UTF_8), each)?;
    Ok(AddressBook { wide: Some(wide), ..book })
}

/// As [`walk`], of a file in which a character of ASCII is one byte.
fn narrow(
    bytes: &[u8],
    told: Option<Charset>,
    mut each: impl FnMut(Item, &mut Vec<Item>),
) -> Result<AddressBook, FileError> {
    let mark = if bytes.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 };
    if bytes.len() == mark {
        return Err(FileError::Empty);
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let line = lines_before(&bytes[..at]) + 1;
        return Err(FileError::NulByte { line });
    }

    let mut report = Report::default();
    let (preamble, mut line) = preamble(&bytes[mark..]);
    let charset = match told {
        Some(told) => told,
        None => charset(bytes, mark, preamble, &mut report)?,
    };
    let mut header = Header::default();
    let not_in = |line| FileError::NotInCharset { line, charset: charset.name().to_string() };
    let (mut at, mut number) = (mark, 1);
    while at < mark + preamble {
        let span = first_line(&bytes[at..]);
        let text = charset.decode(&bytes[at..at + span.text]).ok_or_else(|| not_in(number))?;
        header.take(&text);
        at += span.end;
        number += 1;
    }

    let span = first_row(&bytes[at..]).ok_or(FileError::NotAnAddressBook { line })?;
    let text = charset.decode(&bytes[at..at + span.text]).ok_or_else(|| not_in(line))?;
    let columns = column_line(&text, line)?;
    // An import of a file that lost all its rows would empty the list.
    if span.end == span.text {
        return Err(FileError::CutOff { line });
    }
    let line_end = if bytes[at + span.text..].starts_with(b"\n") { LineEnd::Lf } else { LineEnd::CrLf };
    at += span.end;
    line += span.lines;
    let mut book = AddressBook {
        report,
        header,
        charset,
        wide: None,
        head: bytes[..at].into(),
        columns,
        line_end,
        items: Vec::new(),
    };

    let mut rows = Rows::new(&book);
    while at < bytes.len() {
        let span = first_row(&bytes[at..]).ok_or(FileError::UnterminatedQuote { line })?;
        let text = charset.decode(&bytes[at..at + span.text]).ok_or_else(|| not_in(line))?;
        let source = &bytes[at..at + span.end];
        let ends = span.end > span.text;
        let item = rows.take(&text, source, line, ends, &mut book.report)?;
        each(item, &mut book.items);
        at += span.end;
        line += span.lines;
    }
    if book.report.read + book.report.kept_out == 0 {
        let text = "the file has no rows: to import it in place of a list empties the list";
        let note = Note::new(None, "no_rows", text);
        book.report.warnings.push(note);
    }
    Ok(book)
}

fn lines_before(bytes: &[u8]) -> u64 {
    let (mut at, mut lines) = (0, 0);
    while at < bytes.len() {
        let span = first_line(&bytes[at..]);
        lines += u64::from(span.end > span.text);
        at += span.end;
    }
    lines
}

/// How many bytes the `#` lines and empty lines before the column line have, and the number of the column line.
fn preamble(bytes: &[u8]) -> (usize, u64) {
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let span = first_line(&bytes[at..]);
        let text = &bytes[at..at + span.text];
        let begins = text.iter().find(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b','));
        if begins.is_some_and(|byte| *byte != b'#') {
            break;
        }
        at += span.end;
        line += 1;
    }
    (at, line)
}

/// The character set that the file is in, which may be another than it says.
fn charset(bytes: &[u8], mark: usize, preamble: usize, report: &mut Report) -> Result<Charset, FileError> {
    let (mut at, mut line) = (mark, 1);
    let mut declared = (Charset::UTF_8, 1);
    while at < mark + preamble {
        let span = first_line(&bytes[at..]);
        let mut header = Header::default();
        header.take(&String::from_utf8_lossy(&bytes[at..at + span.text]));
        if let Some(name) = header.charset {
            let charset = Charset::named(&name)
                .ok_or(FileError::UnknownCharset { line, charset: name.chars().take(40).collect() })?;
            declared = (charset, line);
        }
        at += span.end;
        line += 1;
    }
    let (charset, line) = declared;
    // Scripts write UTF-8 under another name. Single bytes can be read as anything, so there UTF-8 is tried first.
    if charset != Charset::UTF_8 && !bytes.is_ascii() && core::str::from_utf8(bytes).is_ok() {
        let text = format!("the file says {} but is UTF-8; it was read as UTF-8", charset.name());
        let note = Note::new(Some(line), "charset_differs", text);
        report.warnings.push(note);
        return Ok(Charset::UTF_8);
    }
    Ok(charset)
}

fn column_line(text: &str, line: u64) -> Result<Vec<Slot>, FileError> {
    let names = cells(text).ok_or(FileError::NotAnAddressBook { line })?;
    if names.len() > MAX_COLUMNS {
        return Err(FileError::TooManyColumns { line, limit: MAX_COLUMNS });
    }
    let mut seen = BTreeSet::new();
    let mut columns = Vec::with_capacity(names.len());
    for cell in &names {
        let name = column_name(&cell.text);
        columns.push(match column_of(&name) {
            _ if name.is_empty() => Slot::Nameless,
            Some(place) => Slot::Known(place),
            None => Slot::Extra(name.clone()),
        });
        if !name.is_empty() && !seen.insert(name.clone()) {
            let column = name.chars().take(40).collect();
            return Err(FileError::DuplicateColumn { line, column });
        }
    }
    if !seen.contains("objectclass") {
        return Err(FileError::NotAnAddressBook { line });
    }
    Ok(columns)
}

/// Reads row after row.
struct Rows {
    columns: Vec<Slot>,
    present: [bool; COLUMNS.len()],
    /// The cells that a whole row has at least: up to the last column with a name.
    whole: usize,
    scheme: Option<String>,
    /// How many cells the first row has.
    width: Option<usize>,
    count: usize,
    whole_rows: usize,
    short_rows: usize,
    numbers: BTreeMap<(Place, Option<i64>, i64), u64>,
}

impl Rows {
    fn new(book: &AddressBook) -> Self {
        let named = book.columns.iter().rposition(|s| *s != Slot::Nameless);
        Self {
            columns: book.columns.clone(),
            present: book.present(),
            whole: named.map_or(0, |place| place + 1),
            scheme: book.scheme(),
            width: None,
            count: 0,
            whole_rows: 0,
            short_rows: 0,
            numbers: BTreeMap::new(),
        }
    }

    fn take(
        &mut self,
        text: &str,
        source: &[u8],
        line: u64,
        ends: bool,
        report: &mut Report,
    ) -> Result<Item, FileError> {
        let verbatim = Ok(Item::Verbatim(Source(source.into())));
        if text.starts_with('#') || text.trim_matches([',', '"', ' ', '\t']).is_empty() {
            return verbatim;
        }
        self.count += 1;
        if self.count > MAX_ROWS {
            return Err(FileError::TooManyRows { line, limit: MAX_ROWS });
        }
        let mut wrong = |code, text: String| {
            report.kept_out += 1;
            report.warnings.push(Note::loss(Some(line), code, text));
        };
        let Some(found) = cells(text) else {
            wrong(
                "text_after_quote",
                "text follows a closing quote: a quote inside a cell must be doubled".into(),
            );
            return verbatim;
        };
        let first = *self.width.get_or_insert(found.len());
        if found.len() > first && first >= self.whole {
            let text = format!(
                "the row has {} cells, the first has {first}: is there a comma in a text without quotes?",
                found.len()
            );
            wrong("too_many_cells", text);
            return verbatim;
        }
        if found.len() < self.whole {
            if !ends && self.whole_rows > 0 && self.short_rows == 0 {
                return Err(FileError::CutOff { line });
            }
            self.short_rows += 1;
        } else {
            self.whole_rows += 1;
        }
        if let Some((code, text)) = self.wrong(&found) {
            wrong(code, text);
            return verbatim;
        }
        if found.len() < self.whole {
            let text = format!(
                "the row has {} cells for {} columns; the missing ones are empty",
                found.len(),
                self.whole
            );
            report.warnings.push(Note::new(Some(line), "short_row", text));
        }
        let cells = by_column(&self.columns, found);
        let (owner, mut address) = interpret(&cells, self.scheme.as_deref());
        keep(&owner, &mut address, &cells, |place| self.present[place]);
        self.remark(line, &owner, &address, &cells, report);
        report.read += 1;
        Ok(Item::Row(Box::new(Row { line: Some(line), owner, address, source: Some(Source(source.into())) })))
    }

    /// Why the cells can't be an entry.
    fn wrong(&self, cells: &[Cell<'_>]) -> Option<(&'static str, String)> {
        if cells.len() > self.columns.len() {
            let text = format!(
                "the row has {} cells for {} columns: is there a comma in a text without quotes?",
                cells.len(),
                self.columns.len()
            );
            return Some(("too_many_cells", text));
        }
        for (slot, cell) in self.columns.iter().zip(cells) {
            if cell.text.len() > MAX_CELL {
                let text = format!("a cell has more than {MAX_CELL} bytes");
                return Some(("cell_too_long", text));
            }
            match slot {
                Slot::Nameless if !cell.text.is_empty() => {
                    let text = "a cell stands under no column: is there a comma in a text without quotes?";
                    return Some(("too_many_cells", text.to_string()));
                }
                Slot::Known(OBJECTCLASS) if cell.text.trim().is_empty() => {
                    let text = "the row does not say what it is: `objectclass` is empty";
                    return Some(("no_kind", text.to_string()));
                }
                _ => {}
            }
        }
        // A row so short that it doesn't reach its kind.
        let reaches = self.columns.iter().take(cells.len()).any(|slot| *slot == Slot::Known(OBJECTCLASS));
        (!reaches).then(|| {
            let text = "the row ends before it says what it is";
            ("no_kind", text.to_string())
        })
    }

    /// Notes what is odd about an entry.
    fn remark(&mut self, line: u64, owner: &Owner, address: &Address, cells: &Cells, report: &mut Report) {
        let mut note = |code, text: String| {
            report.warnings.push(Note::new(Some(line), code, text));
        };
        let cell = |name| column_of(name).map_or("", |place| &cells.known[place]);
        if let AddressKind::Other(kind) = &address.kind {
            let kind: String = kind.chars().take(40).collect();
            note(
                "unknown_kind",
                format!("`{kind}` is no kind of entry that is known here; it is kept as it is"),
            );
        }
        for column in ["subdbid", "indxid"] {
            if !cell(column).is_empty() && cell(column).trim().parse::<i64>().is_err() {
                note("not_a_number", format!("`{column}` is not a number"));
            }
        }
        if let Owner::Person { user, .. } = owner
            && user.is_empty()
        {
            note("owner_without_name", "the row belongs to a person whose `loginusername` is empty".into());
        }
        if matches!(owner, Owner::Group { .. }) && !cell("loginusername").is_empty() {
            note("two_owners", "the row names a person and a group; it was taken as the group's".into());
        }
        if address.kind != AddressKind::Group
            && !matches!(address.kind, AddressKind::Other(_))
            && address.destination().is_none()
        {
            note("no_destination", "the entry leads nowhere".into());
        }
        let login = address.login.as_ref().and_then(|l| l.password.as_ref());
        match login {
            Some(Password::Encrypted { .. }) => note(
                "password_encrypted",
                "the password is encrypted: it is kept for files of this format and can't be used otherwise"
                    .into(),
            ),
            Some(Password::Plain(text)) if text.0.len() % 4 == 0 && text.0.ends_with("==") => note(
                "password_may_be_encrypted",
                "the password looks encrypted, but the file doesn't say so: was its header removed?".into(),
            ),
            _ => {}
        }
        let mut all = cells.known.iter().chain(cells.extra.values());
        if all.any(|text| text.chars().any(char::is_control)) {
            note("control_character", "a cell has a line end or another control character".into());
        }
        if let Some(number) = address.number {
            let first = *self.numbers.entry((owner.place(), address.list, number)).or_insert(line);
            if first != line {
                note("duplicate_number", format!("the number {number} is also that of line {first}"));
            }
        }
    }
}

/// The cells of a row by column.
pub(super) fn by_column(columns: &[Slot], found: Vec<Cell<'_>>) -> Cells {
    let mut cells = Cells::default();
    for (slot, cell) in columns.iter().zip(found) {
        match slot {
            Slot::Known(place) => cells.known[*place] = cell.text.into(),
            Slot::Extra(name) => {
                cells.extra.insert(name.clone(), cell.text.into());
            }
            Slot::Nameless => {}
        }
    }
    cells
}
