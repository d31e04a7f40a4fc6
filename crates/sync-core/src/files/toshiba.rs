//! Toshiba TopAccess: the address book as CSV, six columns, all quoted.
//!
//! From the maker's manuals (e-STUDIO165/205 and GA-1190/GA-1201, "Importing Address Book Data"):
//! - Names have 20 one-byte letters or 10 two-byte letters, e-mail addresses 192, fax numbers 128 (digits, `*`, `#`,
//!   `-`). What is longer can't be imported.
//! - One of e-mail address and fax number is needed, and one of `ABB_ID` (001 to 999, 300 at most) and `OT_ID` (1 to
//!   75), the number of a one-touch button.
//! - Where a number is used twice, the machine takes the first alone: that is noted, and both are read.
//! - The machine doesn't import `Search Letter`; a new row gets the first letter of the name.
//! - An import adds; there are no groups.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, TextFrame},
    convert::{ReadOptions, WriteOptions},
    field::{Field, Slot},
    format::{Room, Writer},
    holds::Holds,
    links::label,
    table::{Cells, Column, Quotes, Style, Table, line_end, rows, set_cell},
    text::Text,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

const LETTER: &str = "Search Letter";
const BUTTON: &str = "OT_ID";

const TABLE: Table = Table {
    format: Format::ToshibaCsv,
    columns: &[
        Column::shared("NAME", Field::Name),
        Column::of("Email Address", Slot::Mail, Field::Mail),
        Column::of("Tel Number", Slot::Fax, Field::FaxNumber),
        Column::shared("ABB_ID", Field::Number),
        Column::kept(BUTTON),
        Column::kept(LETTER),
    ],
    style: Style {
        separator: ',',
        quotes: Quotes::All,
        head_quotes: Quotes::All,
        line_end: "\r\n",
        brackets: false,
        closes: false,
    },
    after_read,
    before_write,
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
        wide: &[Field::Name],
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
    let mut book = TABLE.read("", &text.text, style, text.encoding)?;
    note_buttons_used_twice(&mut book);
    Ok(book)
}

fn note_buttons_used_twice(book: &mut Book) {
    let key = TABLE.kept_key(BUTTON);
    let mut buttons: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    for contact in &book.contacts {
        let Some(button) = contact.entries.iter().find_map(|entry| entry.kept_by.get(&key)) else { continue };
        let button = button.trim().trim_start_matches('0');
        let Some(first) = buttons.get(button) else {
            buttons.insert(button, contact.line);
            continue;
        };
        let name = label(&contact.entries[0]);
        let text = format!("{name}: the one-touch button {button} is in line {} too", first.unwrap_or(0));
        book.report.warnings.push(Note::new(contact.line, "button_used_twice", text));
    }
}

/// The letter under which a new row is found: that of its name.
fn letter_of(name: &str) -> String {
    let first = name.trim_start().chars().next().filter(char::is_ascii_alphabetic);
    first.map(|one| one.to_ascii_uppercase().to_string()).unwrap_or_default()
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    let letter = letter_of(contact.name());
    let button = cells.get(BUTTON).trim();
    if let Some(first) = contact.entries.first_mut() {
        if cells.get(LETTER) == letter {
            first.kept_by.remove(&TABLE.kept_key(LETTER));
        }
        let mut odd = |code, text: String| notes.push(Note::new(Some(cells.line), code, text));
        match first.number {
            None if button.is_empty() => {
                odd("no_number", format!("{} has no number: the machine does not import it", label(first)));
            }
            Some(number) if !(1..=999).contains(&number) => {
                odd("number_out_of_range", format!("{}: numbers go from 1 to 999", label(first)));
            }
            _ => {}
        }
        if !button.is_empty() && !button.parse().is_ok_and(|number: u8| (1..=75).contains(&number)) {
            odd("number_out_of_range", format!("{}: one-touch buttons go from 1 to 75", label(first)));
        }
    }
}

fn before_write(contacts: &[Contact], at: usize, cells: &mut BTreeMap<String, String>) {
    let contact = &contacts[at];
    let key = TABLE.kept_key(LETTER);
    if contact.entries.iter().all(|entry| !entry.kept_by.contains_key(&key)) {
        set_cell(cells, LETTER, &letter_of(contact.name()));
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
    use crate::files::{Weight, convert, read, tests as laws};

    const HEAD: &str = "\"NAME\",\"Email Address\",\"Tel Number\",\"ABB_ID\",\"OT_ID\",\"Search Letter\"\r\n";

    fn book(rows: &str) -> Book {
        read(format!("{HEAD}{rows}").as_bytes(), &ReadOptions::default()).unwrap()
    }

    fn codes(notes: &[Note]) -> Vec<(Option<u64>, &'static str)> {
        notes.iter().map(|note| (note.line, note.code)).collect()
    }

    #[test]
    fn a_number_used_twice_is_a_remark() {
        let book = book(
            "A,a@x.example,,2,1,\nB,b@x.example,,2,1,\nC,c@x.example,,1000,76,\nD,d@x.example,,,,\nE,e@x.example,,,5,\n",
        );
        let expected = [
            (Some(4), "number_out_of_range"),
            (Some(4), "number_out_of_range"),
            (Some(5), "no_number"),
            (Some(3), "button_used_twice"),
            (Some(3), "duplicate_number"),
        ];
        assert_eq!(codes(&book.report.warnings), expected);
        assert!(book.report.warnings.iter().all(|note| note.weight == Weight::Remark));
        assert_eq!(book.report.read, 5);
    }

    #[test]
    fn a_new_row_is_found_by_the_first_letter_of_its_name_and_another_letter_stays() {
        let book = book("desk,a@x.example,,1,,D\nUse01,b@x.example,,2,,A\n");
        assert!(book.contacts[0].entries[0].kept_by.is_empty());
        let mut edited = book.clone();
        for contact in &mut edited.contacts {
            contact.entries[0].mail = "new@x.example".into();
        }
        let written = convert(&edited, Format::ToshibaCsv, &WriteOptions::default()).unwrap();
        let text = String::from_utf8(written.bytes).unwrap();
        assert!(text.ends_with(
            "\"desk\",\"new@x.example\",\"\",\"1\",\"\",\"D\"\r\n\"Use01\",\"new@x.example\",\"\",\"2\",\"\",\"A\"\r\n"
        ));
    }

    #[test]
    fn a_name_has_twenty_narrow_or_ten_wide_letters() {
        let from = format!(
            "address,search-id,name,mail-address,ftp-host,smb-directory\n\
             data,1,{},a@x.example,,\ndata,2,{},b@x.example,,\ndata,3,{},c@x.example,,\n",
            "n".repeat(21),
            "名".repeat(11),
            "ﾅ".repeat(20),
        );
        let book = read(from.as_bytes(), &ReadOptions::default()).unwrap();
        let written = convert(&book, Format::ToshibaCsv, &WriteOptions::default()).unwrap();
        assert_eq!(codes(&written.notes), [(Some(2), "cut"), (Some(3), "cut")]);
        let text = String::from_utf8(written.bytes).unwrap();
        assert!(text.contains(&format!("\"{}\"", "n".repeat(20))), "{text}");
        assert!(text.contains(&format!("\"{}\"", "名".repeat(10))), "{text}");
        assert!(text.contains(&format!("\"{}\"", "ﾅ".repeat(20))), "{text}");
    }

    #[test]
    fn no_damage_makes_it_panic() {
        laws::no_damage_makes_it_panic("toshiba/topaccess-6col.csv");
    }
}
