use super::*;
use crate::{
    address::Member,
    files::{convert, read, tests as laws},
};

const FILE: &str = include_str!("../../../../../tests/corpora/ricoh/im-addr-5.1.1-quoted.csv");

fn book(file: &str) -> Book {
    read(file.as_bytes(), &ReadOptions::default()).unwrap()
}

fn text(book: &Book) -> String {
    String::from_utf8(convert(book, Format::RicohCsv, &WriteOptions::default()).unwrap().bytes).unwrap()
}

/// The rows of a file as `COLUMN=cell` where the cell is not usual.
fn row(file: &str, at: usize, names: &[&str]) -> Vec<String> {
    let rows = rows(parted(file).1, ',', 1).unwrap();
    let cells = Cells { columns: &rows[0].cells, cells: &rows[at].cells, line: 1 };
    names.iter().map(|name| cells.get(name).to_string()).collect()
}

#[test]
fn the_folders_the_login_and_the_group_of_the_sample() {
    let book = book(FILE);
    let smb = book.contacts[2].entry(Slot::Smb).unwrap();
    let folder = smb.folder.as_ref().unwrap();
    assert_eq!((&*folder.host, &*folder.path), ("files.example.com", "Scans, all"));
    assert_eq!(smb.login.as_ref().unwrap().username, r"EXAMPLE\scan");
    let ftp = book.contacts[3].entry(Slot::Ftp).unwrap().folder.clone().unwrap();
    assert_eq!((&*ftp.host, &*ftp.path, &*ftp.port), ("ftp.example.com", "/drop", ""));
    assert_eq!(book.contacts[1].name(), "Otto \"Ott\" Dummy");
    assert_eq!(book.contacts[4].members.iter().map(|link| link.contact).collect::<Vec<_>>(), [5]);
    // All that is not usual: Nora stands on Otto's tab.
    let kept: Vec<_> = book.contacts.iter().flat_map(|c| &c.entries).flat_map(|e| &e.kept_by).collect();
    assert_eq!(kept, [(&"ricoh-csv:Title 1".to_string(), &"7".to_string())]);
    assert!(book.report.warnings.is_empty(), "{:?}", book.report.warnings);
}

#[test]
fn other_ways_to_write_the_same_file_are_read() {
    let expected = book(FILE);
    let same = |other: &Book| {
        assert_eq!(other.by_kind(), expected.by_kind());
        for (one, other) in expected.contacts.iter().zip(&other.contacts) {
            assert_eq!(one.members, other.members);
            for (one, other) in one.entries.iter().zip(&other.entries) {
                let (mut one, mut other) = (one.clone(), other.clone());
                (one.tie, other.tie) = (String::new(), String::new());
                assert_eq!(one, other);
            }
        }
    };
    // As a spreadsheet saves it: `#` lines padded, quotes where they must be, LF.
    let mut spreadsheet = String::new();
    let style = Style { line_end: "\n", ..Style::default() };
    for row in &rows(FILE, ',', 1).unwrap() {
        let cells = row.cells.iter().map(|cell| &**cell).chain(core::iter::repeat(""));
        spreadsheet += &write_row(cells.take(80), Quotes::Needed, style);
    }
    assert!(spreadsheet.starts_with("# Format Version: 5.1.1.0,,,"));
    same(&book(&spreadsheet));
    assert_eq!(text(&book(&spreadsheet)), spreadsheet);
    same(&book(&FILE.replace("\"[", "\"").replace("]\"", "\"")));
    let mut wide = Encoding::UTF_16LE.mark_bytes().to_vec();
    Encoding::UTF_16LE.encode(FILE, &mut wide, |_| {});
    let utf16 = read(&wide, &ReadOptions::default()).unwrap();
    same(&utf16);
    assert!(convert(&utf16, Format::RicohCsv, &WriteOptions::default()).unwrap().bytes == wide);
    // Without # lines.
    same(&book(parted(FILE).1));
}

#[test]
fn a_block_that_does_not_count_is_kept() {
    let off = FILE.replacen(r#""[1]","[05550101]""#, r#""[0]","[05550101]""#, 1);
    let mut book = book(&off);
    assert_eq!(book.contacts[1].entries.iter().map(Slot::of).collect::<Vec<_>>(), [Slot::Nowhere]);
    assert_eq!(text(&book), off);
    book.contacts[1].entries[0].name = "Otto".into();
    let edited = text(&book);
    let names = ["Name", SET_DESTINATIONS, "Fax Destination", "E-mail Address"];
    assert_eq!(row(&edited, 2, &names), ["[Otto]", "[0]", "[05550101]", "[otto@example.com]"]);
    let entry = &mut book.contacts[1].entries[0];
    (entry.kind, entry.mail) = (crate::address::AddressKind::Email, "o@example.com".into());
    assert_eq!(row(&text(&book), 2, &names)[1..], ["[1]", "[05550101]", "[o@example.com]"]);
}

#[test]
fn an_edited_row_changes_one_row_and_stays_what_it_was() {
    let bad = FILE.replacen("\"[3]\",\"[Scan", "\"[9]\",\"[Bad]\"#more,x\r\n\"[3]\",\"[Scan", 1);
    let bad = bad.replace("\"[Bad]\"#more,x", &format!("\"[Bad]\"{}", ",x".repeat(90)));
    let mut book = book(&bad);
    assert_eq!(book.report.kept_out, 1);
    for entry in &mut book.contacts[2].entries {
        entry.folder.as_mut().unwrap().path = "Scans".into();
    }
    book.contacts[4].entries[0].number = Some(50);
    let edited = text(&book);
    // The group is named by what its row was named by, though its number changed.
    let expected = bad.replace("Scans, all", "Scans").replace(
        "\"[5]\",\"[Sales group]\",\"[1]\",\"[0]\",\"[5]\"",
        "\"[5]\",\"[Sales group]\",\"[1]\",\"[0]\",\"[50]\"",
    );
    assert_eq!(edited, expected);
}

#[test]
fn groups_are_written_into_the_rows_of_their_members() {
    let mut edited = book(FILE);
    edited.contacts[4].members.clear();
    edited.contacts[4].members.push(crate::files::Link { contact: 0, entry: None });
    edited.contacts[4].entries[0].set_members([Member::Box("box 1".into())]);
    let written = convert(&edited, Format::RicohCsv, &WriteOptions::default()).unwrap();
    assert!(written.notes.iter().any(|note| note.code == "member_left_out"));
    let written = String::from_utf8(written.bytes).unwrap();
    assert_eq!(row(&written, 1, &[GROUPS]), ["[5]"]);
    assert_eq!(row(&written, 6, &[GROUPS]), ["[]"]);
    let changed = written.lines().zip(FILE.lines()).filter(|(one, other)| one != other).count();
    assert_eq!((written.lines().count(), changed), (FILE.lines().count(), 2));
}

#[test]
fn what_names_no_group_is_noted_and_stays() {
    for separator in [",", "/", " ", ";"] {
        let file = FILE.replace("\"[1]\",\"[5]\",\"[0]\"", &format!("\"[1]\",\"[5{separator}77]\",\"[0]\""));
        let mut book = book(&file);
        assert_eq!(book.contacts[4].members.len(), 1);
        assert!(book.report.warnings.iter().any(|n| n.code == "member_missing" && n.line == Some(13)));
        assert_eq!(text(&book), file);
        book.contacts[5].entries[0].name = "Peter".into();
        assert_eq!(row(&text(&book), 6, &[GROUPS]), ["[5,77]"]);
    }
}

#[test]
fn an_index_is_unique() {
    let book = book(&FILE.replace("\"[2]\",\"[Otto", "\"[1]\",\"[Otto"));
    assert!(book.report.warnings.iter().any(|n| n.code == "index_used_twice" && n.line == Some(9)));
    let mut edited = book.clone();
    edited.contacts[1].entries.iter_mut().for_each(|entry| entry.name = "Otto".into());
    let written = text(&edited);
    assert_eq!(row(&written, 2, &[INDEX, "Registration No."]), ["[2]", "[2]"]);
}

#[test]
fn a_new_row_is_on_the_tab_of_its_first_letter() {
    let mut desk = Slot::Mail.entry();
    (desk.mail, desk.number) = ("d@x.example".into(), Some(9));
    for (name, tab) in [("Bea", "[1]"), ("Éva", "[3]"), ("Kurt", "[5]"), ("zoe", "[10]"), ("総務部", "[0]")]
    {
        desk.name = name.into();
        let mut edited = book(FILE);
        edited.contacts.push(Contact::of(crate::files::Owner::None, desk.clone()));
        let names = ["Title 1", "Title Freq.", "Entry Type", INDEX, "Display Name"];
        let shown = format!("[{name}]");
        assert_eq!(row(&text(&edited), 7, &names), [tab, "[1]", "[U]", "[9]", &shown]);
    }
}

#[test]
fn no_damage_makes_it_panic() {
    laws::no_damage_makes_it_panic("ricoh/im-addr-5.1.1-quoted.csv");
}
