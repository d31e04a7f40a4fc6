//! Toshiba TopAccess: the address book as CSV, six columns, all quoted. Names have 20 characters, e-mail addresses 192,
//! fax numbers 128 (TopAccess' pages on importing address book data).

use super::{
    Encoding, FileError, Format,
    book::{Book, Contact, TextFrame},
    convert::{ReadOptions, WriteOptions},
    field::{Field, Slot},
    format::{Room, Writer},
    holds::Holds,
    table::{Column, Quotes, Style, Table, line_end, nothing_after, nothing_before, rows},
    text::Text,
};
use alloc::string::String;

const TABLE: Table = Table {
    format: Format::ToshibaCsv,
    columns: &[
        Column::shared("NAME", Field::Name),
        Column::of("Email Address", Slot::Mail, Field::Mail),
        Column::of("Tel Number", Slot::Fax, Field::FaxNumber),
        Column::shared("ABB_ID", Field::Number),
        Column::kept("OT_ID"),
        Column::kept("Search Letter"),
    ],
    style: Style {
        separator: ',',
        quotes: Quotes::All,
        head_quotes: Quotes::All,
        line_end: "\r\n",
        brackets: false,
        closes: false,
    },
    after_read: nothing_after,
    before_write: nothing_before,
};

pub(super) const ROOM: Room = Room {
    format: Format::ToshibaCsv,
    name: "toshiba-csv",
    title: "Toshiba TopAccess CSV",
    extensions: &["csv"],
    origin: "TopAccess: Administration, Maintenance, Export, Address Book, Create New File",
    holds: Holds {
        slots: &[(Slot::Mail, 1), (Slot::Fax, 1)],
        together: 2,
        fields: &[(Field::Name, 20), (Field::Mail, 192), (Field::FaxNumber, 128), (Field::Number, 0)],
        numbers: Some((1, 999)),
        most: 300,
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
        rows.first()
            .is_some_and(|row| Table::has(&row.cells, &["NAME", "Email Address", "Tel Number", "ABB_ID"]))
    })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let style = Style { line_end: line_end(&text.text), ..TABLE.style };
    TABLE.read("", &text.text, style, text.encoding)
}

fn frame(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    TABLE.frame(contacts, "")
}

fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    TABLE.row(contacts, at, frame)
}
