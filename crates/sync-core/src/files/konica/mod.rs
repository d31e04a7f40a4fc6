//! Konica Minolta, also Develop and ineo: the abbreviated destinations, as `@Ver406` text.
//!
//! - UTF-16LE with a mark, tabs, a tab at the end of each line, CRLF, nothing quoted but the `"alternative"` row: as in
//!   the one published export (the demo file of the program printer-address-book-converter).
//! - Line 1 names the version, the model, the date and 36 hexadecimal digits; what these check is not known. Line 2 is
//!   `#Abbreviate` and the limit. Line 3 has the columns, the next the words that each may have. `@End` and a tab are the
//!   last line, without a line end. All these stay as they are; a new file gets those of the published export, and a
//!   remark, as the digits may not be what the machine expects.
//! - A row is one destination, of the kind that `SendMode` names. Boxes, SIP and IP addresses have no kind here: such a
//!   row is kept as it stands, and no new ones are made.
//! - `SearchKey` is the key under whose letters the first letter of the name is. Names have 24 characters. Groups and
//!   programs are other files of the family, which nobody published.
//! - Whether passwords are readable is not known: the columns are called `SMBLoginPassword` and the like, the published
//!   export has none filled, and no manual says it. So a password is held as one that only such files carry: it comes back
//!   in them as it stands, and goes into no other format, which the report says of each (`password_not_carried`). A
//!   readable one of another format is not written, for the machine could take it for an encrypted one; the report says
//!   that too (`password_not_in_format`).

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, Frame, TextFrame},
    convert::ReadOptions,
    field::{Field, Slot},
    folder::server_and_path,
    format::{Room, Writer},
    holds::Holds,
    initial::initial,
    links::label,
    table::{Cells, Column, MAX_COLUMNS, MAX_ROWS, Quotes, Row, Style, Table, WrongRow, line_end},
    text::Text,
};
use crate::address::AddressKind;
use alloc::{format, string::String, vec::Vec};

mod write;

use write::{before_write, write};

const MODE: &str = "SendMode";
const MAIL: &str = "MailAddress";
const KEY: &str = "SearchKey";
const SMB_ADDRESS: &str = "SMBAddress";
const SMB_FOLDER: &str = "SMBFolder";
const SCHEME: &str = "konica:abbr";
/// How many entries a file has that says nothing else.
const MOST: usize = 2_000;
const END: &str = "@End";
const LIMIT: &str = "#Abbreviate";

/// What usually stands there depends on the row.
const BY_ROW: [&str; 17] = [
    KEY,
    MODE,
    "FTPLoginAnonymous",
    "FTPPassiveSend",
    "FTPProxy",
    "WebDAVSSL",
    "WebDAVProxy",
    "FaxCapability",
    "FaxV34Off",
    "FaxOversea",
    "CheckDest",
    "PortNo",
    "Model",
    "IfaxResolution",
    "IfaxSize",
    "IfaxCompression",
    "BoxID",
];

const YES: &str = "Yes";
const NO: &str = "No";

const TABLE: Table = Table {
    format: Format::KonicaMinoltaAbbr,
    columns: &[
        Column::shared("AbbrNo", Field::Number),
        Column::shared("Name", Field::Name),
        Column::kept("Pinyin").empty(NO),
        Column::shared("Furigana", Field::Reading),
        Column::kept(KEY),
        Column::kept("WellUse").empty(YES),
        Column::kept(MODE),
        Column::kept("IconID"),
        Column::kept("UseReferLicence").empty("Level"),
        Column::kept("ReferGroupNo").empty("0"),
        Column::kept("ReferPossibleLevel").empty("0"),
        Column::of(MAIL, Slot::Mail, Field::Mail),
        Column::of("FTPServerAddress", Slot::Ftp, Field::FolderHost),
        Column::of("FTPServerFolder", Slot::Ftp, Field::FolderPath),
        Column::kept("FTPLoginAnonymous"),
        Column::of("FTPLoginUser", Slot::Ftp, Field::LoginUser),
        Column::encrypted("FTPLoginPassword", Slot::Ftp, SCHEME),
        Column::kept("FTPPassiveSend"),
        Column::kept("FTPProxy"),
        Column::of("FTPPortNo", Slot::Ftp, Field::FolderPort),
        Column::of(SMB_ADDRESS, Slot::Smb, Field::FolderHost),
        Column::of(SMB_FOLDER, Slot::Smb, Field::FolderPath),
        Column::of("SMBLoginUser", Slot::Smb, Field::LoginUser),
        Column::encrypted("SMBLoginPassword", Slot::Smb, SCHEME),
        Column::of("WebDAVServerAddress", Slot::WebDav, Field::FolderHost),
        Column::of("WebDAVCollection", Slot::WebDav, Field::FolderPath),
        Column::of("WebDAVLoginUser", Slot::WebDav, Field::LoginUser),
        Column::encrypted("WebDAVLoginPassword", Slot::WebDav, SCHEME),
        Column::kept("WebDAVSSL"),
        Column::kept("WebDAVProxy"),
        Column::of("WebDAVPortNo", Slot::WebDav, Field::FolderPort),
        Column::kept("BoxID"),
        Column::kept("Model"),
        Column::of("FaxPhoneNo", Slot::Fax, Field::FaxNumber),
        Column::kept("FaxCapability"),
        Column::kept("FaxV34Off"),
        Column::of("FaxECMOff", Slot::Fax, Field::FaxEcm).words(&[(YES, "off"), (NO, "on")]),
        Column::kept("FaxOversea"),
        Column::of("FaxLine", Slot::Fax, Field::FaxLine).words(&[
            ("None", "auto"),
            ("Line1", "line1"),
            ("Line2", "line2"),
            ("Line3", "line3"),
            ("Line4", "line4"),
        ]),
        Column::kept("CheckDest"),
        Column::kept("Host"),
        Column::kept("PortNo"),
        Column::kept("IfaxResolution"),
        Column::kept("IfaxSize"),
        Column::kept("IfaxCompression"),
    ],
    style: Style {
        separator: '\t',
        quotes: Quotes::Never,
        head_quotes: Quotes::Never,
        line_end: "\r\n",
        brackets: false,
        closes: false,
    },
    after_read,
    before_write,
};

pub(super) const ROOM: Room = Room {
    format: Format::KonicaMinoltaAbbr,
    name: "konica-minolta-abbr",
    title: "Konica Minolta and Develop abbreviated destinations",
    extensions: &["csv", "txt"],
    origin: "Web Connection: Maintenance, Import/Export, Address, Export, Abbreviated",
    holds: Holds {
        slots: &[
            (Slot::Mail, 1),
            (Slot::Ifax, 1),
            (Slot::Fax, 1),
            (Slot::Smb, 1),
            (Slot::Ftp, 1),
            (Slot::WebDav, 1),
            (Slot::Nowhere, 1),
        ],
        fields: &[
            (Field::Name, 24),
            (Field::Reading, 0),
            (Field::Number, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
            (Field::FaxEcm, 0),
            (Field::FaxLine, 0),
            (Field::FolderHost, 0),
            (Field::FolderPort, 0),
            (Field::FolderPath, 0),
            (Field::LoginUser, 0),
            (Field::LoginPassword, 0),
        ],
        lacks: &[(Slot::Smb, Field::FolderPort)],
        usual: &[(Slot::Fax, Field::FaxEcm, "on"), (Slot::Fax, Field::FaxLine, "auto")],
        words: &[
            (Field::FaxEcm, &["on", "off"]),
            (Field::FaxLine, &["auto", "line1", "line2", "line3", "line4"]),
        ],
        scheme: "konica:",
        numbers: Some((1, MOST as i64)),
        forbidden: &['\t'],
        most: MOST,
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_16LE,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

fn recognizes(text: &Text) -> bool {
    let mut lines = text.text.lines();
    lines.next().is_some_and(|line| line.starts_with("@Ver"))
        && lines.next().is_some_and(|line| line.starts_with(LIMIT))
}

fn cells_of(line: &str) -> Vec<String> {
    line.trim_end_matches(['\r', '\n']).split('\t').map(String::from).collect()
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let style = Style { line_end: line_end(&text.text), ..TABLE.style };
    let mut frame = TextFrame { style, ..TextFrame::default() };
    let mut rows = Vec::new();
    let mut ended = None;
    let mut at = 0;
    for (line, raw) in (1..).zip(text.text.split_inclusive('\n')) {
        if raw.starts_with(END) {
            ended = Some(at);
            break;
        }
        at += raw.len();
        let cells = cells_of(raw);
        if rows.len() >= MAX_ROWS {
            return Err(FileError::TooManyRows { line, limit: MAX_ROWS });
        }
        if frame.columns.is_empty() {
            frame.head.push_str(raw);
            if Table::has(&cells, &["AbbrNo", "Name", MODE]) {
                frame.columns = cells;
            }
        } else if rows.is_empty() && raw.starts_with("\"alternative\"") {
            frame.head.push_str(raw);
        } else {
            let wide = cells.len() > MAX_COLUMNS;
            let (cells, wrong) = if wide { (Vec::new(), Some(WrongRow::TooWide)) } else { (cells, None) };
            rows.push(Row { line, before: "", raw, cells, wrong });
        }
    }
    if frame.columns.is_empty() {
        return Err(FileError::NoColumnLine { format: ROOM.title, column: "AbbrNo" });
    }
    let mut book = TABLE.read_rows(frame, rows.into_iter(), text.encoding);
    match ended {
        Some(at) => {
            if let Frame::Text(frame) = &mut book.frame {
                frame.tail.push_str(&text.text[at..]);
            }
        }
        None => {
            let said = "the last line is not `@End`: the file may be cut off";
            book.report.warnings.push(Note::new(None, "no_end_line", said));
        }
    }
    Ok(book)
}

/// The key under which a name is found.
fn key(name: &str) -> &'static str {
    match initial(name) {
        Some('A'..='C') => "Abc",
        Some('D'..='F') => "Def",
        Some('G'..='I') => "Ghi",
        Some('J'..='L') => "Jkl",
        Some('M'..='O') => "Mno",
        Some('P'..='S') => "Pqrs",
        Some('T'..='V') => "Tuv",
        Some('W'..='Z') => "Wxyz",
        _ => "Other",
    }
}

/// The kind that a mode is; `None` where it is none here.
fn kind_of(mode: &str) -> Option<Slot> {
    let modes = [
        ("Email", Slot::Mail),
        ("Ifax", Slot::Ifax),
        ("Fax", Slot::Fax),
        ("Smb", Slot::Smb),
        ("Ftp", Slot::Ftp),
        ("WebDav", Slot::WebDav),
    ];
    modes.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(mode.trim())).map(|(_, slot)| slot)
}

fn mode_of(slot: Slot) -> &'static str {
    match slot {
        Slot::Mail => "Email",
        Slot::Ifax => "Ifax",
        Slot::Fax => "Fax",
        Slot::Smb => "Smb",
        Slot::Ftp => "Ftp",
        Slot::WebDav => "WebDav",
        _ => "",
    }
}

fn usual(contact: &Contact, column: &str) -> String {
    let slot = contact.entries.first().map_or(Slot::Nowhere, Slot::of);
    let no_login = contact.entries.first().is_none_or(|entry| entry.login.is_none());
    let text = match (column, slot) {
        (KEY, _) => key(contact.name()),
        (MODE, slot) => mode_of(slot),
        ("FTPLoginAnonymous", Slot::Ftp) => {
            if no_login {
                YES
            } else {
                NO
            }
        }
        ("FTPPassiveSend" | "FTPProxy", Slot::Ftp)
        | ("WebDAVSSL" | "WebDAVProxy", Slot::WebDav)
        | ("FaxV34Off" | "FaxOversea" | "CheckDest", Slot::Fax) => NO,
        ("IfaxResolution", Slot::Ifax) => "200x200",
        ("IfaxSize", Slot::Ifax) => "A4",
        ("IfaxCompression", Slot::Ifax) => "MH",
        _ => "",
    };
    text.into()
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    let mode = cells.get(MODE).trim();
    match kind_of(mode) {
        Some(kind) => {
            let column = if kind == Slot::Ifax { Slot::Mail } else { kind };
            TABLE.set_aside(contact, cells, |slot| slot != column && slot != Slot::Nowhere);
            if kind == Slot::Ifax {
                for entry in contact.entries.iter_mut().filter(|entry| Slot::of(entry) == Slot::Mail) {
                    entry.kind = AddressKind::Ifax;
                }
            }
        }
        // What the row has tells what it is.
        _ if mode.is_empty() => {}
        _ => {
            TABLE.set_aside(contact, cells, |slot| slot != Slot::Nowhere);
            let text =
                format!("{} is of the kind {mode}: it is kept as it stands", label(&contact.entries[0]));
            notes.push(Note::new(Some(cells.line), "send_mode_kept", text));
        }
    }
    for entry in &mut contact.entries {
        if Slot::of(entry) == Slot::Smb
            && let Some(folder) = &mut entry.folder
            && folder.host.is_empty()
        {
            let (host, path) = server_and_path(&folder.path);
            (folder.host, folder.path) = (host.into(), path.into());
        }
        // A row of one fax says these in any case; a fax says them where they are not usual.
        if let Some(fax) = &mut entry.fax {
            if fax.ecm == "on" {
                fax.ecm.clear();
            }
            if fax.line == "auto" {
                fax.line.clear();
            }
        }
    }
    TABLE.drop_usual(contact, cells, &BY_ROW, usual);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
