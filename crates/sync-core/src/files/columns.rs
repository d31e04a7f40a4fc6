//! Tables whose columns differ from file to file: what each column of a file means is found out when it is read, and
//! kept in its frame. One contact may have several destinations of one kind.

use super::{
    Encoding, FileError, Format, Note, Report,
    book::{Book, Contact, Frame, TextFrame, full_name},
    field::{Field, Slot},
    google,
    table::{Cells, Style, finish, leads, rows, unbracket, write_row},
};
use crate::address::{Address, Person};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

/// What a column of a file means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Use {
    /// A field that all entries of the contact share.
    Shared(Field),
    /// A field of the first, second, ... (from 0) entry of a kind.
    Of(Slot, usize, Field),
    /// It is kept as it is.
    Kept,
    /// It is neither read nor kept.
    Ignored,
    /// The room reads and writes it by itself.
    Own,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chosen {
    /// The name under which it is kept.
    pub(super) key: String,
    pub(super) means: Use,
    /// What stands there where nothing is said.
    pub(super) usual: &'static [&'static str],
}

impl Chosen {
    pub(super) fn new(key: impl Into<String>, means: Use) -> Self {
        Self { key: key.into(), means, usual: &[] }
    }
}

/// What a format with such tables does by itself.
pub(super) struct Chart {
    pub(super) format: Format,
    /// After the columns of a row were read.
    pub(super) after_read: fn(&mut Contact, &Cells<'_>),
    /// Before a row is written.
    pub(super) before_write: fn(&[Contact], usize, &TextFrame, &mut [String]),
}

/// Where an entry stands among those of its kind, if it isn't the first free place.
pub(super) const PLACE: &str = "place";

/// What finds the meaning of the columns: by their names and a few rows of cells.
pub(super) type Choose<'a> = &'a dyn Fn(&[String], &[&[String]]) -> Vec<Chosen>;

/// How many rows are shown to what finds the meaning of columns.
const SHOWN: usize = 200;

impl Chart {
    /// The key of what this format alone understands.
    pub(super) fn key(&self, column: &str) -> String {
        format!("{}:{column}", self.format.name())
    }

    /// Reads a table whose column line is the first row of `text`, which stands after `head`.
    ///
    /// # Errors
    /// As [`rows`].
    pub(super) fn read(
        &self,
        head: &str,
        text: &str,
        style: Style,
        encoding: Encoding,
        choose: Choose<'_>,
    ) -> Result<Book, FileError> {
        self.read_named(head, text, style, encoding, None, choose)
    }

    /// As [`Chart::read`]; `names`: those of the columns, where no row names them.
    ///
    /// # Errors
    /// As [`rows`].
    pub(super) fn read_named(
        &self,
        head: &str,
        text: &str,
        style: Style,
        encoding: Encoding,
        names: Option<Vec<String>>,
        choose: Choose<'_>,
    ) -> Result<Book, FileError> {
        let mut rows = rows(text, style.separator, 1 + head.matches('\n').count() as u64)?;
        if style.brackets {
            let cells = rows.iter_mut().flat_map(|row| &mut row.cells);
            cells.for_each(|cell| *cell = unbracket(cell).into());
        }
        let (mut frame, rows) = match (names, rows.split_first()) {
            (_, None) => return Err(FileError::Empty),
            (Some(columns), _) => {
                (TextFrame { head: head.into(), columns, style, ..TextFrame::default() }, &rows[..])
            }
            (None, Some((top, rows))) => {
                top.as_column_line()?;
                let head = format!("{head}{}{}", top.before, top.raw);
                (TextFrame { head, columns: top.cells.clone(), style, ..TextFrame::default() }, rows)
            }
        };
        let shown: Vec<&[String]> = rows.iter().take(SHOWN).map(|row| &*row.cells).collect();
        frame.layout = choose(&frame.columns, &shown);
        let width = frame.columns.iter().rposition(|name| !name.trim().is_empty()).map_or(0, |at| at + 1);
        let mut report = Report::default();
        let mut contacts = Vec::new();
        let mut before = String::new();
        for row in rows {
            before.push_str(row.before);
            if let Some(note) = row.wrong() {
                report.kept_out += 1;
                report.warnings.push(note);
                before.push_str(row.raw);
                continue;
            }
            if row.cells.iter().all(|cell| cell.trim().is_empty()) {
                before.push_str(row.raw);
                continue;
            }
            if row.cells.iter().skip(width).any(|cell| !cell.trim().is_empty()) {
                let text = format!(
                    "the row has {} cells for {width} columns: is a separator inside a cell that is not quoted?",
                    row.cells.len()
                );
                report.kept_out += 1;
                report.warnings.push(Note::loss(Some(row.line), "too_many_cells", text));
                before.push_str(row.raw);
                continue;
            }
            let cells = Cells { columns: &frame.columns, cells: &row.cells, line: row.line };
            let mut contact = self.contact(&cells, &frame.layout);
            finish(&mut contact, &mut report);
            contact.mark_read(&before, row.raw);
            before.clear();
            contacts.push(contact);
        }
        frame.tail = before;
        Ok(Book { report, contacts, encoding, format: self.format, frame: Frame::Text(frame) })
    }

    fn contact(&self, cells: &Cells<'_>, layout: &[Chosen]) -> Contact {
        let mut shared = Address::default();
        let mut entries: Vec<((Slot, usize), Address)> = Vec::new();
        let said = || layout.iter().zip(cells.cells).filter(|(column, cell)| says(column, cell));
        for (column, cell) in said() {
            let kept = match column.means {
                Use::Shared(field) => {
                    field.set(&mut shared, cell);
                    field.get(&shared) != *cell
                }
                // A path in a mail server's directory is no address.
                Use::Of(_, _, Field::Mail) if cell.trim_start().starts_with('/') => true,
                Use::Of(slot, place, field) => {
                    let at = entries.iter().position(|(key, _)| *key == (slot, place)).unwrap_or_else(|| {
                        entries.push(((slot, place), slot.entry()));
                        entries.len() - 1
                    });
                    let cell = if field == Field::Mail { cell.trim() } else { cell };
                    field.set(&mut entries[at].1, cell);
                    false
                }
                Use::Kept => true,
                Use::Ignored | Use::Own => false,
            };
            if kept {
                shared.kept_by.insert(self.key(&column.key), cell.clone());
            }
        }
        // What a kind says that leads nowhere is kept as its columns have it.
        entries.retain(|(_, entry)| leads(entry));
        for (column, cell) in said() {
            if let Use::Of(slot, place, _) = column.means
                && !entries.iter().any(|(key, _)| *key == (slot, place))
            {
                shared.kept_by.insert(self.key(&column.key), cell.clone());
            }
        }
        let mut seen: BTreeMap<Slot, usize> = BTreeMap::new();
        entries.sort_by_key(|((slot, place), _)| (*slot, *place));
        for ((slot, place), entry) in &mut entries {
            let next = seen.entry(*slot).or_default();
            if place == next {
                *next += 1;
            } else {
                entry.kept_by.insert(self.key(PLACE), (*place + 1).to_string());
            }
        }
        let mut contact = Contact { line: Some(cells.line), ..Contact::default() };
        contact.entries = entries.into_iter().map(|(_, entry)| entry).collect();
        if contact.entries.is_empty() {
            contact.entry_mut(Slot::Nowhere);
        }
        contact.entries[0].kept_by.extend(core::mem::take(&mut shared.kept_by));
        share(&mut contact, &shared);
        (self.after_read)(&mut contact, cells);
        name(&mut contact);
        contact
    }

    /// The frame of a new file with these columns and those that its contacts keep beside them.
    pub(super) fn frame(
        &self,
        contacts: &[Contact],
        mut columns: Vec<(String, Chosen)>,
        style: Style,
        room_keeps: &[&str],
    ) -> TextFrame {
        let prefix = self.key("");
        let keys =
            contacts.iter().flat_map(|contact| &contact.entries).flat_map(|entry| entry.kept_by.keys());
        let mut known: BTreeSet<&str> = columns.iter().map(|(_, column)| &*column.key).collect();
        known.insert(PLACE);
        known.extend(room_keeps);
        let extra: BTreeSet<&str> =
            keys.filter_map(|key| key.strip_prefix(&*prefix)).filter(|name| !known.contains(name)).collect();
        let extra: Vec<_> =
            extra.into_iter().map(|name| (name.to_string(), Chosen::new(name, Use::Kept))).collect();
        columns.extend(extra);
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        let head = write_row(names.iter().map(|name| &**name), style.head_quotes, style);
        let layout = columns.into_iter().map(|(_, column)| column).collect();
        TextFrame { head, columns: names, layout, style, ..TextFrame::default() }
    }

    /// The row of a contact.
    pub(super) fn row(&self, contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
        let contact = &contacts[at];
        let Some(first) = contact.entries.first() else { return String::new() };
        let places = self.places(contact, &frame.layout);
        let whole = frame.layout.iter().any(|column| column.means == Use::Shared(Field::Name));
        let cell = |column: &Chosen| {
            let said = match column.means {
                Use::Shared(Field::Given) if !whole => {
                    // Where there is no column for the whole name, it goes where the first name goes.
                    let person = first.person.as_ref();
                    let made = person.is_some_and(|person| !full_name(person).is_empty());
                    let by_place = person.is_some_and(|person| person.organization == first.name);
                    if made || by_place { Field::Given.get(first) } else { first.name.clone() }
                }
                Use::Shared(field) => field.get(first),
                Use::Of(slot, place, field) => {
                    places.get(&(slot, place)).map_or(String::new(), |entry| field.get(entry))
                }
                Use::Kept | Use::Ignored | Use::Own => String::new(),
            };
            if said.is_empty() { self.kept(contact, &column.key).unwrap_or_default() } else { said }
        };
        let mut cells: Vec<String> = frame.layout.iter().map(cell).collect();
        cells.resize(frame.columns.len(), String::new());
        (self.before_write)(contacts, at, frame, &mut cells);
        write_row(cells.iter().map(|cell| &**cell), frame.style.quotes, frame.style)
    }

    /// What is kept of a column.
    pub(super) fn kept(&self, contact: &Contact, column: &str) -> Option<String> {
        let key = self.key(column);
        contact.entries.iter().find_map(|entry| entry.kept_by.get(&key)).cloned()
    }

    /// Which entry stands at each place of its kind.
    pub(super) fn places<'a>(
        &self,
        contact: &'a Contact,
        layout: &[Chosen],
    ) -> BTreeMap<(Slot, usize), &'a Address> {
        let all: BTreeSet<(Slot, usize)> = layout
            .iter()
            .filter_map(|column| match column.means {
                Use::Of(slot, place, _) => Some((slot, place)),
                _ => None,
            })
            .collect();
        let key = self.key(PLACE);
        let mut taken = BTreeMap::new();
        let mut rest = Vec::new();
        for entry in &contact.entries {
            let wanted =
                entry.kept_by.get(&key).and_then(|place| place.parse::<usize>().ok()?.checked_sub(1));
            let place = wanted.map(|place| (Slot::of(entry), place));
            match place.filter(|place| all.contains(place) && !taken.contains_key(place)) {
                Some(place) => {
                    taken.insert(place, entry);
                }
                None => rest.push(entry),
            }
        }
        for entry in rest {
            let slot = Slot::of(entry);
            let free = all.range((slot, 0)..=(slot, usize::MAX)).find(|place| !taken.contains_key(place));
            if let Some(place) = free {
                taken.insert(*place, entry);
            }
        }
        taken
    }

    /// Whether a frame has a column for all that a contact says.
    fn suffices(&self, frame: &TextFrame, contact: &Contact, room_keeps: &[&str]) -> bool {
        let has = |means: Use| frame.layout.iter().any(|column| column.means == means);
        let keys: BTreeSet<&str> = frame.layout.iter().map(|column| &*column.key).collect();
        let prefix = self.key("");
        let kept = contact.entries.iter().flat_map(|entry| entry.kept_by.keys());
        let keeps = kept
            .filter_map(|key| key.strip_prefix(&*prefix))
            .all(|name| name == PLACE || keys.contains(name) || room_keeps.contains(&name));
        let places = self.places(contact, &frame.layout);
        let leads = contact.entries.iter().filter(|entry| Slot::of(entry) != Slot::Nowhere).count();
        let destinations = places.iter().all(|((slot, place), entry)| {
            let said = OF_KIND.iter().filter(|field| !field.get(entry).is_empty());
            said.copied().all(|field| has(Use::Of(*slot, *place, field)))
        });
        let whole = has(Use::Shared(Field::Name));
        let shared = Field::ALL.iter().filter(|field| !OF_KIND.contains(field));
        let shared = shared.copied().all(|field| {
            let said = contact.entries.first().is_some_and(|entry| !field.get(entry).is_empty());
            let made = || match (field, contact.entries.first()) {
                (Field::Name, _) => !whole,
                (Field::Reading, Some(entry)) => {
                    entry.person.as_ref().map(reading) == Some(entry.reading.clone())
                }
                _ => false,
            };
            !said || has(Use::Shared(field)) || made()
        });
        keeps && places.len() == leads && destinations && shared
    }
}

/// The fields that each destination has for itself.
pub(super) const OF_KIND: &[Field] = &[
    Field::Mail,
    Field::Label,
    Field::FaxNumber,
    Field::FaxProtocol,
    Field::FaxEcm,
    Field::FaxSpeed,
    Field::FaxLineType,
    Field::FaxLine,
    Field::FaxSubAddress,
    Field::FaxUri,
    Field::FaxUriMode,
    Field::FaxUriFlag,
    Field::FolderHost,
    Field::FolderPort,
    Field::FolderPath,
    Field::LoginUser,
    Field::LoginPassword,
];

fn says(column: &Chosen, cell: &str) -> bool {
    !cell.is_empty() && !column.key.is_empty() && !column.usual.contains(&cell)
}

/// Gives what the contact says to each of its entries.
fn share(contact: &mut Contact, shared: &Address) {
    for entry in &mut contact.entries {
        for field in Field::ALL {
            let text = field.get(shared);
            if !text.is_empty() {
                field.set(entry, &text);
            }
        }
    }
}

/// The reading is made of its parts, and a place without a person is named by its organization.
fn name(contact: &mut Contact) {
    for entry in &mut contact.entries {
        let Some(person) = &entry.person else { continue };
        if entry.reading.is_empty() {
            entry.reading = reading(person);
        }
        if entry.name.is_empty() && full_name(person).is_empty() {
            entry.name.clone_from(&person.organization);
        }
    }
}

/// The reading that its parts make, in the order of the languages that have readings.
pub(super) fn reading(person: &Person) -> String {
    let parts = [person.family_reading.trim(), person.given_reading.trim()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// For formats that do nothing of their own.
pub(super) fn nothing_after(_: &mut Contact, _: &Cells<'_>) {}

/// For formats that do nothing of their own.
pub(super) fn nothing_before(_: &[Contact], _: usize, _: &TextFrame, _: &mut [String]) {}

/// Whether the frame of a book's own file has columns for all that its edited contacts say.
pub(super) fn suffices(format: Format, frame: &TextFrame, contacts: &[Contact]) -> bool {
    let chart = Chart { format, after_read: nothing_after, before_write: nothing_before };
    frame.layout.is_empty()
        || contacts.iter().filter(|contact| contact.unchanged().is_none()).all(|contact| {
            google::suffices(format, frame, contact)
                .unwrap_or_else(|| chart.suffices(frame, contact, super::outlook::KEEPS))
        })
}

/// The frame with what its rows say of groups, where groups are no rows: which groups each contact is in, and whether
/// any of that was edited.
pub(super) fn with_groups<'a>(frame: Cow<'a, TextFrame>, contacts: &[Contact]) -> (Cow<'a, TextFrame>, bool) {
    if frame.layout.is_empty() {
        return (frame, false);
    }
    let is_group = |contact: &&Contact| contact.entry(Slot::Group).is_some();
    let groups = contacts.iter().filter(is_group).count();
    if groups == 0 && frame.groups == 0 {
        return (frame, false);
    }
    let edited =
        groups != frame.groups || contacts.iter().filter(is_group).any(|group| group.unchanged().is_none());
    let mut groups_of: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (at, group) in contacts.iter().enumerate().filter(|(_, contact)| is_group(contact)) {
        for link in &group.members {
            let list = groups_of.entry(link.contact).or_default();
            if list.last() != Some(&at) {
                list.push(at);
            }
        }
    }
    (Cow::Owned(TextFrame { groups_of, ..frame.into_owned() }), edited)
}
