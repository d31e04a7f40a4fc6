//! Toshiba: the address book of newer machines as CSV, 22 columns. That these machines write it is uncertain: the
//! column line is known, no real file.
//!
//! - The last column is spelt `FavoritEmail`.
//! - The name is made of first and last name; there is no number.
//! - A row may have two fax numbers; both are entries, with the settings of the row. What words `ECM`, `Line Select`
//!   and the other settings have is not known: they are kept as they stand.
//! - Written as the older file of the same maker is: UTF-8, commas, CRLF; quoted where needed.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, TextFrame},
    convert::{ReadOptions, WriteOptions},
    field::{Field, Slot},
    format::{Room, Writer},
    holds::Holds,
    table::{Cells, Column, Quotes, Style, Table, line_end, rows, set_cell},
    text::Text,
};
use alloc::{collections::BTreeMap, string::String, vec::Vec};

const SECOND_FAX: &str = "2nd Fax Number";

const TABLE: Table = Table {
    format: Format::Toshiba22Csv,
    columns: &[
        Column::shared("First Name", Field::Given),
        Column::shared("Last Name", Field::Family),
        Column::of("Email Address", Slot::Mail, Field::Mail),
        Column::of("Tel Number", Slot::Fax, Field::FaxNumber),
        Column::kept(SECOND_FAX),
        Column::of("IPFax Destination", Slot::IpFax, Field::FaxUri),
        Column::kept("Facsimile Mode"),
        Column::shared("Company", Field::Organization),
        Column::shared("Department", Field::Department),
        Column::kept("Keyword"),
        Column::shared("Furigana", Field::Reading),
        Column::of("SUB", Slot::Fax, Field::FaxSubAddress),
        Column::kept("SID"),
        Column::kept("SEP"),
        Column::kept("PWD"),
        Column::kept("ECM"),
        Column::kept("Line Select"),
        Column::kept("Quality Transmit"),
        Column::kept("Transmission Type"),
        Column::kept("Attenuation"),
        Column::kept("FavoriteFax"),
        Column::kept("FavoritEmail"),
    ],
    style: Style {
        separator: ',',
        quotes: Quotes::Needed,
        head_quotes: Quotes::Needed,
        line_end: "\r\n",
        brackets: false,
        closes: false,
    },
    after_read,
    before_write,
};

pub(super) const ROOM: Room = Room {
    format: Format::Toshiba22Csv,
    name: "toshiba-22-csv",
    title: "Toshiba CSV of 22 columns",
    extensions: &["csv"],
    origin: "TopAccess of newer machines: Administration, Maintenance, Export, Address Book",
    holds: Holds {
        slots: &[(Slot::Mail, 1), (Slot::Fax, 2), (Slot::IpFax, 1)],
        together: 4,
        fields: &[
            (Field::Reading, 0),
            (Field::Given, 0),
            (Field::Family, 0),
            (Field::Organization, 0),
            (Field::Department, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
            (Field::FaxSubAddress, 0),
            (Field::FaxUri, 0),
        ],
        lacks: &[
            (Slot::Fax, Field::FaxUri),
            (Slot::IpFax, Field::FaxNumber),
            (Slot::IpFax, Field::FaxSubAddress),
        ],
        name_of_parts: true,
        one_fax_line: true,
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Text { frame, contact },
};

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().next().unwrap_or("");
    rows(first, ',', 1).is_ok_and(|rows| {
        rows.first().is_some_and(|row| {
            Table::has(&row.cells, &["First Name", "Email Address", "Tel Number", SECOND_FAX, "Furigana"])
        })
    })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let style = Style { line_end: line_end(&text.text), ..TABLE.style };
    TABLE.read("", &text.text, style, text.encoding)
}

fn after_read(contact: &mut Contact, _: &Cells<'_>, _: &mut Vec<Note>) {
    let key = TABLE.kept_key(SECOND_FAX);
    // Without a first number the second is no second.
    if contact.entry(Slot::Fax).is_none() {
        return;
    }
    let Some(second) = contact.entries.first_mut().and_then(|first| first.kept_by.remove(&key)) else {
        return;
    };
    let at = contact.entries.iter().position(|entry| Slot::of(entry) == Slot::Fax).unwrap_or_default();
    let mut entry = contact.entries[at].clone();
    entry.kept_by.clear();
    Field::FaxNumber.set(&mut entry, &second);
    contact.entries.insert(at + 1, entry);
}

fn before_write(contacts: &[Contact], at: usize, cells: &mut BTreeMap<String, String>) {
    let mut faxes = contacts[at].entries.iter().filter(|entry| Slot::of(entry) == Slot::Fax);
    if let Some(second) = faxes.nth(1) {
        set_cell(cells, SECOND_FAX, &Field::FaxNumber.get(second));
    }
}

fn frame(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    TABLE.frame(contacts, "")
}

fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    TABLE.row(contacts, at, frame)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{convert, read};
    use alloc::{format, string::ToString};

    const HEAD: &str = "First Name,Last Name,Email Address,Tel Number,2nd Fax Number,IPFax Destination,Facsimile Mode,\
        Company,Department,Keyword,Furigana,SUB,SID,SEP,PWD,ECM,Line Select,Quality Transmit,Transmission Type,\
        Attenuation,FavoriteFax,FavoritEmail\r\n";

    fn book(rows: &str) -> Book {
        read(format!("{HEAD}{rows}").as_bytes(), &ReadOptions::default()).unwrap()
    }

    #[test]
    fn a_row_with_two_fax_numbers_is_three_entries_and_goes_back_as_one_row() {
        let book = book("Jane,Doe,jane@x.example,555,556,,G3,,,,,7,,,,ON,,,,,0,1\r\n");
        assert_eq!(book.format(), Format::Toshiba22Csv);
        let contact = &book.contacts[0];
        let numbers: Vec<_> = contact.entries.iter().map(|e| Field::FaxNumber.get(e)).collect();
        assert_eq!(numbers, ["", "555", "556"]);
        assert!(contact.entries.iter().all(|entry| entry.name == "Jane Doe" && !entry.tie.is_empty()));
        let mut edited = book.clone();
        Field::FaxNumber.set(&mut edited.contacts[0].entries[2], "557");
        let written = convert(&edited, Format::Toshiba22Csv, &WriteOptions::default()).unwrap();
        assert_eq!(written.notes, []);
        let row = "Jane,Doe,jane@x.example,555,557,,G3,,,,,7,,,,ON,,,,,0,1\r\n";
        assert_eq!(String::from_utf8(written.bytes).unwrap(), format!("{HEAD}{row}"));
    }

    #[test]
    fn fax_numbers_with_settings_of_their_own_have_rows_of_their_own() {
        let mut book = book("Jane,,,555,556,,,,,,,7\r\n");
        Field::FaxSubAddress.set(&mut book.contacts[0].entries[1], "8");
        let written = convert(&book, Format::Toshiba22Csv, &WriteOptions::default()).unwrap();
        let text = String::from_utf8(written.bytes).unwrap();
        assert!(
            text.ends_with("Jane,,,555,,,,,,,,7,,,,,,,,,,\r\nJane,,,556,,,,,,,,8,,,,,,,,,,\r\n"),
            "{text}"
        );
    }

    #[test]
    fn an_ip_fax_by_number_alone_stays_out() {
        let mut book = book("Jane,,,,,sip:1@x.example\r\n");
        let fax = book.contacts[0].entries[0].fax.as_mut().unwrap();
        (fax.uri, fax.number) = (String::new(), "555".to_string());
        let written = convert(&book, Format::Toshiba22Csv, &WriteOptions::default()).unwrap();
        assert_eq!((written.written, written.kept_out), (0, 1));
        assert!(written.notes.iter().any(|note| note.code == "no_kind"));
    }
}
