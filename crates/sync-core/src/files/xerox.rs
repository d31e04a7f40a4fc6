//! Xerox AltaLink and VersaLink: the device address book as CSV.
//!
//! - UTF-8 with a mark, CRLF, the column line unquoted. The export lets one choose what stands between cells: `;` is read
//!   too. An empty `MemberOf` is `""` (a public script that writes such files, and a published converter).
//! - 28 columns on newer machines; 26 on older ones, with `InternetFaxAddress` and the places of Novell servers. Columns
//!   are known by their names, and by their order where no row names them. A new file has the 28, or the 26 where an I-fax is in it.
//! - `(null)` in `ScanServerAddress` means none. `IsDL` 1 is a group; `MemberOf` names the groups of a row: by what is
//!   uncertain, so the entry's number, its `RefId` and its name are read, and the number is written.
//! - What the numbers in `ScanTransferProtocol` mean is not known but for the usual 4, which stands with shares. Scan
//!   destinations that show by nothing that they are SMB folders are kept as they stand, with a note.
//! - The "legacy mode" drops favourites, groups, fax and scan, and calls the name `Friendly Name`.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, Frame, TextFrame},
    convert::{ReadOptions, WriteOptions, write_text},
    field::{Field, Slot},
    fit::Fitted,
    folder::server_and_path,
    format::{Room, Writer},
    holds::{Groups, Holds, is_mail},
    membership::{Membership, usual_split},
    ricoh::separator_of,
    table::{
        Cells, Column, Quotes, Style, Table, columns_by_place, is_same_name, line_end, rows, set_cell,
        write_row,
    },
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

const ID: &str = "XrxAddressBookId";
const GROUPS: &str = "MemberOf";
const IS_GROUP: &str = "IsDL";
const LEGACY_NAME: &str = "Friendly Name";
const MAIL: &str = "E-mailAddress";
const PROTOCOL: &str = "ScanTransferProtocol";
const SERVER: &str = "ScanServerAddress";
const PORT: &str = "ScanServerPort";
const PATH: &str = "ScanDocumentPath";
const USER: &str = "ScanLoginName";
const PASSWORD: &str = "ScanLoginPassword";
const SHARE: &str = "ScanSMBShare";
const NICKNAME: &str = "ScanNickName";
const SCAN: [&str; 7] = [PROTOCOL, SERVER, PORT, PATH, USER, PASSWORD, SHARE];
/// The protocol of SMB folders.
const SMB: &str = "4";
const NO_SERVER: &str = "(null)";
const USUAL_PORT: &str = "139";

/// What usually stands there depends on the row.
const BY_ROW: [&str; 3] = [IS_GROUP, NICKNAME, PORT];

/// The columns of newer machines.
const NEW: [&str; 28] = [
    ID,
    "DisplayName",
    "FirstName",
    "LastName",
    "Company",
    "XrxAllFavoritesOrder",
    GROUPS,
    IS_GROUP,
    "XrxApplicableWorkflows",
    "FaxNumber",
    "XrxIsFaxFavorite",
    MAIL,
    "XrxIsEmailFavorite",
    "XrxIsScanFavorite",
    NICKNAME,
    PROTOCOL,
    SERVER,
    PORT,
    PATH,
    USER,
    PASSWORD,
    SHARE,
    "ScanHTTPScript",
    "RefId",
    "GroupRefId",
    "MailRefId",
    "FaxRefId",
    "ServerRefId",
];
/// The columns of older machines.
const OLD: [&str; 26] = [
    ID,
    "DisplayName",
    "FirstName",
    "LastName",
    "Company",
    "XrxAllFavoritesOrder",
    GROUPS,
    IS_GROUP,
    "XrxApplicableWorkflows",
    "FaxNumber",
    "XrxIsFaxFavorite",
    MAIL,
    "XrxIsEmailFavorite",
    "InternetFaxAddress",
    NICKNAME,
    "XrxIsScanFavorite",
    PROTOCOL,
    SERVER,
    PORT,
    PATH,
    USER,
    PASSWORD,
    SHARE,
    "ScanNDSTree",
    "ScanNDSContext",
    "ScanNDSVolume",
];

const TABLE: Table = Table {
    format: Format::XeroxCsv,
    columns: &[
        Column::shared(ID, Field::Number),
        Column::shared("DisplayName", Field::Name),
        Column::shared(LEGACY_NAME, Field::Name),
        Column::shared("FirstName", Field::Given),
        Column::shared("LastName", Field::Family),
        Column::shared("Company", Field::Organization),
        Column::kept("XrxAllFavoritesOrder"),
        Column::kept(GROUPS),
        Column::kept(IS_GROUP),
        Column::kept("XrxApplicableWorkflows"),
        Column::of("FaxNumber", Slot::Fax, Field::FaxNumber),
        Column::kept("XrxIsFaxFavorite").empty("0"),
        Column::of(MAIL, Slot::Mail, Field::Mail),
        Column::kept("XrxIsEmailFavorite").empty("0"),
        Column::of("InternetFaxAddress", Slot::Ifax, Field::Mail),
        Column::kept("XrxIsScanFavorite").empty("0"),
        Column::kept(NICKNAME),
        Column::kept(PROTOCOL).empty(SMB),
        Column::kept(SERVER).empty(NO_SERVER),
        Column::kept(PORT),
        Column::kept(PATH),
        Column::kept(USER),
        Column::kept(PASSWORD),
        Column::kept(SHARE),
        Column::kept("ScanHTTPScript"),
        Column::kept("ScanNDSTree"),
        Column::kept("ScanNDSContext"),
        Column::kept("ScanNDSVolume"),
        Column::kept("RefId"),
        Column::kept("GroupRefId"),
        Column::kept("MailRefId"),
        Column::kept("FaxRefId"),
        Column::kept("ServerRefId"),
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

const MEMBERSHIP: Membership = Membership {
    table: &TABLE,
    index: None,
    groups: GROUPS,
    counts: None,
    split: usual_split,
    also: Some("RefId"),
};

pub(super) const ROOM: Room = Room {
    format: Format::XeroxCsv,
    name: "xerox-csv",
    title: "Xerox device address book, CSV",
    extensions: &["csv"],
    origin: "embedded web server: Address Book, Management, Export",
    holds: Holds {
        structure: &["RefId", "GroupRefId", "MailRefId", "FaxRefId", "ServerRefId"],
        slots: &[
            (Slot::Mail, 1),
            (Slot::Fax, 1),
            (Slot::Ifax, 1),
            (Slot::Smb, 1),
            (Slot::Group, 1),
            (Slot::Nowhere, 1),
        ],
        together: 4,
        fields: &[
            (Field::Name, 0),
            (Field::Given, 0),
            (Field::Family, 0),
            (Field::Organization, 0),
            (Field::Number, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
            (Field::FolderHost, 0),
            (Field::FolderPort, 0),
            (Field::FolderPath, 0),
            (Field::LoginUser, 0),
            (Field::LoginPassword, 0),
        ],
        usual: &[(Slot::Smb, Field::FolderPort, USUAL_PORT)],
        groups: Groups::Nested,
        passwords: true,
        numbers: Some((1, 999_999)),
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8_MARK,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

fn names_of(text: &str) -> Option<(char, Vec<String>)> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let separator = separator_of(first);
    Some((separator, rows(first, separator, 1).ok()?.pop()?.cells))
}

fn is_column_line(names: &[String]) -> bool {
    let mail = |name: &String| name.to_ascii_lowercase().contains("mail");
    let has = |wanted: &str| names.iter().any(|name| is_same_name(name, wanted));
    (has(ID) && has("DisplayName")) || (has(LEGACY_NAME) && names.iter().any(mail))
}

/// The columns of a file whose rows have so many cells.
fn by_place(width: usize) -> Option<&'static [&'static str]> {
    [&NEW[..], &OLD].into_iter().find(|columns| columns.len() == width)
}

/// Whether a row is one of this format, by its number, its flags and its address.
fn is_row(cells: &[String]) -> bool {
    let cell = |name: &str| NEW.iter().position(|one| *one == name).map_or("", |at| cells[at].trim());
    let is_flag = |name: &str| matches!(cell(name), "" | "0" | "1");
    by_place(cells.len()).is_some()
        && !cell(ID).is_empty()
        && cell(ID).chars().all(|one| one.is_ascii_digit())
        && !cell(IS_GROUP).is_empty()
        && [IS_GROUP, "XrxIsFaxFavorite", "XrxIsEmailFavorite"].into_iter().all(is_flag)
        && (cell(MAIL).is_empty() || is_mail(cell(MAIL)))
}

/// Whether the first rows are of this format, where none names the columns.
fn begins_with_rows(text: &str, separator: char) -> bool {
    let sample: String = text.split_inclusive('\n').take(20).collect();
    rows(&sample, separator, 1).is_ok_and(|rows| {
        let mut whole = rows.iter().filter(|row| row.wrong.is_none()).peekable();
        whole.peek().is_some_and(|first| is_row(&first.cells))
            && whole.all(|row| row.cells.len() < OLD.len() || is_row(&row.cells))
    })
}

fn recognizes(text: &Text) -> bool {
    names_of(&text.text).is_some_and(|(separator, names)| {
        is_column_line(&names) || (by_place(names.len()).is_some() && begins_with_rows(&text.text, separator))
    })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let Some((separator, names)) = names_of(&text.text) else { return Err(FileError::Empty) };
    let style = Style { separator, line_end: line_end(&text.text), ..TABLE.style };
    let mut book = match by_place(names.len()) {
        _ if is_column_line(&names) => TABLE.read("", &text.text, style, text.encoding)?,
        Some(columns) => read_by_place(text, columns, style)?,
        None => return Err(FileError::NoColumnLine { format: ROOM.title, column: "DisplayName" }),
    };
    MEMBERSHIP.link(&mut book);
    Ok(book)
}

fn read_by_place(text: &Text, columns: &[&str], style: Style) -> Result<Book, FileError> {
    let columns = columns.iter().map(ToString::to_string).collect();
    let mut frame = TextFrame { columns, style, ..TextFrame::default() };
    let mut rows = rows(&text.text, style.separator, 1)?.into_iter().peekable();
    let Some(first) = rows.peek() else { return Err(FileError::Empty) };
    let line = first.line;
    // A column line in other words has no number where the entry's stands.
    if first.wrong.is_none() && !first.cells.iter().any(|cell| cell.contains('@')) && !is_row(&first.cells) {
        frame.head = format!("{}{}", first.before, first.raw);
        rows.next();
    }
    let mut book = TABLE.read_rows(frame, rows, text.encoding);
    book.report.warnings.insert(0, columns_by_place(line));
    Ok(book)
}

fn is_group(contact: &Contact) -> bool {
    contact.entry(Slot::Group).is_some()
}

fn usual(contact: &Contact, column: &str) -> String {
    let scan = contact.entry(Slot::Smb).is_some();
    match column {
        IS_GROUP => if is_group(contact) { "1" } else { "0" }.into(),
        NICKNAME if scan => contact.name().into(),
        PORT => if scan { USUAL_PORT } else { "0" }.into(),
        _ => String::new(),
    }
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    if cells.get(IS_GROUP).trim() == "1" {
        TABLE.set_aside(contact, cells, |slot| matches!(slot, Slot::Mail | Slot::Fax | Slot::Ifax));
        become_one(contact, Slot::Group);
    } else {
        read_folder(contact, cells, notes);
    }
    TABLE.drop_usual(contact, cells, &BY_ROW, usual);
    if contact.entry(Slot::Smb).is_some() {
        TABLE.take_kept(contact, PORT);
    }
    let number = cells.get(ID).trim();
    if !number.is_empty() && number.parse::<i64>().is_err() {
        let text = format!("the entry's number `{number}` is no number");
        notes.push(Note::new(Some(cells.line), "number_not_a_number", text));
    }
}

fn read_folder(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    let (server, share, path) = (cells.get(SERVER).trim(), cells.get(SHARE).trim(), cells.get(PATH).trim());
    let server = if server == NO_SERVER { "" } else { server };
    if server.is_empty() && share.is_empty() && path.is_empty() {
        if cells.get(SERVER).trim().is_empty() {
            TABLE.take_kept(contact, SERVER);
        }
        return;
    }
    let (protocol, port) = (cells.get(PROTOCOL).trim(), cells.get(PORT).trim());
    let unc = path.starts_with("\\\\") || server.starts_with("\\\\");
    let smb =
        matches!(protocol, "" | SMB) && (!share.is_empty() || unc || matches!(port, USUAL_PORT | "445"));
    if !smb {
        let text = format!(
            "it is not known what kind of place its scans go to (protocol {protocol}); that is kept as it stands"
        );
        notes.push(Note::new(Some(cells.line), "scan_protocol_not_known", text));
        return;
    }
    for name in [PROTOCOL, SERVER, PATH, SHARE] {
        TABLE.take_kept(contact, name);
    }
    let username = TABLE.take_kept(contact, USER).unwrap_or_default();
    let password = TABLE.take_kept(contact, PASSWORD).filter(|text| !text.is_empty());
    let login =
        Login { username, password: password.map(|text| Password::Plain(Secret(text))), ..Login::default() };
    let entry = add_entry(contact, Slot::Smb);
    entry.login = (login != Login::default()).then_some(login);
    let folder = entry.folder.get_or_insert_default();
    let slashes = ['\\', '/'];
    let parts = [share.trim_matches(slashes), path.trim_start_matches(slashes)];
    let (host, path) = match (server.is_empty(), share.is_empty()) {
        (true, true) => server_and_path(path),
        (_, true) => (server, path),
        _ => (server, ""),
    };
    folder.host = host.into();
    folder.path = if share.is_empty() { path.into() } else { parts.join("\\").trim_end_matches('\\').into() };
    if !matches!(port, "" | "0" | USUAL_PORT) {
        folder.port = port.into();
    }
}

fn before_write(contacts: &[Contact], at: usize, cells: &mut BTreeMap<String, String>) {
    let contact = &contacts[at];
    TABLE.put_usual(contact, cells, &BY_ROW, usual);
    let Some(entry) = contact.entry(Slot::Smb) else { return };
    let Some(folder) = &entry.folder else { return };
    // The share and the path below it stand apart, the server has no mark.
    let whole = super::folder::whole_path(&folder.host, &folder.path);
    let (server, rest) = server_and_path(&whole);
    let (share, path) = match rest.split_once(['\\', '/']) {
        Some((share, path)) if !server.is_empty() => (share, path),
        _ if server.is_empty() => ("", rest),
        _ => (rest, ""),
    };
    let port = if folder.port.is_empty() { USUAL_PORT } else { &folder.port };
    for (name, text) in [(PROTOCOL, SMB), (SERVER, server), (PORT, port), (PATH, path), (SHARE, share)] {
        set_cell(cells, name, text);
    }
    if let Some(login) = &entry.login {
        set_cell(cells, USER, &login.username);
        if let Some(Password::Plain(text)) = &login.password {
            set_cell(cells, PASSWORD, &text.0);
        }
    }
}

fn write(fitted: &mut Fitted, book: Option<&Book>, options: &WriteOptions) -> Result<Vec<u8>, FileError> {
    let own = match book.map(|book| &book.frame) {
        Some(Frame::Text(frame)) if covers(&frame.columns, &fitted.contacts) => Some(frame),
        _ => None,
    };
    let frame = own.map_or_else(|| Cow::Owned(new_frame(&fitted.contacts)), Cow::Borrowed);
    let said = MEMBERSHIP.plan(&mut fitted.contacts, own, &mut fitted.notes);
    let cell_style = Style { line_end: "", ..frame.style };
    let text = |contacts: &[Contact], at: usize| {
        let cells = TABLE.cells(contacts, at, &frame.columns);
        let cells: Vec<String> = frame
            .columns
            .iter()
            .zip(&cells)
            .map(|(name, cell)| {
                let groups = is_same_name(name, GROUPS);
                let cell = if groups { &said[at].groups } else { cell };
                let quotes = if groups && cell.is_empty() { Quotes::All } else { frame.style.quotes };
                write_row([&**cell], quotes, cell_style)
            })
            .collect();
        format!("{}{}", cells.join(&frame.style.separator.to_string()), frame.style.line_end)
    };
    let encoding = options.encoding.unwrap_or(book.map_or(ROOM.encoding, |book| book.encoding));
    Ok(write_text(&fitted.contacts, &frame, own.map(|_| true), text, encoding, &mut fitted.notes))
}

/// Whether a file with these columns has room for what was added or edited.
fn covers(columns: &[String], contacts: &[Contact]) -> bool {
    let edited = || contacts.iter().filter(|contact| contact.unchanged().is_none());
    TABLE.covers(columns, contacts)
        && (edited().all(|contact| contact.entry(Slot::Smb).is_none()) || Table::has_columns(columns, &SCAN))
        && (edited().all(|contact| !is_group(contact))
            || Table::has_columns(columns, &[ID, IS_GROUP, GROUPS]))
}

fn new_frame(contacts: &[Contact]) -> TextFrame {
    if contacts.iter().any(|contact| contact.entry(Slot::Ifax).is_some()) {
        TABLE.frame_of(OLD.into_iter(), contacts, "")
    } else {
        TABLE.frame_of(NEW.into_iter(), contacts, "")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{convert, read, tests as laws};

    const FILE: &str = include_str!("../../../../tests/corpora/xerox/addressbook-26col.csv");

    fn book(file: &str) -> Book {
        read(file.as_bytes(), &ReadOptions::default()).unwrap()
    }

    fn text(book: &Book) -> String {
        String::from_utf8(convert(book, Format::XeroxCsv, &WriteOptions::default()).unwrap().bytes).unwrap()
    }

    #[test]
    fn the_sample_says_where_scans_go_and_keeps_what_is_not_usual() {
        let book = book(FILE);
        let scans = book.contacts[3].entry(Slot::Smb).unwrap();
        let folder = scans.folder.as_ref().unwrap();
        assert_eq!(
            (&*folder.host, &*folder.path, &*folder.port),
            ("files.example.com", r"scans\in\desk", "")
        );
        assert_eq!(scans.login.as_ref().unwrap().username, "scan");
        let kept: Vec<_> = book
            .contacts
            .iter()
            .flat_map(|c| &c.entries)
            .flat_map(|e| &e.kept_by)
            .map(|(column, text)| (&**column, &**text))
            .collect();
        assert_eq!(kept, [("xerox-csv:XrxAllFavoritesOrder", "1"), ("xerox-csv:XrxIsEmailFavorite", "1")]);
        assert!(book.report.warnings.is_empty(), "{:?}", book.report.warnings);
    }

    #[test]
    fn an_edited_row_is_written_as_the_machine_does() {
        let mut edited = book(FILE);
        for contact in &mut edited.contacts {
            for entry in &mut contact.entries {
                entry.name.push('!');
            }
        }
        let expected = ["Cili Minta", "Doe, Dan", "Fax pool", "Team"]
            .iter()
            .fold(FILE.to_string(), |file, name| file.replace(name, &format!("{name}!")));
        let expected =
            expected.replace("4,Scans,,,,,\"\",0,,,0,,0,,Scans,", "4,Scans!,,,,,\"\",0,,,0,,0,,Scans!,");
        assert_eq!(text(&edited), expected);
    }

    #[test]
    fn groups_are_named_by_number_reference_or_name_and_written_by_number() {
        let head = format!("\u{feff}{}\r\n", NEW.join(","));
        let row = |id: u32, name: &str, groups: &str, dl: u32, mail: &str, reference: &str| {
            format!("{id},{name},,,,,{groups},{dl},,,0,{mail},0,0,,4,(null),0,,,,,,{reference},,,,\r\n")
        };
        for (named, reference) in [("5", "R9"), ("R9", "R9"), ("Team", ""), ("\"Team;77\"", "")] {
            let desk = row(1, "Desk", named, 0, "d@x.example", "");
            let file = format!("{head}{desk}{}", row(5, "Team", "\"\"", 1, "", reference));
            let mut book = book(&file);
            assert_eq!(book.contacts[1].members.len(), 1, "{named}");
            assert_eq!(text(&book), file);
            let missing = named.contains("77");
            assert_eq!(book.report.warnings.iter().any(|n| n.code == "member_missing"), missing);
            book.contacts[1].entries[0].name = "Crew".into();
            let edited = text(&book);
            let expected =
                if named == "Team" { file.replace("Desk,,,,,Team", "Desk,,,,,5") } else { file.clone() };
            let expected = expected.replace("\"Team;77\"", "\"5,77\"").replace("5,Team", "5,Crew");
            assert_eq!(edited, expected);
        }
    }

    #[test]
    fn semicolons_the_newer_columns_and_the_legacy_mode_are_read() {
        let head = NEW.join(";");
        let cells = "7;Desk;;;;;\"\";0;;555;0;d@x.example;0;0;;4;(null);0;;;;;;;;;;";
        let file = format!("{head}\n{cells}\n");
        let mut semicolons = book(&file);
        assert_eq!(semicolons.entries(), 2);
        assert_eq!(text(&semicolons), file);
        for entry in &mut semicolons.contacts[0].entries {
            entry.name = "Desk, 2".into();
        }
        assert_eq!(text(&semicolons), file.replace("Desk", "Desk, 2"));

        let legacy = "Friendly Name,E-mailAddress\r\nDesk,d@x.example\r\nOther,o@x.example\r\n";
        let mut book = book(legacy);
        assert_eq!((book.contacts[0].name(), book.entries()), ("Desk", 2));
        book.contacts[1].entries[0].name = "Two".into();
        assert_eq!(text(&book), legacy.replace("Other", "Two"));
        // What these columns have no place for gets a file with all columns.
        book.contacts[1].entries.push(crate::address::Address {
            name: "Two".into(),
            fax: Some(crate::address::Fax { number: "555".into(), ..Default::default() }),
            ..Slot::Fax.entry()
        });
        let full = text(&book);
        assert!(full.starts_with(&NEW.join(",")) && full.contains("555"), "{full}");
    }

    #[test]
    fn a_column_that_is_there_twice_is_refused() {
        // Which of the two counted was told otherwise on reading and on writing: rows that nobody edited changed.
        let options = ReadOptions { format: Some(Format::XeroxCsv), ..ReadOptions::default() };
        for twice in ["MemberOf", " memberof"] {
            let file = FILE.replacen("Company", twice, 1);
            let error = read(file.as_bytes(), &options).unwrap_err();
            assert_eq!((error.code(), error.line()), ("duplicate_column", Some(1)));
            assert!(error.to_string().contains("`MemberOf`"), "{error}");
        }
        // Columns without a name are no columns.
        let file = FILE.replacen("Company", "", 1).replacen("LastName", " ", 1);
        assert_eq!(text(&book(&file)), file);
    }

    #[test]
    fn without_a_column_line_the_number_of_columns_says_which_they_are() {
        let old = FILE.split_once("\r\n").unwrap().1.to_string();
        let new = "1,Ann,Ann,A,,,\"10\",0,,5551,0,a@x.example,1,0,Annscan,4,fs.x.example,139,in,u,pw,sh,,r1,g1,m1,f1,s1\r\n\
                   10,Team,,,,,\"\",1,,,0,,0,0,,4,(null),0,,,,,,,,,,\r\n";
        for file in
            [old.clone(), new.into(), new.replace(',', ";"), old.replace("Doe, Dan", "Doe").replace(',', ";")]
        {
            let named = if file.contains("Annscan") { NEW.join(",") } else { OLD.join(",") };
            let separator = if file.contains(';') { ";" } else { "," };
            let named = book(&format!("{}\r\n{file}", named.replace(',', separator)));
            let told = ReadOptions { format: Some(Format::XeroxCsv), ..ReadOptions::default() };
            for options in [ReadOptions::default(), told] {
                let mut found = read(file.as_bytes(), &options).unwrap();
                assert_eq!(found.format(), Format::XeroxCsv, "{file}");
                let codes: Vec<_> = found.report.warnings.iter().map(|note| note.code).collect();
                assert_eq!(codes, ["columns_by_place"], "{file}");
                let entries = |book: &Book| -> Vec<_> {
                    book.contacts
                        .iter()
                        .map(|contact| (contact.entries.clone(), contact.members.clone()))
                        .collect()
                };
                assert_eq!(entries(&found), entries(&named), "{file}");
                assert_eq!(text(&found), file);
                found.contacts[1].entries[0].name.push('!');
                let edited = text(&found);
                assert_eq!(edited.matches('!').count(), 1);
                assert_eq!(edited.lines().next(), file.lines().next());
            }
        }
        // Told the format, a column line in other words is none of the rows.
        let file = format!("{}\r\n{new}", ["Spalte"; 28].join(","));
        let told = ReadOptions { format: Some(Format::XeroxCsv), ..ReadOptions::default() };
        let found = read(file.as_bytes(), &told).unwrap();
        assert_eq!((found.contacts.len(), text(&found)), (2, file));
        assert_ne!(
            read([",".repeat(27), "\n".into()].concat().as_bytes(), &ReadOptions::default())
                .map(|book| book.format()),
            Ok(Format::XeroxCsv)
        );
    }

    #[test]
    fn headings_are_known_without_regard_to_hyphens_blanks_and_case() {
        for head in
            ["Friendly Name,E-mail Address", "friendlyname;email-address", "FRIENDLY-NAME,E-MAILADDRESS"]
        {
            let separator = if head.contains(';') { ';' } else { ',' };
            let file = format!("{head}\nAnn{separator}ann@x.example\n");
            let mut book = book(&file);
            assert_eq!(
                (book.format(), &*book.contacts[0].entries[0].mail),
                (Format::XeroxCsv, "ann@x.example")
            );
            book.contacts[0].entries[0].mail = "b@x.example".into();
            assert_eq!(text(&book), file.replace("ann@x", "b@x"));
        }
    }

    #[test]
    fn an_unknown_protocol_is_kept_and_noted() {
        let file = FILE
            .replace(",4,files.example.com,139,in\\desk,scan,,scans,", ",0,ftp.example.com,21,/in,scan,,,");
        let mut book = book(&file);
        assert_eq!(book.contacts[3].entries.iter().map(Slot::of).collect::<Vec<_>>(), [Slot::Nowhere]);
        assert!(book.report.warnings.iter().any(|note| note.code == "scan_protocol_not_known"));
        book.contacts[3].entries[0].name = "In".into();
        assert_eq!(text(&book), file.replace("4,Scans", "4,In"));
    }

    #[test]
    fn no_damage_makes_it_panic() {
        laws::no_damage_makes_it_panic("xerox/addressbook-26col.csv");
    }
}
