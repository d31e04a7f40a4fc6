//! Kyocera (also Copystar, Triumph-Adler, Utax): what an entry of KYOCERA Net Viewer says, and its bulk CSV.
//!
//! - The attributes are those of the XML that [`super::kyocera_xml`] reads, as public programs write them and one real
//!   item has them. That `SendCorpName` is the organization and `SendPostName` the department is taken from their
//!   names.
//! - `DisplayNameKana` is the name where nobody gave a reading.
//! - `FaxCommSpeed` is `BPS_` and the speed in bit/s; `FaxECM` is `On` or `Off`; ports are 139 and 21 where nobody said
//!   otherwise; the other settings have one usual value.
//! - **The CSV is a guess**: that there is one is known, its columns are not. It is a table whose columns are the XML's
//!   attributes, by name, so that a file with these columns in any order is read. Its passwords are taken for
//!   encrypted, by means of their own.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, TextFrame},
    convert::{ReadOptions, WriteOptions},
    field::{Field, Slot},
    folder::{server_and_path, whole_path},
    format::{Room, Writer},
    holds::Holds,
    links::note_numbers_used_twice,
    table::{Cells, Column, Quotes, Style, Table, line_end, rows, set_cell},
    text::Text,
};
use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

/// The attributes of a contact, in the order in which the one real item has them; passwords are in this encryption.
pub(super) const fn columns(scheme: &'static str) -> [Column; 36] {
    [
        Column::shared("Id", Field::Number),
        Column::shared("DisplayName", Field::Name),
        Column::kept("SendKeisyou").empty("0"),
        Column::shared("DisplayNameKana", Field::Reading),
        Column::of("MailAddress", Slot::Mail, Field::Mail),
        Column::shared("SendCorpName", Field::Organization),
        Column::shared("SendPostName", Field::Department),
        Column::kept("SendAddrName"),
        Column::of("SmbHostName", Slot::Smb, Field::FolderHost),
        Column::of("SmbPath", Slot::Smb, Field::FolderPath),
        Column::of("SmbLoginName", Slot::Smb, Field::LoginUser),
        Column::encrypted("SmbLoginPasswd", Slot::Smb, scheme),
        Column::of("SmbPort", Slot::Smb, Field::FolderPort).empty("139"),
        Column::of("FtpPath", Slot::Ftp, Field::FolderPath),
        Column::of("FtpHostName", Slot::Ftp, Field::FolderHost),
        Column::of("FtpLoginName", Slot::Ftp, Field::LoginUser),
        Column::encrypted("FtpLoginPasswd", Slot::Ftp, scheme),
        Column::of("FtpPort", Slot::Ftp, Field::FolderPort).empty("21"),
        Column::of("FaxNumber", Slot::Fax, Field::FaxNumber),
        Column::of("FaxSubaddress", Slot::Fax, Field::FaxSubAddress),
        Column::kept("FaxPassword"),
        Column::of("FaxCommSpeed", Slot::Fax, Field::FaxSpeed).usual("BPS_33600"),
        Column::of("FaxECM", Slot::Fax, Field::FaxEcm).usual("On").words(&[("On", "on"), ("Off", "off")]),
        Column::kept("FaxEncryptKeyNumber").empty("0"),
        Column::kept("FaxEncryption").empty("Off"),
        Column::kept("FaxEncryptBoxEnabled").empty("Off"),
        Column::kept("FaxEncryptBoxID").empty("0000"),
        Column::of("InetFAXAddr", Slot::Ifax, Field::Mail),
        Column::kept("InetFAXMode").empty("Simple"),
        Column::kept("InetFAXResolution").empty("3"),
        Column::kept("InetFAXFileType").empty("TIFF_MH"),
        Column::kept("IFaxSendModeType").empty("IFAX"),
        Column::kept("InetFAXDataSize").empty("1"),
        Column::kept("InetFAXPaperSize").empty("1"),
        Column::kept("InetFAXResolutionEnum").empty("Default"),
        Column::kept("InetFAXPaperSizeEnum").empty("Default"),
    ]
}

/// What both formats hold.
pub(super) const HOLDS: Holds = Holds {
    slots: &[(Slot::Mail, 1), (Slot::Smb, 1), (Slot::Ftp, 1), (Slot::Fax, 1), (Slot::Ifax, 1)],
    together: 5,
    folders: 2,
    fields: &[
        (Field::Name, 0),
        (Field::Reading, 0),
        (Field::Organization, 0),
        (Field::Department, 0),
        (Field::Number, 0),
        (Field::Mail, 0),
        (Field::FaxNumber, 0),
        (Field::FaxEcm, 0),
        (Field::FaxSpeed, 0),
        (Field::FaxSubAddress, 0),
        (Field::FolderHost, 0),
        (Field::FolderPort, 0),
        (Field::FolderPath, 0),
        (Field::LoginUser, 0),
        (Field::LoginPassword, 0),
    ],
    usual: &[
        (Slot::Fax, Field::FaxSpeed, "33600"),
        (Slot::Fax, Field::FaxEcm, "on"),
        (Slot::Smb, Field::FolderPort, "139"),
        (Slot::Ftp, Field::FolderPort, "21"),
    ],
    numbers: Some((1, 999_999)),
    ..Holds::NOTHING
};

pub(super) fn after_read(contact: &mut Contact, _: &Cells<'_>, _: &mut Vec<Note>) {
    for entry in &mut contact.entries {
        if entry.reading == entry.name {
            entry.reading.clear();
        }
        if let Some(fax) = &mut entry.fax
            && let Some(speed) = fax.speed.strip_prefix("BPS_").filter(|speed| is_number(speed))
        {
            fax.speed = speed.into();
        }
    }
}

pub(super) fn before_write(contacts: &[Contact], at: usize, cells: &mut BTreeMap<String, String>) {
    let contact = &contacts[at];
    if contact.entries.first().is_some_and(|entry| entry.reading.is_empty()) {
        set_cell(cells, "DisplayNameKana", contact.name());
    }
    let speed = contact.entry(Slot::Fax).map(|entry| Field::FaxSpeed.get(entry)).unwrap_or_default();
    if is_number(&speed) {
        set_cell(cells, "FaxCommSpeed", &format!("BPS_{speed}"));
    }
    // Others write the share beside the server; here it begins the path.
    if let Some(folder) = contact.entry(Slot::Smb).and_then(|entry| entry.folder.as_ref())
        && folder.host.contains(['\\', '/'])
    {
        let whole = whole_path(&folder.host, &folder.path);
        let (host, path) = server_and_path(&whole);
        set_cell(cells, "SmbHostName", host);
        set_cell(cells, "SmbPath", &if path.is_empty() { String::new() } else { format!("\\{path}") });
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

const TABLE: Table = Table {
    format: Format::KyoceraCsv,
    columns: &columns("kyocera:csv"),
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
    format: Format::KyoceraCsv,
    name: "kyocera-csv",
    title: "Kyocera bulk CSV (columns guessed)",
    extensions: &["csv"],
    origin: "KYOCERA Net Viewer: the device's Address Book, Export, CSV",
    holds: Holds { scheme: "kyocera:csv", ..HOLDS },
    encoding: Encoding::UTF_8_MARK,
    recognizes,
    read,
    writer: Writer::Text { frame, contact },
};

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().next().unwrap_or("");
    rows(first, ',', 1).is_ok_and(|rows| {
        rows.first().is_some_and(|row| {
            Table::has(&row.cells, &["DisplayName", "MailAddress", "SmbHostName", "FtpHostName"])
        })
    })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let style = Style { line_end: line_end(&text.text), ..TABLE.style };
    let mut book = TABLE.read("", &text.text, style, text.encoding)?;
    note_numbers_used_twice(&mut book);
    Ok(book)
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

    #[test]
    fn columns_are_found_by_name_and_missing_ones_are_usual() {
        let file = "DisplayName,MailAddress,FtpHostName,SmbHostName,SmbPath,FaxNumber,FaxCommSpeed\n\
                    Jane,jane@x.example,,files,scans,555,BPS_9600\n";
        let book = read(file.as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!(book.format(), Format::KyoceraCsv);
        let contact = &book.contacts[0];
        assert_eq!(contact.entries.len(), 3);
        assert_eq!(Field::FaxSpeed.get(contact.entry(Slot::Fax).unwrap()), "9600");
        let same = convert(&book, Format::KyoceraCsv, &WriteOptions::default()).unwrap();
        assert_eq!(same.bytes, file.as_bytes());
    }
}
