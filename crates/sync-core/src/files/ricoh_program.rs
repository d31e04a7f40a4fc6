//! Ricoh's older scanners, such as the IS300e and the IS760D, also under Savin's, Lanier's and Gestetner's names: the
//! "Entered Program Information", format version 3.1.1.
//!
//! From the table in these machines' manuals:
//! - Lines that begin with `#`, the last of them the column line.
//! - Every value in square brackets, an empty one is `[]`; a comma and a blank between.
//! - Program numbers have five digits. Type `A` is a user, `G` a group; `Assigned Group` names the groups of a row by
//!   program number. How groups look in a real file is uncertain.
//!
//! Values have no brackets here, as nothing marks those that are not the end of a value. Nothing is known of how long
//! names may be.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, Frame, TextFrame},
    convert::{ReadOptions, WriteOptions, write_text},
    field::{Field, Slot},
    fit::Fitted,
    format::{Room, Writer},
    holds::{Groups, Holds},
    initial::initial,
    links::note_numbers_used_twice,
    membership::{Membership, usual_split},
    ricoh::title,
    table::{Cells, Column, Quotes, Style, Table, line_end, nothing_before, rows, unbracket},
    text::Text,
    usual::become_one,
};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};

const NUMBER: &str = "Program No.";
const TYPE: &str = "Type";
const GROUPS: &str = "Assigned Group";
const MARK: &str = "Entered Program Information";

/// What usually stands there depends on the row.
const BY_ROW: [&str; 4] = [TYPE, "Freq.", "Title 1", "Sender"];

const PROLOGUE: &str = "#Entered Program Information\r\n#Format Version:3.1.1.0\r\n\
    #Obtained Date:01/01/2026 00:00:00\r\n#Device Name:RNP000000\r\n#Address:0.0.0.0\r\n";

const TABLE: Table = Table {
    format: Format::RicohProgramCsv,
    columns: &[
        Column::shared(NUMBER, Field::Number),
        Column::kept(TYPE).empty("A"),
        Column::shared("Name", Field::Name),
        Column::shared("Displayed Name", Field::ShortName),
        Column::kept("Freq."),
        Column::kept("Title 1"),
        Column::kept("Title 2").empty("0"),
        Column::kept("Title 3").empty("0"),
        Column::of("E-mail", Slot::Mail, Field::Mail),
        Column::kept("Sender"),
        Column::kept("Password"),
        Column::kept("User Code"),
        Column::kept(GROUPS),
    ],
    style: Style {
        separator: ',',
        quotes: Quotes::Never,
        head_quotes: Quotes::Never,
        line_end: "\r\n",
        brackets: true,
        closes: false,
    },
    after_read,
    before_write: nothing_before,
};

const MEMBERSHIP: Membership =
    Membership { table: &TABLE, index: None, groups: GROUPS, counts: None, also: None, split };

pub(super) const ROOM: Room = Room {
    format: Format::RicohProgramCsv,
    name: "ricoh-program-csv",
    title: "Ricoh scanner, Entered Program Information (3.1.1)",
    extensions: &["csv"],
    origin: "web page of the scanner: Destinations, Entered Program Information, Download",
    holds: Holds {
        slots: &[(Slot::Mail, 1), (Slot::Group, 1), (Slot::Nowhere, 1)],
        fields: &[(Field::Name, 0), (Field::ShortName, 0), (Field::Number, 0), (Field::Mail, 0)],
        groups: Groups::Nested,
        numbers: Some((1, 99_999)),
        forbidden: &['[', ']'],
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

/// What comes before the column line, the names of the columns, and what comes after them.
fn parted(text: &str) -> Option<(&str, Vec<String>, &str)> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches(['"', ' ']);
        at += line.len();
        if bare.starts_with('#') {
            let row = rows(line, ',', 1).ok()?.pop()?;
            let names: Vec<String> =
                row.cells.iter().map(|name| name.trim().trim_start_matches('#').trim().to_string()).collect();
            if Table::has(&names, &[NUMBER, TYPE, "E-mail"]) {
                return Some((&text[..at], names, &text[at..]));
            }
        } else if !bare.trim_matches([',', '"', '\r', '\n']).is_empty() {
            return None;
        }
    }
    None
}

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().next().unwrap_or("");
    first.contains(MARK) || parted(&text.text).is_some()
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let Some((head, columns, table)) = parted(&text.text) else {
        return Err(FileError::NoColumnLine { format: ROOM.title, column: NUMBER });
    };
    // The brackets are taken away here.
    let style = Style { line_end: line_end(&text.text), brackets: false, ..TABLE.style };
    let first_line = 1 + head.matches('\n').count() as u64;
    let mut rows = rows(table, ',', first_line)?;
    for row in rows.iter_mut().filter(|row| row.wrong.is_none()) {
        row.cells = in_brackets(row.raw)
            .unwrap_or_else(|| row.cells.iter().map(|cell| unbracket(cell).to_string()).collect());
    }
    let frame = TextFrame { head: head.into(), columns, style, ..TextFrame::default() };
    let mut book = TABLE.read_rows(frame, rows.into_iter(), text.encoding);
    MEMBERSHIP.link(&mut book);
    note_numbers_used_twice(&mut book);
    Ok(book)
}

fn split(row: &str, frame: &TextFrame) -> Vec<String> {
    in_brackets(row).unwrap_or_else(|| usual_split(row, frame))
}

/// The values of a row of which each stands in brackets, where a comma in one separates nothing.
fn in_brackets(row: &str) -> Option<Vec<String>> {
    let mut rest = row.trim();
    let mut cells = Vec::new();
    while !rest.is_empty() {
        let value = rest.strip_prefix('[')?;
        let ends = value.match_indices(']').find(|(at, _)| {
            let after = value[at + 1..].trim_start();
            after.is_empty()
                || after.strip_prefix(',').is_some_and(|next| {
                    let next = next.trim_start();
                    next.is_empty() || next.starts_with(['[', ',', '"'])
                })
        });
        let (end, _) = ends?;
        cells.push(value[..end].to_string());
        rest = value[end + 1..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
        // What a spreadsheet padded the row with.
        rest = if rest.trim_start_matches([',', ' ']).is_empty() { "" } else { rest };
    }
    Some(cells)
}

fn is_group(contact: &Contact) -> bool {
    contact.entry(Slot::Group).is_some()
}

fn usual(contact: &Contact, column: &str) -> String {
    let flag = |yes: bool| if yes { "1" } else { "0" };
    let text = match column {
        TYPE => {
            if is_group(contact) {
                "G"
            } else {
                "A"
            }
        }
        "Title 1" => title(contact.name()),
        // One of the titles or the frequent flag must not be 0.
        "Freq." => flag(!is_group(contact) || initial(contact.name()).is_none()),
        "Sender" => flag(contact.entry(Slot::Mail).is_some()),
        _ => "",
    };
    text.into()
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    if cells.get(TYPE).trim().eq_ignore_ascii_case("G") {
        TABLE.set_aside(contact, cells, |slot| slot == Slot::Mail);
        become_one(contact, Slot::Group);
    }
    for entry in &mut contact.entries {
        // What a new row would have says nothing.
        if entry.short_name == entry.name {
            entry.short_name.clear();
        }
    }
    TABLE.drop_usual(contact, cells, &BY_ROW, usual);
    let number = cells.get(NUMBER).trim();
    if !number.is_empty() && number.parse::<i64>().is_err() {
        let text = format!("the program number `{number}` is no number");
        notes.push(Note::new(Some(cells.line), "number_not_a_number", text));
    }
}

fn write(fitted: &mut Fitted, book: Option<&Book>, options: &WriteOptions) -> Result<Vec<u8>, FileError> {
    let own = match book.map(|book| &book.frame) {
        Some(Frame::Text(frame)) if covers(&frame.columns, &fitted.contacts) => Some(frame),
        _ => None,
    };
    let frame = own.map_or_else(|| Cow::Owned(new_frame(&fitted.contacts)), Cow::Borrowed);
    let said = MEMBERSHIP.plan(&mut fitted.contacts, own, &mut fitted.notes);
    let text = |contacts: &[Contact], at: usize| {
        let contact = &contacts[at];
        let cells = TABLE.cells(contacts, at, &frame.columns);
        let cells = frame.columns.iter().zip(cells).map(|(name, cell)| {
            let is = |other: &str| name.trim().eq_ignore_ascii_case(other);
            let by_row = BY_ROW.iter().find(|name| is(name) && TABLE.kept(contact, name).is_none());
            let cell = match by_row {
                Some(name) => usual(contact, name),
                None if is(NUMBER) => padded(&cell),
                None if is(GROUPS) => said[at].groups.split(',').map(padded).collect::<Vec<_>>().join(","),
                None if is("Displayed Name") && cell.is_empty() => contact.name().into(),
                None => cell,
            };
            format!("[{cell}]")
        });
        format!("{}{}", cells.collect::<Vec<_>>().join(", "), frame.style.line_end)
    };
    let encoding = options.encoding.unwrap_or(book.map_or(ROOM.encoding, |book| book.encoding));
    Ok(write_text(&fitted.contacts, &frame, own.map(|_| true), text, encoding, &mut fitted.notes))
}

/// A program number with its five digits; another text as it is.
fn padded(number: &str) -> String {
    number.trim().parse().map_or_else(|_| number.into(), |number: u32| format!("{number:05}"))
}

fn covers(columns: &[String], contacts: &[Contact]) -> bool {
    let groups = contacts.iter().any(|contact| contact.unchanged().is_none() && is_group(contact));
    TABLE.covers(columns, contacts) && (!groups || Table::has_columns(columns, &[TYPE, GROUPS]))
}

fn new_frame(contacts: &[Contact]) -> TextFrame {
    let frame = TABLE.frame(contacts, "");
    // As the machine writes it, the last name has a blank before it.
    let names = frame.columns.join(",").replace(&format!(",{GROUPS}"), &format!(", {GROUPS}"));
    TextFrame { head: format!("{PROLOGUE}#{names}\r\n"), ..frame }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{convert, read, tests as laws};

    const FILE: &str = include_str!("../../../../tests/corpora/ricoh/program-information-3.1.1.csv");

    fn book(file: &str) -> Book {
        read(file.as_bytes(), &ReadOptions::default()).unwrap()
    }

    fn text(book: &Book) -> String {
        let written = convert(book, Format::RicohProgramCsv, &WriteOptions::default()).unwrap();
        String::from_utf8(written.bytes).unwrap()
    }

    #[test]
    fn rows_say_who_they_are_and_in_which_group() {
        let book = book(FILE);
        let team = &book.contacts[2];
        assert_eq!((team.name(), team.entries[0].number), ("Team", Some(3)));
        assert_eq!(team.members.iter().map(|link| link.contact).collect::<Vec<_>>(), [1]);
        assert_eq!(book.contacts[1].entries[0].short_name, "Xenia");
        assert!(book.report.warnings.iter().all(|note| note.weight == super::super::Weight::Remark));
    }

    #[test]
    fn a_comma_in_brackets_separates_nothing() {
        let file = FILE.replace("[Wim], [Wim]", "[Doe, \"Wim\" [jr]], [Wim]");
        let mut edited = book(&file);
        assert_eq!(edited.contacts[0].name(), "Doe, \"Wim\" [jr]");
        assert_eq!(text(&edited), file);
        edited.contacts[0].entries[0].name = "Doe, Wim [sr]".into();
        let written = convert(&edited, Format::RicohProgramCsv, &WriteOptions::default()).unwrap();
        assert!(written.notes.iter().any(|note| note.code == "character_replaced"));
        let expected = file.replace("[Doe, \"Wim\" [jr]], [Wim]", "[Doe, Wim  sr], [Wim]");
        assert_eq!(String::from_utf8(written.bytes).unwrap(), expected);
    }

    #[test]
    fn an_address_with_a_bracket_stays_out() {
        let mut edited = book(FILE);
        edited.contacts[0].entries[0].mail = "wim@[192.0.2.1]".into();
        let written = convert(&edited, Format::RicohProgramCsv, &WriteOptions::default()).unwrap();
        assert_eq!((written.given, written.written, written.kept_out), (3, 2, 1));
        let codes: Vec<_> = written.notes.iter().map(|note| (note.line, note.code)).collect();
        assert_eq!(codes, [(Some(7), "character_not_in_format")]);
    }

    #[test]
    fn as_a_spreadsheet_saves_it() {
        let file = FILE
            .replace("\r\n", ",,\r\n")
            .replace(", [", ",[")
            .replace("[wim@example.com]", "\"[wim@example.com]\"");
        let read = book(&file);
        assert_eq!((read.by_kind(), read.report.kept_out), (book(FILE).by_kind(), 0));
        assert_eq!(read.contacts[0].entries[0].mail, "wim@example.com");
        assert_eq!(text(&read), file);
    }

    #[test]
    fn an_edited_row_is_written_as_the_machine_does() {
        let mut edited = book(FILE);
        edited.contacts[1].entries[0].mail = "x@example.com".into();
        assert_eq!(text(&edited), FILE.replace("xenia@example.com", "x@example.com"));
        edited.contacts[2].members.clear();
        let expected =
            FILE.replace("xenia@example.com", "x@example.com").replace("[], [], [00003]", "[], [], []");
        assert_eq!(text(&edited), expected);
    }

    #[test]
    fn a_new_file_has_the_column_line_of_the_machine() {
        let column_line = FILE.lines().find(|line| line.starts_with("#Program No.")).unwrap();
        assert!(new_frame(&[]).head.ends_with(&format!("{column_line}\r\n")));
    }

    #[test]
    fn no_damage_makes_it_panic() {
        laws::no_damage_makes_it_panic("ricoh/program-information-3.1.1.csv");
    }
}
