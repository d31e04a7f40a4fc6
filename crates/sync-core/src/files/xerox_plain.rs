//! Xerox Document Centre and C165: the public address book as two columns without a column line, after the examples in
//! these machines' manuals: `Smith, smith@example.com` or `"Smith, John",john@example.com`. `;` and tabs between the
//! cells are read too, as a spreadsheet writes them, and stay in the file.
//!
//! Nothing in such a file says what it is. It is known by having two cells in every line, the second an e-mail address,
//! and only where nothing else fits.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, TextFrame},
    convert::{ReadOptions, WriteOptions},
    field::{Field, Slot},
    format::{Room, Writer},
    holds::{Holds, is_mail},
    table::{Column, Quotes, Style, Table, line_end, nothing_after, nothing_before, rows},
    text::Text,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};

const TABLE: Table = Table {
    format: Format::XeroxPlainCsv,
    columns: &[Column::shared("name", Field::Name), Column::of("mail", Slot::Mail, Field::Mail)],
    style: Style {
        separator: ',',
        quotes: Quotes::Needed,
        head_quotes: Quotes::Needed,
        line_end: "\r\n",
        brackets: false,
        closes: false,
    },
    after_read: nothing_after,
    before_write: nothing_before,
};

pub(super) const ROOM: Room = Room {
    format: Format::XeroxPlainCsv,
    name: "xerox-plain-csv",
    title: "Xerox public address book, two columns",
    extensions: &["csv"],
    origin: "Internet Services: Properties, Scanning, Public Address Book, Export",
    holds: Holds {
        slots: &[(Slot::Mail, 1)],
        fields: &[(Field::Name, 0), (Field::Mail, 0)],
        mail_form: true,
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Text { frame, contact },
};

fn is_row(cells: &[String]) -> bool {
    matches!(cells, [_, mail] if is_mail(mail))
}

/// What stands between the two cells of a line.
fn separator_of(line: &str) -> Option<char> {
    let parts = |separator: &char| {
        rows(line, *separator, 1).is_ok_and(|rows| rows.first().is_some_and(|row| is_row(&row.cells)))
    };
    [',', ';', '\t'].into_iter().find(parts)
}

fn recognizes(text: &Text) -> bool {
    // Most other files show it in their first line.
    let first = text.text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    first.contains('@')
        && separator_of(first).is_some_and(|separator| {
            rows(&text.text, separator, 1)
                .is_ok_and(|rows| !rows.is_empty() && rows.iter().all(|row| is_row(&row.cells)))
        })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let separator = text.text.lines().find_map(separator_of).unwrap_or(TABLE.style.separator);
    let style = Style { separator, line_end: line_end(&text.text), ..TABLE.style };
    let mut notes = Vec::new();
    let mut rows = rows(&text.text, separator, 1)?;
    for row in &mut rows {
        if is_row(&row.cells) {
            // The examples have a blank before the address.
            row.cells[1] = row.cells[1].trim().to_string();
        } else if row.cells.iter().any(|cell| !cell.trim().is_empty()) {
            let text = "the row is not a name and an e-mail address";
            notes.push(Note::loss(Some(row.line), "not_name_and_mail", text));
            // As an empty row it stays where it is.
            row.cells.clear();
        }
    }
    let columns = TABLE.columns.iter().map(|column| column.name.to_string()).collect();
    let frame = TextFrame { columns, style, ..TextFrame::default() };
    let mut book = TABLE.read_rows(frame, rows.into_iter(), text.encoding);
    book.report.kept_out += notes.len();
    book.report.warnings.append(&mut notes);
    book.report.warnings.sort_by_key(|note| note.line);
    Ok(book)
}

fn frame(_: &[Contact], _: &WriteOptions) -> TextFrame {
    let columns = TABLE.columns.iter().map(|column| column.name.to_string()).collect();
    TextFrame { columns, style: TABLE.style, ..TextFrame::default() }
}

fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    TABLE.row(contacts, at, frame)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{convert, read, tests as laws};

    #[test]
    fn a_file_is_this_only_if_every_line_is() {
        for (file, is_this) in [
            ("Smith, smith@example.com\n", true),
            ("\"Smith, John\",john@example.com\n\nLi,li@example.com", true),
            ("name,e-mail\nSmith,smith@example.com\n", false),
            ("Smith,smith@example.com\nLi\n", false),
            ("Smith,smith@example.com,1\n", false),
            ("Smith,smith at example\n", false),
            ("smith@example.com\n", false),
            ("Smith,<smith@example.com>\n", false),
        ] {
            let found = read(file.as_bytes(), &ReadOptions::default()).map(|book| book.format());
            assert_eq!(found == Ok(Format::XeroxPlainCsv), is_this, "{file}");
        }
    }

    #[test]
    fn other_separators_are_read_and_stay() {
        let told = ReadOptions { format: Some(Format::XeroxPlainCsv), ..ReadOptions::default() };
        for file in
            ["Smith;s@x.example\nLee;l@x.example\n", "\"Smith; S\"; s@x.example\r\n", "Smith\ts@x.example\n"]
        {
            for options in [ReadOptions::default(), told.clone()] {
                let mut book = read(file.as_bytes(), &options).unwrap();
                assert_eq!(
                    (book.format(), &*book.contacts[0].entries[0].mail),
                    (Format::XeroxPlainCsv, "s@x.example")
                );
                let text = |book: &Book| {
                    let written = convert(book, Format::XeroxPlainCsv, &WriteOptions::default()).unwrap();
                    String::from_utf8(written.bytes).unwrap()
                };
                assert_eq!(text(&book), file);
                book.contacts[0].entries[0].mail = "t@x.example".into();
                assert_eq!(text(&book), file.replace(" s@x", "t@x").replace("s@x", "t@x"));
            }
        }
    }

    #[test]
    fn told_the_format_a_wrong_row_stops_no_other() {
        let file = "Smith, smith@example.com\r\nnobody\r\nLi,li@example.com\r\n";
        let options = ReadOptions { format: Some(Format::XeroxPlainCsv), ..ReadOptions::default() };
        let mut book = read(file.as_bytes(), &options).unwrap();
        assert_eq!((book.report.read, book.report.kept_out, book.report.warnings[0].line), (2, 1, Some(2)));
        book.contacts[1].entries[0].name = "Li, Bo".into();
        let written = convert(&book, Format::XeroxPlainCsv, &WriteOptions::default()).unwrap();
        assert_eq!(String::from_utf8(written.bytes).unwrap(), file.replace("Li,", "\"Li, Bo\","));
    }

    #[test]
    fn no_damage_makes_it_panic() {
        laws::no_damage_makes_it_panic("xerox/public-address-book-2col-noheader.csv");
    }
}
