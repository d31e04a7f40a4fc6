use super::{write::new_frame, *};
use crate::files::{Owner, WriteOptions, convert, read, tests as laws};
use alloc::collections::BTreeSet;

const BYTES: &[u8] =
    include_bytes!("../../../../../tests/corpora/konica-minolta/develop-ineo-abbr-ver406-utf16le.csv");

fn file() -> String {
    String::from_utf16(
        &BYTES[2..].chunks(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect::<Vec<_>>(),
    )
    .unwrap()
}

fn book(file: &str) -> Book {
    read(file.as_bytes(), &ReadOptions::default()).unwrap()
}

fn text(book: &Book) -> String {
    let options = WriteOptions { encoding: Some(Encoding::UTF_8), ..WriteOptions::default() };
    let written = convert(book, Format::KonicaMinoltaAbbr, &options).unwrap();
    String::from_utf8(written.bytes).unwrap()
}

/// The file without its rows, and with this one.
fn with_row(cells: &[(&str, &str)]) -> String {
    let file = file();
    let lines: Vec<&str> = file.split_inclusive('\n').collect();
    let columns = cells_of(lines[2]);
    let row: Vec<&str> = columns
        .iter()
        .map(|name| cells.iter().find(|(column, _)| column == name).map_or("", |(_, cell)| cell))
        .collect();
    format!("{}{}\r\n{END}\t", lines[..4].concat(), row.join("\t"))
}

const COMMON: [(&str, &str); 8] = [
    ("AbbrNo", "7"),
    ("Name", "Öl"),
    ("Pinyin", "No"),
    ("SearchKey", "Mno"),
    ("WellUse", "Yes"),
    ("UseReferLicence", "Level"),
    ("ReferGroupNo", "0"),
    ("ReferPossibleLevel", "0"),
];

#[test]
fn a_new_file_has_the_lines_of_the_published_one() {
    assert!(file().starts_with(&new_frame(&[]).head));
    assert!(file().ends_with(&format!("\r\n{}", new_frame(&[]).tail)));
}

#[test]
fn an_edited_row_changes_one_row() {
    let mut edited = read(BYTES, &ReadOptions::default()).unwrap();
    assert_eq!(edited.encoding, Encoding::UTF_16LE);
    let kept: BTreeSet<&str> = edited
        .contacts
        .iter()
        .flat_map(|c| &c.entries)
        .flat_map(|entry| entry.kept_by.keys())
        .map(|key| &**key)
        .collect();
    assert_eq!(
        kept.into_iter().collect::<Vec<_>>(),
        ["konica-minolta-abbr:Pinyin", "konica-minolta-abbr:WellUse"]
    );
    edited.contacts[3].entries[0].name = "Anna Davis".into();
    let written = convert(&edited, Format::KonicaMinoltaAbbr, &WriteOptions::default()).unwrap();
    let expected =
        file().replace("4\tEmily Davis\tYes\tEmily Davis\tDef", "4\tAnna Davis\tYes\tEmily Davis\tAbc");
    let mut bytes = Encoding::UTF_16LE.mark_bytes().to_vec();
    Encoding::UTF_16LE.encode(&expected, &mut bytes, |_| {});
    assert!(written.bytes == bytes);
}

#[test]
fn rows_are_what_their_mode_says() {
    for (cells, slot) in [
        (&[("SendMode", "Email"), ("MailAddress", "a@x.example")][..], Slot::Mail),
        (
            &[
                ("SendMode", "Ifax"),
                ("MailAddress", "a@x.example"),
                ("IfaxResolution", "200x200"),
                ("IfaxSize", "A3"),
                ("IfaxCompression", "MH"),
            ],
            Slot::Ifax,
        ),
        (
            &[
                ("SendMode", "Fax"),
                ("FaxPhoneNo", "555"),
                ("FaxV34Off", "Yes"),
                ("FaxECMOff", "Yes"),
                ("FaxOversea", "No"),
                ("FaxLine", "Line2"),
                ("CheckDest", "No"),
            ],
            Slot::Fax,
        ),
        (
            &[
                ("SendMode", "Smb"),
                ("SMBAddress", "files"),
                ("SMBFolder", r"scans\in"),
                ("SMBLoginPassword", "c2"),
            ],
            Slot::Smb,
        ),
        (
            &[
                ("SendMode", "Ftp"),
                ("FTPServerAddress", "ftp"),
                ("FTPServerFolder", "in"),
                ("FTPLoginAnonymous", "No"),
                ("FTPLoginUser", "scan"),
                ("FTPPassiveSend", "Yes"),
                ("FTPProxy", "No"),
                ("FTPPortNo", "2121"),
            ],
            Slot::Ftp,
        ),
        (
            &[
                ("SendMode", "WebDav"),
                ("WebDAVServerAddress", "dav"),
                ("WebDAVCollection", "in"),
                ("WebDAVSSL", "Yes"),
                ("WebDAVProxy", "No"),
            ],
            Slot::WebDav,
        ),
        (&[("SendMode", "Box"), ("BoxID", "12")], Slot::Nowhere),
        (&[("SendMode", "IP"), ("Host", "192.0.2.1"), ("PortNo", "25"), ("Model", "Color")], Slot::Nowhere),
    ] {
        let file = with_row(&[&COMMON, cells].concat());
        let mut book = book(&file);
        assert_eq!(book.contacts[0].entries.iter().map(Slot::of).collect::<Vec<_>>(), [slot], "{cells:?}");
        assert_eq!(text(&book), file);
        book.contacts[0].entries[0].name = "Max".into();
        assert_eq!(text(&book), file.replace("Öl", "Max"));
    }
}

#[test]
fn a_password_goes_to_such_files_alone() {
    let cells =
        [("SendMode", "Smb"), ("SMBAddress", "files"), ("SMBFolder", "in"), ("SMBLoginPassword", "hush")];
    let book = book(&with_row(&[&COMMON[..], &cells].concat()));
    let canon = convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap();
    assert!(!String::from_utf8_lossy(&canon.bytes).contains("hush"));
    assert!(canon.notes.iter().any(|note| note.code == "password_not_carried"));
    assert!(canon.notes.iter().all(|note| !note.text.contains("hush")));
    assert!(canon.has_losses());
    // Nor does a readable one of others go into such a file unsaid.
    let readable = b"Name,SMB server,SMB path,SMB user,SMB password\nA,files,in,scan,hush\n";
    let readable = read(readable, &ReadOptions::default()).unwrap();
    let written = convert(&readable, Format::KonicaMinoltaAbbr, &WriteOptions::default()).unwrap();
    assert!(written.notes.iter().any(|note| note.code == "password_not_in_format"));
    let back = read(&written.bytes, &ReadOptions::default()).unwrap();
    assert_eq!(Field::LoginPassword.get(&back.contacts[0].entries[0]), "");
    // It comes back when the row is written anew.
    let mut edited = book.clone();
    edited.contacts[0].entries[0].name = "New".into();
    assert!(text(&edited).contains("\thush\t"));
}

#[test]
fn the_limit_line_counts() {
    let mut book = book(&file().replace("#Abbreviate\t2000", "#Abbreviate\t26"));
    let mut desk = Slot::Mail.entry();
    (desk.name, desk.mail) = ("Desk".into(), "d@x.example".into());
    for _ in 0..2 {
        book.contacts.push(Contact::of(Owner::None, desk.clone()));
    }
    let written = convert(&book, Format::KonicaMinoltaAbbr, &WriteOptions::default()).unwrap();
    assert_eq!((written.given, written.written, written.kept_out), (27, 26, 1));
    assert!(written.notes.iter().any(|note| note.code == "too_many_entries"));
}

#[test]
fn a_new_row_needs_a_destination_and_has_no_tabs() {
    let mut edited = book(&file());
    let nobody = crate::address::Address { name: "Nobody".into(), ..Slot::Nowhere.entry() };
    let mut desk = Slot::Fax.entry();
    desk.name = "A\tdesk".into();
    desk.fax = Some(crate::address::Fax { number: "555".into(), line: "other".into(), ..Default::default() });
    edited.contacts.push(Contact::of(Owner::None, nobody));
    edited.contacts.push(Contact::of(Owner::None, desk));
    let written = convert(&edited, Format::KonicaMinoltaAbbr, &WriteOptions::default()).unwrap();
    let codes: Vec<_> = written.notes.iter().map(|note| note.code).collect();
    assert_eq!(codes, ["character_replaced", "value_not_in_format", "no_kind"]);
    let mut row = String::from("27\tA desk\tNo\t\tAbc\tYes\tFax\t\tLevel\t0\t0");
    row += &"\t".repeat(23);
    row += "555\t\tNo\tNo\tNo\tNone\tNo\t\t\t\t\t\t\r\n@End\t";
    assert!(text(&edited).ends_with(&row), "{:?}", text(&edited).lines().rev().nth(1));
}

#[test]
fn a_file_without_an_end_is_read_and_said_to_be_odd() {
    let cut = file().replace("@End\t", "");
    let book = book(&cut);
    assert_eq!(book.entries(), 25);
    assert_eq!(book.report.warnings.last().map(|note| note.code), Some("no_end_line"));
    assert_eq!(text(&book), cut);
    let options = ReadOptions { format: Some(Format::KonicaMinoltaAbbr), ..ReadOptions::default() };
    assert_eq!(read(b"@Ver406\t\n#Abbreviate\t\n", &options).unwrap_err().code(), "no_column_line");
}

#[test]
fn no_damage_makes_it_panic() {
    laws::no_damage_makes_it_panic("konica-minolta/develop-ineo-abbr-ver406-utf16le.csv");
}
