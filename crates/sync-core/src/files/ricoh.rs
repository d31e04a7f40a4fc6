//! Ricoh, also Lanier, Savin, Gestetner, NRG and infotec: the address book as CSV of the format version 5.1.1, as Web
//! Image Monitor of the IM series exports it (`<device>_addr.csv`).
//!
//! - Lines that begin with `#` (the maker's public manual prints six), a column line, the rows. Every cell is quoted and
//!   every value in square brackets, an empty one is `[]`; so it is written, in UTF-8. Read are also files that are not
//!   quoted, or without brackets, `#` lines that a spreadsheet padded with commas, and UTF-16 with a mark.
//! - The 79 columns and what usually stands in them are those of published programs that write such files.
//! - A `Set ... Settings` column says whether its block counts (1) or is ignored (0). What is ignored is kept.
//! - `Index in ACLs and Groups` must be unique, or the machine refuses the file. `Groups` names the groups of a row by
//!   it; what stands between two is uncertain: commas are written, others are read.
//! - `Title 1` is the tab by the first letter. One of the titles or the frequent flag must not be 0.
//! - `Folder Protocol` 0 is SMB, 1 is FTP (uncertain); others are kept as they stand, with a note. The port is 21 in
//!   rows of SMB folders too and says nothing there. `Folder Authentication` 2 is an own login.
//! - Passwords are not exported (`[omitted]`). One that stands there goes back to such files alone.
//! - Names have 20 characters, display names 16 (a script counts the brackets too: uncertain). Registration numbers go
//!   from 1 to 50000 (uncertain).

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, Frame},
    convert::{ReadOptions, WriteOptions, write_text},
    field::{Field, Slot},
    fit::Fitted,
    folder::{server_and_path, whole_path},
    format::{Room, Writer},
    holds::{Groups, Holds},
    initial::initial,
    links::note_numbers_used_twice,
    membership::{Membership, Said, usual_split},
    table::{Cells, Column, Quotes, Style, Table, line_end, rows, set_cell, write_row},
    text::Text,
    usual::{add_entry, become_one},
};
use crate::address::{Login, Password, Secret};
use alloc::{
    borrow::Cow,
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

const INDEX: &str = "Index in ACLs and Groups";
const GROUPS: &str = "Groups";
const SET_AUTH: &str = "Set Auth. Info Settings";
const SET_DESTINATIONS: &str = "Set Email/Fax Settings";
const SET_FOLDER: &str = "Set Folder Settings";
const SET_GROUPS: &str = "Set Group List Settings";
const TYPE: &str = "Entry Type";
const PROTOCOL: &str = "Folder Protocol";
const PORT: &str = "Folder Port No.";
const SERVER: &str = "Folder Server Name";
const PATH: &str = "Folder Path";
const LOGIN: &str = "Folder Authentication";
const LOGIN_USER: &str = "Folder Authentication Login User Name";
const LOGIN_PASSWORD: &str = "Folder Authentication Login Password";
/// Whose password only such files carry.
const SCHEME: &str = "ricoh:folder";
/// What stands in [`LOGIN`] where the folder has a login of its own.
const OWN_LOGIN: &str = "2";
const USUAL_PORT: &str = "21";
/// How many characters a display name has.
const SHOWN: usize = 16;

/// What usually stands there depends on the row.
const BY_ROW: [&str; 8] =
    [TYPE, "Title 1", SET_AUTH, LOGIN, SET_DESTINATIONS, "Ifax Enable", SET_FOLDER, PROTOCOL];
/// What a folder is told in.
const FOLDER: [&str; 7] = [SET_FOLDER, PROTOCOL, PORT, SERVER, PATH, LOGIN, LOGIN_USER];

const PROLOGUE: &str = "# Format Version: 5.1.1.0\r\n# Generated at: 2026-01-01 00:00:00\r\n\
    # Function Name: User Data Preference\r\n# Template Name: null\r\n# Description: null\r\n\
    # Authentication Method (0=none or user code/1=others): 0\r\n";

const TABLE: Table = Table {
    format: Format::RicohCsv,
    columns: &[
        Column::kept("Index in ACLs and Groups"),
        Column::shared("Name", Field::Name),
        Column::kept("Set General Settings").empty("1"),
        Column::kept("Set Registration No.").empty("0"),
        Column::shared("Registration No.", Field::Number),
        Column::kept("Entry Type").empty("U"),
        Column::shared("Phonetic Name", Field::Reading),
        Column::shared("Display Name", Field::ShortName),
        Column::kept("Display Priority").empty("5"),
        Column::kept("Set Title Settings").empty("1"),
        Column::kept("Title 1"),
        Column::kept("Title 2").empty("0"),
        Column::kept("Title 3").empty("0"),
        Column::kept("Title Freq.").empty("1"),
        Column::kept("Set User Code Settings").empty("0"),
        Column::kept("User Code"),
        Column::kept("Set Auth. Info Settings").empty("1"),
        Column::kept("Device Login User Name"),
        Column::kept("Device Login Password"),
        Column::kept("Device Login Password Encoding").empty("omitted"),
        Column::kept("SMTP Authentication").empty("0"),
        Column::kept("SMTP Authentication Login User Name"),
        Column::kept("SMTP Authentication Login Password"),
        Column::kept("SMTP Authentication Password Encoding").empty("omitted"),
        Column::kept("Folder Authentication").empty("0"),
        Column::kept("Folder Authentication Login User Name"),
        Column::kept("Folder Authentication Login Password"),
        Column::kept("Folder Authentication Password Encoding").empty("omitted"),
        Column::kept("LDAP Authentication").empty("0"),
        Column::kept("LDAP Authentication Login User Name"),
        Column::kept("LDAP Authentication Login Password"),
        Column::kept("LDAP Authentication Password Encoding").empty("omitted"),
        Column::kept("Set Access Control Settings").empty("0"),
        Column::kept("Can Use B/W Copy").empty("0"),
        Column::kept("Can Use Single Color Copy").empty("0"),
        Column::kept("Can Use Two Color Copy").empty("0"),
        Column::kept("Can Use Full Color Copy").empty("0"),
        Column::kept("Can Use Auto Color Copy").empty("0"),
        Column::kept("Can Use B/W Print").empty("0"),
        Column::kept("Can Use Color Print").empty("0"),
        Column::kept("Can Use Scanner"),
        Column::kept("Can Use Fax"),
        Column::kept("Can Use Document Server"),
        Column::kept("Maximum of Print Usage Limit").empty("-1"),
        Column::kept("Set Email/Fax Settings").empty("1"),
        Column::of("Fax Destination", Slot::Fax, Field::FaxNumber),
        Column::kept("Fax Line Type").empty("g3"),
        Column::kept("International Fax Transmission Mode").empty("0"),
        Column::of("E-mail Address", Slot::Mail, Field::Mail),
        Column::of("Ifax Address", Slot::Ifax, Field::Mail),
        Column::kept("Ifax Enable").empty("0"),
        Column::kept("Direct SMTP"),
        Column::kept("Ifax Direct SMTP"),
        Column::kept("Fax Header").empty("1"),
        Column::kept("Label Insertion 1st Line (Selection)"),
        Column::kept("Label Insertion 2nd Line (String)"),
        Column::kept("Label Insertion 3rd Line (Standard Message)").empty("0"),
        Column::kept("Set Folder Settings").empty("0"),
        Column::kept("Folder Protocol").empty("0"),
        Column::kept("Folder Port No.").empty("21"),
        Column::kept("Folder Server Name"),
        Column::kept("Folder Path"),
        Column::kept("Folder Japanese Character Encoding").empty("us-ascii"),
        Column::kept("Set Protection Settings").empty("1"),
        Column::kept("Is Setting Destination Protection").empty("1"),
        Column::kept("Is Protecting Destination Folder").empty("0"),
        Column::kept("Is Setting Sender Protection").empty("0"),
        Column::kept("Is Protecting Sender").empty("0"),
        Column::kept("Sender Protection Password"),
        Column::kept("Sender Protection Password Encoding").empty("omitted"),
        Column::kept("Access Privilege to User"),
        Column::kept("Access Privilege to Protected File"),
        Column::kept("Set Group List Settings").empty("1"),
        Column::kept("Groups"),
        Column::kept("Set Counter Reset Settings").empty("0"),
        Column::kept("Enable Plot Counter Reset"),
        Column::kept("Enable Fax Counter Reset"),
        Column::kept("Enable Scanner Counter Reset"),
        Column::kept("Enable User Volume Counter Reset"),
    ],
    style: Style {
        separator: ',',
        quotes: Quotes::All,
        head_quotes: Quotes::All,
        line_end: "\r\n",
        brackets: true,
        closes: false,
    },
    after_read,
    before_write,
};

const MEMBERSHIP: Membership = Membership {
    table: &TABLE,
    index: Some(INDEX),
    groups: GROUPS,
    counts: Some(SET_GROUPS),
    also: None,
    split: usual_split,
};

pub(super) const ROOM: Room = Room {
    format: Format::RicohCsv,
    name: "ricoh-csv",
    title: "Ricoh, Lanier and Savin address book, CSV (5.1.1)",
    extensions: &["csv"],
    origin: "Web Image Monitor: Device Management, Address Book, Maintenance, Export",
    holds: Holds {
        structure: &[INDEX],
        slots: &[
            (Slot::Mail, 1),
            (Slot::Fax, 1),
            (Slot::Ifax, 1),
            (Slot::Smb, 1),
            (Slot::Ftp, 1),
            (Slot::Group, 1),
            (Slot::Nowhere, 1),
        ],
        together: 4,
        fields: &[
            (Field::Name, 20),
            (Field::Reading, 0),
            (Field::ShortName, SHOWN),
            (Field::Number, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
            (Field::FolderHost, 0),
            (Field::FolderPort, 0),
            (Field::FolderPath, 0),
            (Field::LoginUser, 0),
            (Field::LoginPassword, 0),
        ],
        lacks: &[(Slot::Smb, Field::FolderPort)],
        usual: &[(Slot::Ftp, Field::FolderPort, USUAL_PORT)],
        groups: Groups::Nested,
        scheme: "ricoh:",
        numbers: Some((1, 50_000)),
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

/// What comes before the column line, and the text from there.
fn parted(text: &str) -> (&str, &str) {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start_matches(['"', ' ']);
        let is_head =
            bare.starts_with('#') || bare.trim_matches([',', ';', '\t', '"', '\r', '\n', ' ']).is_empty();
        if !is_head {
            break;
        }
        at += line.len();
    }
    text.split_at(at)
}

/// What stands between the cells of a column line.
pub(super) fn separator_of(line: &str) -> char {
    let count = |one: char| line.matches(one).count();
    [';', '\t'].into_iter().find(|one| count(*one) > count(',')).unwrap_or(',')
}

fn recognizes(text: &Text) -> bool {
    let first = parted(&text.text).1.lines().next().unwrap_or("");
    rows(first, separator_of(first), 1)
        .is_ok_and(|rows| rows.first().is_some_and(|row| Table::has(&row.cells, &[INDEX, "Name", TYPE])))
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let (head, table) = parted(&text.text);
    let mut lines = table.lines();
    let names = lines.next().unwrap_or("");
    let first = lines.next().unwrap_or("");
    let quotes = |line: &str| if line.starts_with('"') { Quotes::All } else { Quotes::Needed };
    let style = Style {
        separator: separator_of(names),
        quotes: quotes(first),
        head_quotes: quotes(names),
        line_end: line_end(&text.text),
        // A file without rows is written as the machine does.
        brackets: first.is_empty() || first.trim_start_matches(['"', ' ']).starts_with('['),
        ..TABLE.style
    };
    if !recognizes(text) {
        return Err(FileError::NoColumnLine { format: ROOM.title, column: INDEX });
    }
    let mut book = TABLE.read(head, table, style, text.encoding)?;
    MEMBERSHIP.link(&mut book);
    note_numbers_used_twice(&mut book);
    Ok(book)
}

fn is_group(contact: &Contact) -> bool {
    contact.entry(Slot::Group).is_some()
}

fn is_destination(slot: Slot) -> bool {
    matches!(slot, Slot::Mail | Slot::Fax | Slot::Ifax)
}

fn folder_of(contact: &Contact) -> Option<&crate::address::Address> {
    contact.entry(Slot::Smb).or_else(|| contact.entry(Slot::Ftp))
}

fn has_login(contact: &Contact) -> bool {
    folder_of(contact).is_some_and(|entry| entry.login.is_some())
}

fn shown(name: &str) -> String {
    name.chars().take(SHOWN).collect::<String>().trim_end().to_string()
}

/// The tab of a name.
pub(super) fn title(name: &str) -> &'static str {
    match initial(name) {
        None => "0",
        Some('A' | 'B') => "1",
        Some('C' | 'D') => "2",
        Some('E' | 'F') => "3",
        Some('G' | 'H') => "4",
        Some('I'..='K') => "5",
        Some('L'..='N') => "6",
        Some('O'..='Q') => "7",
        Some('R'..='T') => "8",
        Some('U'..='W') => "9",
        Some(_) => "10",
    }
}

fn usual(contact: &Contact, column: &str) -> String {
    let flag = |yes: bool| if yes { "1" } else { "0" };
    let text = match column {
        TYPE => {
            if is_group(contact) {
                "G"
            } else {
                "U"
            }
        }
        "Title 1" => title(contact.name()),
        SET_AUTH => flag(!is_group(contact) || has_login(contact)),
        LOGIN => {
            if has_login(contact) {
                OWN_LOGIN
            } else {
                "0"
            }
        }
        SET_DESTINATIONS => flag(contact.entries.iter().any(|entry| is_destination(Slot::of(entry)))),
        "Ifax Enable" => flag(contact.entry(Slot::Ifax).is_some()),
        SET_FOLDER => flag(folder_of(contact).is_some()),
        PROTOCOL => flag(contact.entry(Slot::Ftp).is_some()),
        _ => "",
    };
    text.into()
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    let ignored = |name: &str| cells.get(name).trim() == "0";
    let group = cells.get(TYPE).trim().eq_ignore_ascii_case("G");
    if group || ignored(SET_DESTINATIONS) {
        TABLE.set_aside(contact, cells, is_destination);
    }
    if group {
        become_one(contact, Slot::Group);
    } else if !ignored(SET_FOLDER) {
        read_folder(contact, cells, notes);
    }
    for entry in &mut contact.entries {
        // What a new row would have says nothing.
        if entry.short_name == shown(&entry.name) {
            entry.short_name.clear();
        }
    }
    TABLE.drop_usual(contact, cells, &BY_ROW, usual);
}

fn read_folder(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    let (server, path) = (cells.get(SERVER).trim(), cells.get(PATH));
    if server.is_empty() && path.trim().is_empty() {
        return;
    }
    let slot = match cells.get(PROTOCOL).trim() {
        "" | "0" => Slot::Smb,
        "1" => Slot::Ftp,
        other => {
            let text =
                format!("the protocol {other} of its folder is not known here; it is kept as it stands");
            notes.push(Note::new(Some(cells.line), "folder_protocol_not_known", text));
            return;
        }
    };
    for name in [SERVER, PATH] {
        TABLE.take_kept(contact, name);
    }
    let own_login = cells.get(SET_AUTH).trim() != "0" && cells.get(LOGIN).trim() == OWN_LOGIN;
    let mut login = Login::default();
    if own_login {
        login.username = TABLE.take_kept(contact, LOGIN_USER).unwrap_or_default();
        let password = TABLE.take_kept(contact, LOGIN_PASSWORD).filter(|text| !text.is_empty());
        login.password =
            password.map(|text| Password::Encrypted { scheme: SCHEME.into(), text: Secret(text) });
    }
    let port = cells.get(PORT).trim();
    if slot == Slot::Ftp {
        TABLE.take_kept(contact, PORT);
    }
    let entry = add_entry(contact, slot);
    let folder = entry.folder.get_or_insert_default();
    let (host, path) =
        if slot == Slot::Smb && server.is_empty() { server_and_path(path) } else { (server, path) };
    (folder.host, folder.path) = (host.into(), path.into());
    if slot == Slot::Ftp && port != USUAL_PORT {
        folder.port = port.into();
    }
    entry.login = (login != Login::default()).then_some(login);
}

fn before_write(contacts: &[Contact], at: usize, cells: &mut BTreeMap<String, String>) {
    let contact = &contacts[at];
    if contact.entries.first().is_some_and(|entry| entry.short_name.is_empty()) {
        set_cell(cells, "Display Name", &shown(contact.name()));
    }
    TABLE.put_usual(contact, cells, &BY_ROW, usual);
    // What the entries say counts, whatever was kept.
    for (name, counts) in [
        (SET_DESTINATIONS, usual(contact, SET_DESTINATIONS) == "1"),
        (SET_FOLDER, folder_of(contact).is_some()),
        (SET_AUTH, has_login(contact)),
    ] {
        if counts {
            set_cell(cells, name, "1");
        }
    }
    let Some(entry) = folder_of(contact) else { return };
    let Some(folder) = &entry.folder else { return };
    let ftp = Slot::of(entry) == Slot::Ftp;
    let (server, path) = match ftp {
        true => (folder.host.clone(), folder.path.clone()),
        false => (String::new(), whole_path(&folder.host, &folder.path)),
    };
    set_cell(cells, PROTOCOL, if ftp { "1" } else { "0" });
    set_cell(cells, SERVER, &server);
    set_cell(cells, PATH, &path);
    if ftp {
        set_cell(cells, PORT, if folder.port.is_empty() { USUAL_PORT } else { &folder.port });
    }
    if let Some(login) = &entry.login {
        set_cell(cells, LOGIN, OWN_LOGIN);
        set_cell(cells, LOGIN_USER, &login.username);
        if let Some(Password::Encrypted { text, .. }) = &login.password {
            set_cell(cells, LOGIN_PASSWORD, &text.0);
        }
    }
}

fn write(fitted: &mut Fitted, book: Option<&Book>, options: &WriteOptions) -> Result<Vec<u8>, FileError> {
    let own = match book.map(|book| &book.frame) {
        Some(Frame::Text(frame)) if covers(&frame.columns, &fitted.contacts) => Some(frame),
        _ => None,
    };
    let frame = own.map_or_else(|| Cow::Owned(TABLE.frame(&fitted.contacts, PROLOGUE)), Cow::Borrowed);
    let said = MEMBERSHIP.plan(&mut fitted.contacts, own, &mut fitted.notes);
    let text = |contacts: &[Contact], at: usize| {
        let mut cells = TABLE.cells(contacts, at, &frame.columns);
        let Said { index, groups, in_group } = &said[at];
        for (name, cell) in frame.columns.iter().zip(&mut cells) {
            match name.trim() {
                name if name.eq_ignore_ascii_case(INDEX) => {
                    *cell = index.map_or_else(|| cell.clone(), |index| index.to_string());
                }
                name if name.eq_ignore_ascii_case(GROUPS) => cell.clone_from(groups),
                name if *in_group && name.eq_ignore_ascii_case(SET_GROUPS) => *cell = "1".into(),
                _ => {}
            }
        }
        write_row(cells.iter().map(|cell| &**cell), frame.style.quotes, frame.style)
    };
    let encoding = options.encoding.unwrap_or(book.map_or(ROOM.encoding, |book| book.encoding));
    Ok(write_text(&fitted.contacts, &frame, own.map(|_| true), text, encoding, &mut fitted.notes))
}

/// Whether a file with these columns has room for what was added or edited.
fn covers(columns: &[String], contacts: &[Contact]) -> bool {
    let edited = || contacts.iter().filter(|contact| contact.unchanged().is_none());
    TABLE.covers(columns, contacts)
        && (edited().all(|contact| folder_of(contact).is_none()) || Table::has_columns(columns, &FOLDER))
        && (edited().all(|contact| !is_group(contact)) || Table::has_columns(columns, &[TYPE, GROUPS, INDEX]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
