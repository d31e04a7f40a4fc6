//! Formats that are tables: a line of column names, and a row for each contact. What a column means is data.

use super::{
    Encoding, FileError, Format, Note, Report,
    book::{Book, Contact, Frame, TextFrame, full_name},
    field::{Field, Slot},
};
use crate::{
    address::{Address, Password, Secret},
    canonical::Encoder,
};
use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) use super::{
    canon_csv::{MAX_COLUMNS, MAX_ROWS},
    rows::{Quotes, Row, Style, WrongRow, line_end, rows, unbracket, write_row},
};

/// What a column means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Means {
    /// A field that all entries of the contact share: the name, the person, the number.
    Shared(Field),
    /// A field of the entry of one kind.
    Of(Slot, Field),
    /// Whose encryption the password of a kind is in is told elsewhere; here stands its text.
    Encrypted(Slot, &'static str),
    /// Nothing for an entry: it is kept as it is.
    Kept,
}

/// A column of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) means: Means,
    /// What stands there where an entry says nothing.
    pub(super) empty: &'static str,
    /// What is written where an entry says nothing, and where there is no entry; it is read as any other.
    pub(super) usual: &'static str,
    /// The format's words and those of the model, where they differ.
    pub(super) words: &'static [(&'static str, &'static str)],
}

impl Column {
    pub(super) const fn shared(name: &'static str, field: Field) -> Self {
        Self { name, means: Means::Shared(field), empty: "", usual: "", words: &[] }
    }

    pub(super) const fn of(name: &'static str, slot: Slot, field: Field) -> Self {
        Self { name, means: Means::Of(slot, field), empty: "", usual: "", words: &[] }
    }

    pub(super) const fn encrypted(name: &'static str, slot: Slot, scheme: &'static str) -> Self {
        Self { name, means: Means::Encrypted(slot, scheme), empty: "", usual: "", words: &[] }
    }

    pub(super) const fn kept(name: &'static str) -> Self {
        Self { name, means: Means::Kept, empty: "", usual: "", words: &[] }
    }

    pub(super) const fn empty(self, empty: &'static str) -> Self {
        Self { empty, ..self }
    }

    pub(super) const fn usual(self, usual: &'static str) -> Self {
        Self { usual, ..self }
    }

    pub(super) const fn words(self, words: &'static [(&'static str, &'static str)]) -> Self {
        Self { words, ..self }
    }

    /// What is written where nothing is said.
    const fn nothing(&self) -> &'static str {
        if self.usual.is_empty() { self.empty } else { self.usual }
    }

    fn model_of<'a>(&self, cell: &'a str) -> Cow<'a, str> {
        if cell == self.empty {
            return "".into();
        }
        let known = self.words.iter().find(|(theirs, _)| theirs.eq_ignore_ascii_case(cell));
        known.map_or(Cow::Borrowed(cell), |(_, ours)| Cow::Borrowed(*ours))
    }

    fn cell_of(&self, text: &str) -> String {
        if text.is_empty() {
            return self.nothing().into();
        }
        let known = self.words.iter().find(|(_, ours)| *ours == text);
        known.map_or(text, |(theirs, _)| *theirs).to_string()
    }
}

/// A format that is a table.
pub(super) struct Table {
    pub(super) format: Format,
    pub(super) columns: &'static [Column],
    pub(super) style: Style,
    /// What only this format does after its columns were read.
    pub(super) after_read: fn(&mut Contact, &Cells<'_>, &mut Vec<Note>),
    /// What only this format does before its row is written. All contacts are there, so that a group can name its own.
    pub(super) before_write: fn(&[Contact], usize, &mut BTreeMap<String, String>),
}

/// The cells of a row, by column.
pub(super) struct Cells<'a> {
    pub(super) columns: &'a [String],
    pub(super) cells: &'a [String],
    pub(super) line: u64,
}

/// Whether two names of columns are the same: without regard to case, blanks and hyphens.
pub(super) fn is_same_name(one: &str, other: &str) -> bool {
    fn letters(name: &str) -> impl Iterator<Item = char> {
        let plain = name.chars().filter(|one| *one != '-' && !one.is_whitespace());
        plain.map(|one| one.to_ascii_lowercase())
    }
    letters(one).eq(letters(other))
}

/// What a report says of a file whose columns no row names.
pub(super) fn columns_by_place(line: u64) -> Note {
    let text = "no row names the columns as such files do; they were read in their fixed order";
    Note::new(Some(line), "columns_by_place", text)
}

/// Makes this stand in a column of a row that will be written, however the file spells the column.
pub(super) fn set_cell(cells: &mut BTreeMap<String, String>, name: &str, text: &str) {
    if let Some(cell) = cells.get_mut(name) {
        *cell = text.into();
        return;
    }
    for (column, cell) in cells {
        if is_same_name(column, name) {
            *cell = text.into();
        }
    }
}

impl Cells<'_> {
    /// What stands in this column; empty where there is none. Names are compared as [`is_same_name`] does.
    pub(super) fn get(&self, name: &str) -> &str {
        self.find(name).unwrap_or("")
    }

    /// As [`Cells::get`]; `None` where there is no such column.
    pub(super) fn find(&self, name: &str) -> Option<&str> {
        let at = self.columns.iter().position(|column| is_same_name(column, name))?;
        Some(self.cells.get(at).map_or("", |cell| cell))
    }
}

impl Table {
    /// The column of this name.
    pub(super) fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| is_same_name(column.name, name))
    }

    /// Whether these names are a column line of this table: all that `needed` names are there.
    pub(super) fn has(names: &[String], needed: &[&str]) -> bool {
        needed.iter().all(|wanted| names.iter().any(|name| name.trim().eq_ignore_ascii_case(wanted)))
    }

    /// Reads a table whose column line is the first row of `text` after `head`.
    ///
    /// # Errors
    /// As [`rows`], and where two columns have one name: which of them counts is not known.
    pub(super) fn read(
        &self,
        head: &str,
        text: &str,
        style: Style,
        encoding: Encoding,
    ) -> Result<Book, FileError> {
        let first_line = 1 + head.matches('\n').count() as u64;
        let mut rows = rows(text, style.separator, first_line)?.into_iter();
        let top = rows.next().ok_or(FileError::Empty)?;
        top.as_column_line()?.without_repeats()?;
        let frame = TextFrame {
            head: format!("{head}{}{}", top.before, top.raw),
            columns: top.cells.clone(),
            style,
            ..TextFrame::default()
        };
        Ok(self.read_rows(frame, rows, encoding))
    }

    /// Reads the rows of a table whose columns are those of `frame`.
    pub(super) fn read_rows<'a>(
        &self,
        mut frame: TextFrame,
        rows: impl Iterator<Item = Row<'a>>,
        encoding: Encoding,
    ) -> Book {
        let mut report = Report::default();
        let mut contacts: Vec<Contact> = Vec::new();
        let mut before = String::new();
        let width = frame.columns.iter().rposition(|name| !name.trim().is_empty()).map_or(0, |at| at + 1);
        for row in rows {
            before.push_str(row.before);
            if let Some(note) = row.wrong() {
                report.kept_out += 1;
                report.warnings.push(note);
                before.push_str(row.raw);
                continue;
            }
            let bare = |cell: &String| {
                let cell = if frame.style.brackets { unbracket(cell) } else { cell };
                cell.to_string()
            };
            let cells: Vec<String> = row.cells.iter().map(bare).collect();
            if cells.iter().all(|cell| cell.trim().is_empty()) {
                before.push_str(row.raw);
                continue;
            }
            let beyond = cells.iter().skip(frame.columns.len()).any(|cell| !cell.trim().is_empty());
            if beyond {
                let text = format!(
                    "the row has {} cells for {width} columns: is a separator inside a cell that is not quoted?",
                    cells.len()
                );
                report.kept_out += 1;
                report.warnings.push(Note::loss(Some(row.line), "too_many_cells", text));
                before.push_str(row.raw);
                continue;
            }
            let cells = Cells { columns: &frame.columns, cells: &cells, line: row.line };
            let mut contact = self.contact(&cells);
            (self.after_read)(&mut contact, &cells, &mut report.warnings);
            finish(&mut contact, &mut report);
            contact.mark_read(&before, row.raw);
            before.clear();
            contacts.push(contact);
        }
        frame.tail = before;
        Book { report, contacts, encoding, format: self.format, frame: Frame::Text(frame) }
    }

    /// What the cells of a row say.
    pub(super) fn contact(&self, cells: &Cells<'_>) -> Contact {
        let mut contact = Contact { line: Some(cells.line), ..Contact::default() };
        let mut shared = Address::default();
        for (name, cell) in cells.columns.iter().zip(cells.cells) {
            let Some(column) = self.column(name) else {
                if !cell.is_empty() && !name.trim().is_empty() {
                    shared.kept_by.insert(self.kept_key(name.trim()), cell.clone());
                }
                continue;
            };
            let text = column.model_of(cell);
            match column.means {
                Means::Shared(field) if !text.is_empty() => field.set(&mut shared, &text),
                Means::Of(slot, field) if !text.is_empty() => field.set(contact.entry_mut(slot), &text),
                Means::Encrypted(slot, scheme) if !text.is_empty() => {
                    let entry = contact.entry_mut(slot);
                    let password =
                        Password::Encrypted { scheme: scheme.into(), text: Secret(text.into_owned()) };
                    entry.login.get_or_insert_default().password = Some(password);
                }
                Means::Kept if cell != column.empty => {
                    shared.kept_by.insert(self.kept_key(column.name), cell.clone());
                }
                _ => {}
            }
        }
        // What a kind says that leads nowhere is kept as its columns have it.
        contact.entries.retain(leads);
        for (name, cell) in cells.columns.iter().zip(cells.cells) {
            if let Some(column) = self.column(name)
                && let Means::Of(slot, _) | Means::Encrypted(slot, _) = column.means
                && contact.entry(slot).is_none()
                && cell != column.empty
                && cell != column.usual
            {
                shared.kept_by.insert(self.kept_key(column.name), cell.clone());
            }
        }
        if contact.entries.is_empty() {
            contact.entry_mut(Slot::Nowhere);
        }
        for entry in &mut contact.entries {
            for field in Field::ALL {
                let text = field.get(&shared);
                if !text.is_empty() {
                    field.set(entry, &text);
                }
            }
        }
        if let Some(first) = contact.entries.first_mut() {
            first.kept_by = shared.kept_by;
        }
        contact
    }

    pub(super) fn kept_key(&self, column: &str) -> String {
        format!("{}:{column}", self.format.name())
    }

    /// The frame of a new file with all columns of the format and those that its entries keep.
    pub(super) fn frame(&self, contacts: &[Contact], prologue: &str) -> TextFrame {
        self.frame_of(self.columns.iter().map(|column| column.name), contacts, prologue)
    }

    /// As [`Table::frame`], with some of the columns.
    pub(super) fn frame_of(
        &self,
        names: impl Iterator<Item = &'static str>,
        contacts: &[Contact],
        prologue: &str,
    ) -> TextFrame {
        let mut columns: Vec<String> = names.map(String::from).collect();
        let prefix = format!("{}:", self.format.name());
        let kept =
            contacts.iter().flat_map(|contact| &contact.entries).flat_map(|entry| entry.kept_by.keys());
        let mut extra: Vec<&str> = kept
            .filter_map(|key| key.strip_prefix(&*prefix))
            .filter(|name| self.column(name).is_none())
            .collect();
        extra.sort_unstable();
        extra.dedup();
        columns.extend(extra.into_iter().map(String::from));
        let plain = Style { brackets: false, ..self.style };
        let names = write_row(columns.iter().map(|name| &**name), self.style.head_quotes, plain);
        TextFrame { head: format!("{prologue}{names}"), columns, style: self.style, ..TextFrame::default() }
    }

    /// The row of a contact.
    pub(super) fn row(&self, contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
        let cells = self.cells(contacts, at, &frame.columns);
        write_row(cells.iter().map(|cell| &**cell), frame.style.quotes, frame.style)
    }

    /// What a contact says in each of these columns.
    pub(super) fn cells(&self, contacts: &[Contact], at: usize, columns: &[String]) -> Vec<String> {
        let contact = &contacts[at];
        let first = contact.entries.first();
        let mut cells: BTreeMap<String, String> = BTreeMap::new();
        for name in columns {
            let kept = || {
                let key = |name: &str| self.kept_key(name);
                let name = self.column(name).map_or(name.trim(), |column| column.name);
                contact.entries.iter().find_map(|entry| entry.kept_by.get(&key(name))).cloned()
            };
            let cell = match self.column(name) {
                None => kept().unwrap_or_default(),
                Some(column) => match column.means {
                    Means::Shared(field) => {
                        column.cell_of(&first.map(|entry| self.shared(field, entry)).unwrap_or_default())
                    }
                    Means::Of(slot, field) => match contact.entry(slot) {
                        Some(entry) => column.cell_of(&field.get(entry)),
                        None => kept().unwrap_or_else(|| column.nothing().to_string()),
                    },
                    Means::Encrypted(slot, scheme) => match contact.entry(slot) {
                        Some(entry) => match entry.login.as_ref().and_then(|login| login.password.as_ref()) {
                            Some(Password::Encrypted { scheme: of, text }) if of == scheme => text.0.clone(),
                            _ => column.empty.to_string(),
                        },
                        None => kept().unwrap_or_else(|| column.empty.to_string()),
                    },
                    Means::Kept => kept().unwrap_or_else(|| column.empty.to_string()),
                },
            };
            cells.insert(name.clone(), cell);
        }
        (self.before_write)(contacts, at, &mut cells);
        columns.iter().map(|name| cells.get(name).cloned().unwrap_or_default()).collect()
    }

    /// What the entries of a contact share. Where a format makes the name of its parts and there are none, the whole
    /// name stands where the first name goes.
    fn shared(&self, field: Field, entry: &Address) -> String {
        let text = field.get(entry);
        let whole = text.is_empty()
            && field == Field::Given
            && self.format.holds().name_of_parts
            && entry.person.as_ref().map(full_name).unwrap_or_default().is_empty();
        if whole { entry.name.clone() } else { text }
    }
}

/// Whether an entry leads anywhere.
pub(super) fn leads(entry: &Address) -> bool {
    match Slot::of(entry) {
        Slot::Mail | Slot::Ifax => !entry.mail.is_empty(),
        Slot::Fax | Slot::IpFax => {
            entry.fax.as_ref().is_some_and(|f| !f.number.is_empty() || !f.uri.is_empty())
        }
        Slot::Smb | Slot::Ftp | Slot::WebDav | Slot::Other => {
            entry.folder.as_ref().is_some_and(|f| !f.host.is_empty() || !f.path.is_empty())
        }
        Slot::Group | Slot::Nowhere => true,
    }
}

/// What every reader does last with a contact: the name is made of its parts where it is missing, what was made of them
/// alone is not said twice, the entries are tied together, and what is odd is noted.
pub(super) fn finish(contact: &mut Contact, report: &mut Report) {
    for entry in &mut contact.entries {
        if let Some(person) = &mut entry.person {
            let made = full_name(person);
            let first_alone = made == person.given.trim();
            if entry.name.is_empty() {
                entry.name = if first_alone { person.given.clone() } else { made };
            }
            if first_alone && person.given == entry.name {
                person.given.clear();
            }
            if person.is_empty() {
                entry.person = None;
            }
        }
    }
    tie(&mut contact.entries);
    if contact.entries.iter().all(|entry| Slot::of(entry) == Slot::Nowhere) {
        let text = format!("{} leads nowhere", super::links::label(&contact.entries[0]));
        report.warnings.push(Note::new(contact.line, "no_destination", text));
    }
    report.read += 1;
}

/// Ties together the entries of a contact, where they are several, by what they are: the same contact has the same tie in
/// whatever file it stands.
pub(super) fn tie(entries: &mut [Address]) {
    if entries.len() < 2 {
        return;
    }
    let mut encoder = Encoder::default();
    for entry in entries.iter() {
        encoder.text(Slot::of(entry).words());
        encoder.text(&entry.name);
        encoder.text(&entry.destination().unwrap_or_default());
    }
    let tie: String = encoder.sha256()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    entries.iter_mut().for_each(|entry| entry.tie.clone_from(&tie));
}

/// For formats that do nothing of their own.
pub(super) fn nothing_after(_: &mut Contact, _: &Cells<'_>, _: &mut Vec<Note>) {}

/// For formats that do nothing of their own.
pub(super) fn nothing_before(_: &[Contact], _: usize, _: &mut BTreeMap<String, String>) {}
