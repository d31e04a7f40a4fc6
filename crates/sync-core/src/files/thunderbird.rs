//! Thunderbird's address book as CSV: a column line that ends in a comma, commas or tabs, UTF-8, UTF-16 or the code page
//! of the system (the files of Mozilla's own tests and of programs that import them).

use super::{
    Encoding, FileError, Format,
    book::{Book, Contact, TextFrame},
    columns::{Chart, Chosen, PLACE, Use, nothing_after, nothing_before},
    convert::{ReadOptions, WriteOptions},
    csv_mapping::separator_of,
    field::{Field, Slot},
    format::{Room, Writer},
    holds::Holds,
    table::{Quotes, Style, Table, line_end, rows},
    text::Text,
};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

const CHART: Chart =
    Chart { format: Format::ThunderbirdCsv, after_read: nothing_after, before_write: nothing_before };

const COLUMNS: [(&str, Use); 37] = [
    ("First Name", Use::Shared(Field::Given)),
    ("Last Name", Use::Shared(Field::Family)),
    ("Display Name", Use::Shared(Field::Name)),
    ("Nickname", Use::Shared(Field::Nickname)),
    ("Primary Email", Use::Of(Slot::Mail, 0, Field::Mail)),
    ("Secondary Email", Use::Of(Slot::Mail, 1, Field::Mail)),
    ("Screen Name", Use::Kept),
    ("Work Phone", Use::Shared(Field::Phone)),
    ("Home Phone", Use::Kept),
    ("Fax Number", Use::Of(Slot::Fax, 0, Field::FaxNumber)),
    ("Pager Number", Use::Kept),
    ("Mobile Number", Use::Shared(Field::Mobile)),
    ("Home Address", Use::Kept),
    ("Home Address 2", Use::Kept),
    ("Home City", Use::Kept),
    ("Home State", Use::Kept),
    ("Home ZipCode", Use::Kept),
    ("Home Country", Use::Kept),
    ("Work Address", Use::Kept),
    ("Work Address 2", Use::Kept),
    ("Work City", Use::Kept),
    ("Work State", Use::Kept),
    ("Work ZipCode", Use::Kept),
    ("Work Country", Use::Kept),
    ("Job Title", Use::Shared(Field::Title)),
    ("Department", Use::Shared(Field::Department)),
    ("Organization", Use::Shared(Field::Organization)),
    ("Web Page 1", Use::Kept),
    ("Web Page 2", Use::Kept),
    ("Birth Year", Use::Kept),
    ("Birth Month", Use::Kept),
    ("Birth Day", Use::Kept),
    ("Custom 1", Use::Kept),
    ("Custom 2", Use::Kept),
    ("Custom 3", Use::Kept),
    ("Custom 4", Use::Kept),
    ("Notes", Use::Shared(Field::Note)),
];

pub(super) const ROOM: Room = Room {
    format: Format::ThunderbirdCsv,
    name: "thunderbird-csv",
    title: "Thunderbird CSV",
    extensions: &["csv", "tab"],
    origin: "Thunderbird: Address Book, Tools, Export, Comma Separated",
    holds: Holds {
        structure: &[PLACE],
        slots: &[(Slot::Mail, 2), (Slot::Fax, 1), (Slot::Nowhere, 1)],
        together: 3,
        fields: &[
            (Field::Name, 0),
            (Field::Given, 0),
            (Field::Family, 0),
            (Field::Nickname, 0),
            (Field::Organization, 0),
            (Field::Department, 0),
            (Field::Title, 0),
            (Field::Phone, 0),
            (Field::Mobile, 0),
            (Field::Note, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
        ],
        lines: true,
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Text { frame, contact },
};

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().next().unwrap_or("");
    rows(first, separator_of(first), 1).is_ok_and(|rows| {
        rows.first()
            .is_some_and(|row| Table::has(&row.cells, &["First Name", "Display Name", "Primary Email"]))
    })
}

fn layout(names: &[String]) -> Vec<Chosen> {
    names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let name = name.trim();
            match COLUMNS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
                Some((known, means)) => Chosen::new(*known, *means),
                None if name.is_empty() => Chosen::new(format!("column {}", at + 1), Use::Kept),
                None => Chosen::new(name, Use::Kept),
            }
        })
        .collect()
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let separator = separator_of(&text.text);
    let style = Style { separator, line_end: line_end(&text.text), ..Style::default() };
    CHART.read("", &text.text, style, text.encoding, &|names, _| layout(names))
}

fn frame(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    let columns = COLUMNS.iter().map(|(name, means)| (name.to_string(), Chosen::new(*name, *means)));
    let style = Style { closes: true, line_end: "\n", quotes: Quotes::Needed, ..Style::default() };
    CHART.frame(contacts, columns.collect(), style, &[])
}

fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    CHART.row(contacts, at, frame)
}
