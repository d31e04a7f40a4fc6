//! What Net Viewer writes, and what else may stand in such a file.

use super::*;
use crate::{
    address::Password,
    files::{convert, field::Field, read, tests as laws},
};

const FILE: &str = "<?xml version=\"1.0\" ?><DeviceAddressBook_v5_2>\n\t<!--Main Address Book-->\n\t<Item\n \
    Type=\"Contact\" MailAddress=\"a&amp;b@x.example\" DisplayName='A &lt;&#x42;&gt;'\n Id=\"7\" New=\"n\"/>\n\t\
    <Item Type=\"Contact\" Id=\"8\" DisplayName=\"Scan\" SmbHostName=\"files\" SmbPath=\"\\in\" \
    SmbLoginName=\"s\" SmbLoginPasswd=\"0011223344556677\" FaxNumber=\"555\" FaxCommSpeed=\"BPS_9600\"/>\n\t\
    <!--keys-->\n\t<Item Type=\"OneTouchKey\" Id=\"1\" DisplayName=\"A key\" AddressId=\"7\" AddressType=\"Email\"/>\n\t\
    <Item Type=\"OneTouchKey\" Id=\"2\" DisplayName=\"\" AddressId=\"8\" AddressType=\"SMB\"/>\n\t\
    <Item Type=\"OneTouchKey\" Id=\"3\" DisplayName=\"Stray\" AddressId=\"99\" AddressType=\"SMB\"/>\n\t\
    <Item Type=\"Group\" Id=\"1\"/>\n</DeviceAddressBook_v5_2>";

fn book() -> Book {
    read(FILE.as_bytes(), &ReadOptions::default()).unwrap()
}

fn text(book: &Book) -> String {
    let written = convert(book, Format::KyoceraXml, &WriteOptions::default()).unwrap();
    String::from_utf8(written.bytes).unwrap()
}

#[test]
fn items_are_read_with_all_their_oddities_and_come_back_byte_for_byte() {
    let book = book();
    assert_eq!(text(&book), FILE);
    let first = &book.contacts[0].entries[0];
    assert_eq!((&*first.name, &*first.mail, first.number), ("A <B>", "a&b@x.example", Some(7)));
    assert_eq!(first.kept_by["kyocera-xml:New"], "n");
    assert_eq!(first.kept_by["kyocera-xml:OneTouchKey"], "1 Email A key");
    let smb = book.contacts[1].entry(Slot::Smb).unwrap();
    assert!(matches!(&smb.login.as_ref().unwrap().password,
        Some(Password::Encrypted { scheme, .. }) if scheme == "kyocera:net-viewer"));
    assert_eq!(Field::FaxSpeed.get(book.contacts[1].entry(Slot::Fax).unwrap()), "9600");
    let codes: Vec<_> = book.report.warnings.iter().map(|note| (note.line, note.code)).collect();
    assert_eq!(codes, [(Some(11), "unknown_item"), (Some(10), "key_leads_nowhere")]);
    assert_eq!((book.report.read, book.report.kept_out), (2, 1));
}

#[test]
fn an_edited_item_changes_one_item_and_keys_follow_their_contact() {
    let mut edited = book();
    edited.contacts[1].entries[0].number = Some(21);
    edited.contacts[1].entries[1].number = Some(21);
    let now = text(&edited);
    assert!(now.contains(
        "<Item Type=\"OneTouchKey\" Id=\"2\" DisplayName=\"\" AddressId=\"21\" AddressType=\"SMB\" />"
    ));
    let changed = FILE.lines().filter(|line| !now.contains(line)).count();
    assert_eq!(changed, 2, "{now}");
    assert!(now.contains("SmbLoginPasswd=\"0011223344556677\""));
    let back = read(now.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!(back.contacts[1].entries[0].kept_by, edited.contacts[1].entries[0].kept_by);

    // Without its contact a key is gone, and those that never led anywhere stay.
    edited.contacts.remove(0);
    let now = text(&edited);
    assert!(!now.contains("A key") && now.contains("Stray") && now.contains("\"Group\""), "{now}");
}

#[test]
fn keys_go_into_a_new_file_with_numbers_of_their_own() {
    let mut book = book();
    let again = book.contacts[0].clone();
    book.contacts.push(Contact { source: None, ..again });
    book.frame = Frame::Text(new_frame(Encoding::UTF_8));
    let now = text(&book);
    let back = read(now.as_bytes(), &ReadOptions::default()).unwrap();
    let keys: Vec<_> =
        back.contacts.iter().map(|c| (number_of(c).unwrap(), keys_of(c)[0].to_line())).collect();
    let expected = [(7, "1 Email A key"), (8, "2 SMB "), (1, "3 Email A key")];
    assert_eq!(keys, expected.map(|(n, line)| (n, line.to_string())), "{now}");
    assert!(now.ends_with("AddressType=\"SMB\" />\r\n</DeviceAddressBook_v5_2>\r\n"), "{now}");
}

#[test]
fn an_encrypted_password_goes_to_no_other_format() {
    for to in Format::all().filter(|to| *to != Format::KyoceraXml) {
        let written = convert(&book(), to, &WriteOptions::default()).unwrap();
        assert!(!String::from_utf8_lossy(&written.bytes).contains("0011223344556677"), "{to}");
        assert!(!written.notes.iter().any(|note| note.text.contains("0011223344556677")), "{to}");
    }
}

#[test]
fn a_share_beside_the_server_begins_the_path() {
    let mut book = book();
    let folder = book.contacts[1].entries[0].folder.as_mut().unwrap();
    (folder.host, folder.path) = ("\\\\files\\scans".into(), "\\in\\box".into());
    assert!(text(&book).contains("SmbHostName=\"files\" SmbPath=\"\\scans\\in\\box\""));
}

#[test]
fn what_is_damaged_or_unsafe_is_refused_with_a_code() {
    let options = ReadOptions { format: Some(Format::KyoceraXml), ..ReadOptions::default() };
    for (file, code) in [
        (FILE.replace("<DeviceA", "<!DOCTYPE x><DeviceA"), "unsafe_xml"),
        (FILE.replace("&amp;", "&own;"), "unsafe_xml"),
        (FILE[..FILE.len() - 30].to_string(), "file_cut_off"),
        ("<vCards/>".to_string(), "not_xml"),
        ("name,mail".to_string(), "not_xml"),
    ] {
        assert_eq!(read(file.as_bytes(), &options).unwrap_err().code(), code, "{file}");
    }
}

#[test]
fn another_encoding_is_told_in_the_declaration() {
    let options = WriteOptions { encoding: Encoding::named("windows-1252"), ..WriteOptions::default() };
    let written = convert(&book(), Format::KyoceraXml, &options).unwrap();
    assert!(written.bytes.starts_with(b"<?xml version=\"1.0\" encoding=\"windows-1252\"?>"));
    assert_eq!(read(&written.bytes, &ReadOptions::default()).unwrap().entries(), 3);
}

#[test]
fn an_empty_book_is_read_and_filled() {
    let empty = read(b"<DeviceAddressBook_v5_2/>", &ReadOptions::default()).unwrap();
    assert_eq!(text(&empty), "<DeviceAddressBook_v5_2/>");
    let mut filled = empty;
    filled.contacts.push(Contact { source: None, ..book().contacts[0].clone() });
    assert_eq!(read(text(&filled).as_bytes(), &ReadOptions::default()).unwrap().entries(), 1);
}

#[test]
fn no_damage_makes_it_panic() {
    laws::no_damage_makes_it_panic("kyocera/netviewer-v5_2.xml");
}
