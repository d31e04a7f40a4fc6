//! Sharp: the address book as CSV, 27 columns, as the web page of the machine exports it.
//!
//! - UTF-8 with or without a mark, commas, every cell and every column name quoted, LF, no line end after the last row
//!   in the one published sample (the demo file of the program printer-address-book-converter; whether all machines do
//!   so is uncertain; both are read).
//! - The first cell of a row is `data`. How groups look is not known; a row that begins otherwise is kept and noted.
//! - User names and passwords are encrypted (`encrypted2`), user names too: they are carried to the same format alone.
//!   [`NOTHING`] stands in every empty one on different machines (the sample and three public scripts that write such
//!   files), so it means that there is none.
//! - `search-string` has 10 characters in one public script and more in the sample: uncertain. It is what the name is
//!   found by; new rows get the first 10 characters of the name.
//! - A folder of an SMB server is one path, `\\server\share\path`.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, TextFrame},
    convert::{ReadOptions, WriteOptions},
    field::{Field, Slot},
    folder::{server_and_path, whole_path},
    format::{Room, Writer},
    holds::Holds,
    table::{Cells, Column, Quotes, Style, Table, line_end, rows, set_cell},
    text::Text,
};
use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

/// What an encrypted cell has where there is nothing.
const NOTHING: &str = "+xS4FiNvCE4i8EqfPNhjWg==";
const SCHEME: &str = "sharp:encrypted2";
const METHOD: &str = "encrypted2";
/// How many characters of the name a new row is found by.
const SEARCHED: usize = 10;

const TABLE: Table = Table {
    format: Format::SharpCsv,
    columns: &[
        Column::kept("address").empty("data"),
        Column::shared("search-id", Field::Number),
        Column::shared("name", Field::Name),
        Column::shared("search-string", Field::Reading),
        Column::kept("category-id").empty("1"),
        Column::kept("frequently-used").empty("FALSE"),
        Column::of("mail-address", Slot::Mail, Field::Mail),
        Column::of("fax-number", Slot::Fax, Field::FaxNumber),
        Column::of("ifax-address", Slot::Ifax, Field::Mail),
        Column::of("ftp-host", Slot::Ftp, Field::FolderHost),
        Column::of("ftp-directory", Slot::Ftp, Field::FolderPath),
        Column::kept("ftp-username").empty(NOTHING),
        Column::kept("ftp-username/@encodingMethod").empty(METHOD),
        Column::encrypted("ftp-password", Slot::Ftp, SCHEME).empty(NOTHING),
        Column::kept("ftp-password/@encodingMethod").empty(METHOD),
        Column::of("smb-directory", Slot::Smb, Field::FolderPath),
        Column::kept("smb-username").empty(NOTHING),
        Column::kept("smb-username/@encodingMethod").empty(METHOD),
        Column::encrypted("smb-password", Slot::Smb, SCHEME).empty(NOTHING),
        Column::kept("smb-password/@encodingMethod").empty(METHOD),
        Column::kept("desktop-host"),
        Column::kept("desktop-port"),
        Column::kept("desktop-directory"),
        Column::kept("desktop-username").empty(NOTHING),
        Column::kept("desktop-username/@encodingMethod").empty(METHOD),
        Column::kept("desktop-password").empty(NOTHING),
        Column::kept("desktop-password/@encodingMethod").empty(METHOD),
    ],
    style: Style {
        separator: ',',
        quotes: Quotes::All,
        head_quotes: Quotes::All,
        line_end: "\n",
        brackets: false,
        closes: false,
    },
    after_read,
    before_write,
};

pub(super) const ROOM: Room = Room {
    format: Format::SharpCsv,
    name: "sharp-csv",
    title: "Sharp address book, CSV",
    extensions: &["csv"],
    origin: "web page of the machine: System Settings, Data Backup, CSV Export, Address Book",
    holds: Holds {
        slots: &[(Slot::Mail, 1), (Slot::Fax, 1), (Slot::Ifax, 1), (Slot::Ftp, 1), (Slot::Smb, 1)],
        together: 5,
        folders: 2,
        fields: &[
            (Field::Name, 0),
            (Field::Reading, 0),
            (Field::Number, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
            (Field::FolderHost, 0),
            (Field::FolderPath, 0),
            (Field::LoginPassword, 0),
        ],
        scheme: "sharp:",
        numbers: Some((1, 999_999)),
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8_MARK,
    recognizes,
    read,
    writer: Writer::Text { frame, contact },
};

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().next().unwrap_or("");
    rows(first, ',', 1).is_ok_and(|rows| {
        rows.first().is_some_and(|row| {
            Table::has(&row.cells, &["search-id", "name", "mail-address", "smb-directory", "ftp-host"])
        })
    })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let style = Style { line_end: line_end(&text.text), ..TABLE.style };
    TABLE.read("", &text.text, style, text.encoding)
}

fn found_by(name: &str) -> String {
    name.chars().take(SEARCHED).collect::<String>().trim_end().to_string()
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    for entry in &mut contact.entries {
        // What a new row would have says nothing.
        if entry.reading == found_by(&entry.name) {
            entry.reading.clear();
        }
        if Slot::of(entry) == Slot::Smb
            && let Some(folder) = &mut entry.folder
        {
            let (host, path) = server_and_path(&folder.path);
            (folder.host, folder.path) = (host.into(), path.into());
        }
    }
    let kind = cells.get("address");
    if !kind.is_empty() && kind != "data" {
        let text = format!("the row is `{kind}`, which is not known here; it is kept as it stands");
        notes.push(Note::new(Some(cells.line), "unknown_row", text));
    }
}

fn before_write(contacts: &[Contact], at: usize, cells: &mut BTreeMap<String, String>) {
    let contact = &contacts[at];
    if contact.entries.first().is_some_and(|entry| entry.reading.is_empty()) {
        set_cell(cells, "search-string", &found_by(contact.name()));
    }
    if let Some(folder) = contact.entry(Slot::Smb).and_then(|entry| entry.folder.as_ref()) {
        set_cell(cells, "smb-directory", &whole_path(&folder.host, &folder.path));
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
    use crate::{
        address::Password,
        files::{convert, read, tests as laws},
    };

    const HEAD: &str = "address,search-id,name,search-string,category-id,frequently-used,mail-address,fax-number,\
        ifax-address,ftp-host,ftp-directory,ftp-username,ftp-username/@encodingMethod,ftp-password,\
        ftp-password/@encodingMethod,smb-directory,smb-username,smb-username/@encodingMethod,smb-password,\
        smb-password/@encodingMethod,desktop-host\n";

    fn book(rows: &str) -> Book {
        read(format!("{HEAD}{rows}").as_bytes(), &ReadOptions::default()).unwrap()
    }

    #[test]
    fn an_encrypted_nothing_is_nothing_and_other_passwords_go_to_the_same_format_alone() {
        let book = book(&format!(
            "data,1,Jane Exampleton,Jane Examp,1,FALSE,,,,ftp.example,in,{NOTHING},encrypted2,{NOTHING},encrypted2,\
             \\\\files\\scans\\jane,c2Nhbg==,encrypted2,cHc=,encrypted2,\n"
        ));
        let contact = &book.contacts[0];
        assert_eq!(contact.entry(Slot::Ftp).unwrap().login, None);
        let smb = contact.entry(Slot::Smb).unwrap();
        let folder = smb.folder.as_ref().unwrap();
        assert_eq!((&*folder.host, &*folder.path), ("files", "scans\\jane"));
        assert_eq!(smb.reading, "");
        assert!(matches!(&smb.login.as_ref().unwrap().password,
            Some(Password::Encrypted { scheme, text }) if scheme == SCHEME && text.0 == "cHc="));
        let kept = &contact.entries[0].kept_by;
        assert_eq!(
            kept.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>(),
            [("sharp-csv:smb-username", "c2Nhbg==")]
        );

        let canon = convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap();
        assert!(!String::from_utf8(canon.bytes).unwrap().contains("cHc="));
        assert!(canon.notes.iter().any(|note| note.code == "password_not_carried"));

        let mut edited = book.clone();
        for entry in &mut edited.contacts[0].entries {
            entry.name = "Joan Exampleton".into();
        }
        let edited = convert(&edited, Format::SharpCsv, &WriteOptions::default()).unwrap();
        let text = String::from_utf8(edited.bytes).unwrap();
        assert!(text.contains("\"Joan Exampleton\",\"Joan Examp\""), "{text}");
        assert!(text.contains("\"\\\\files\\scans\\jane\",\"c2Nhbg==\",\"encrypted2\",\"cHc=\""), "{text}");
    }

    #[test]
    fn odd_rows_are_read_and_noted() {
        let book = book("group,1,Team,,1,FALSE\ndata,2,Desk,,1,TRUE,desk@x.example\ndata,2,Fax,,,,,555\n");
        let codes: Vec<_> = book.report.warnings.iter().map(|note| (note.line, note.code)).collect();
        assert_eq!(
            codes,
            [(Some(2), "unknown_row"), (Some(2), "no_destination"), (Some(4), "duplicate_number")]
        );
        assert_eq!(book.contacts[1].entries[0].kept_by["sharp-csv:frequently-used"], "TRUE");
        let same = convert(&book, Format::SharpCsv, &WriteOptions::default()).unwrap();
        assert!(same.bytes.ends_with(b"data,2,Fax,,,,,555\n"));
    }

    #[test]
    fn no_damage_makes_it_panic() {
        laws::no_damage_makes_it_panic("sharp/sharp-mx-addressbook.csv");
    }
}
