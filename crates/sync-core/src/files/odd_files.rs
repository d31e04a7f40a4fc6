//! Files that somebody really had, and what must be said of them.

use super::{
    field::{Field, Slot},
    *,
};
use crate::address::Member;

fn told(format: Format) -> ReadOptions {
    ReadOptions { format: Some(format), ..ReadOptions::default() }
}

fn of(text: &str) -> Book {
    read(text.as_bytes(), &ReadOptions::default()).unwrap_or_else(|error| panic!("{error}"))
}

fn into(book: &Book, format: Format) -> (String, Written) {
    let written = convert(book, format, &WriteOptions::default()).unwrap();
    (String::from_utf8_lossy(&written.bytes).into_owned(), written)
}

fn lost(book: &Book) -> Vec<&str> {
    book.report.warnings.iter().filter(|note| note.weight == Weight::Loss).map(|note| note.code).collect()
}

const CANON: &str = "objectclass,cn,mailaddress,indxid";

/// A Canon file of two entries with letters beyond ASCII.
const CANON: &str = "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
    objectclass,cn,subdbid,mailaddress,protocol,indxid,\r\n\
    email,\"Jörg 総務\",1,\"a@b.example\",smtp,201,\r\n\
    email,\"Bea\",1,\"b@b.example\",smtp,202,\r\n";

#[test]
fn a_canon_file_in_utf_16_is_read_and_comes_back_in_it() {
    for (name, mark) in [("utf-16le", true), ("utf-16le", false), ("utf-16be", true), ("utf-16be", false)] {
        let encoding = Encoding::named(name).unwrap();
        let encoded = |text: &str| {
            let mut bytes = if mark { encoding.mark_bytes().to_vec() } else { Vec::new() };
            encoding.encode(text, &mut bytes, |_| {});
            bytes
        };
        let bytes = encoded(CANON);
        let mut book = read(&bytes, &ReadOptions::default()).unwrap();
        assert_eq!((book.format(), book.contacts[0].name()), (Format::CanonCsv, "Jörg 総務"), "{name} {mark}");
        assert_eq!((book.encoding.name(), book.encoding.mark), (encoding.name(), mark));
        assert!(convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap().bytes == bytes);
        book.contacts[1].entries[0].name = "Łucja".into();
        let written = convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap();
        assert!(written.bytes == encoded(&CANON.replace("Bea", "Łucja")), "{name} {mark}");
        // With an entry more the file is made anew.
        book.contacts.push(book.contacts[0].clone());
        let written = convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap();
        let again = read(&written.bytes, &ReadOptions::default()).unwrap();
        assert_eq!((again.encoding.name(), again.entries()), (encoding.name(), 3));
    }
}

#[test]
fn a_bad_row_of_a_canon_file_is_a_loss() {
    let book =
        of(&format!("{CANON}\r\nemail,Smith, Bob,b@example.com,201\r\nemail,Ann,a@example.com,202\r\n"));
    assert_eq!((book.entries(), lost(&book)), (1, vec!["too_many_cells"]));
    // The column line ends with a comma, the rows do not: what is one cell too wide is shifted.
    let book =
        of(&format!("{CANON},\r\nemail,Ann,a@example.com,202\r\nemail,Smith, Bob,b@example.com,201\r\n"));
    assert_eq!((book.entries(), lost(&book)), (1, vec!["too_many_cells"]));
}

#[test]
fn the_told_encoding_holds_against_what_a_file_says() {
    let told = |name| ReadOptions { encoding: Encoding::named(name), ..ReadOptions::default() };
    let bytes =
        [b"# CharSet: UTF-8\r\n", CANON.as_bytes(), b"\r\nemail,M\xfcller,m@example.com,201\r\n"].concat();
    assert!(read(&bytes, &ReadOptions::default()).is_err());
    let book = read(&bytes, &told("windows-1252")).unwrap();
    assert_eq!(book.contacts[0].name(), "M\u{fc}ller");
    assert_eq!(convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap().bytes, bytes);
    // It says another, and is UTF-8.
    let book = of(&format!("# CharSet: SJIS\r\n{CANON}\r\nemail,\u{5c71}\u{7530},y@example.jp,201\r\n"));
    assert_eq!(book.contacts[0].name(), "\u{5c71}\u{7530}");
}

#[test]
fn a_character_that_the_encoding_lacks_costs_no_other_entry() {
    let book =
        of(&format!("{CANON}\r\nemail,M\u{fc}ller,m@example.com,201\r\nemail,Ann,a@example.com,202\r\n"));
    let options = WriteOptions { encoding: Encoding::named("shift_jis"), ..WriteOptions::default() };
    let written = convert(&book, Format::CanonCsv, &options).unwrap();
    assert!(written.bytes.windows(6).any(|part| part == b"M?ller"));
    let codes: Vec<_> = written.notes.iter().map(|note| (note.code, note.line)).collect();
    assert_eq!(codes, [("unmappable_character", Some(2))]);
}

#[test]
fn lines_outside_cards_are_named() {
    let book = of("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann\r\nEMAIL:a@example.com\r\nEND:VCARD\r\nFN:Bob\r\n");
    assert_eq!((book.entries(), book.report.kept_out, lost(&book)), (1, 1, vec!["line_not_read"]));
    let none = read(b"just a text\n", &told(Format::Vcard));
    assert_eq!(none.map_err(|error| error.code()).map(|_| ()), Err("unknown_format"));
}

#[test]
fn canons_ldif_has_canons_names_of_attributes() {
    let book = of(
        "dn: 201\nobjectclass: top\nobjectclass: email\nsubdbid: 1\ncn:: SsO2cmc=\nmailaddress: j@example.com\n\n\
                   dn: cn=Fax\nobjectclass: top\nobjectclass: g3fax\ncn: Fax\ndialdata: 5550100\n",
    );
    assert_eq!(book.format(), Format::Ldif);
    assert_eq!((book.contacts[0].name(), &*book.contacts[0].entries[0].mail), ("J\u{f6}rg", "j@example.com"));
    assert_eq!(Slot::of(&book.contacts[1].entries[0]), Slot::Fax);
    // An option does not make an address another thing.
    let book = of("dn: cn=A,dc=x\nobjectClass: person\ncn: A\nsn: A\nmail;x-work: a@example.com\n");
    assert_eq!(book.contacts[0].entries[0].mail, "a@example.com");
}

#[test]
fn a_member_that_is_not_there_is_no_box() {
    let book = of("BEGIN:VCARD\r\nVERSION:4.0\r\nKIND:group\r\nFN:T\r\nMEMBER:urn:uuid:404\r\nEND:VCARD\r\n");
    let (text, written) = into(&book, Format::CanonCsv);
    assert!(!text.contains("urn:uuid"), "{text}");
    assert!(written.notes.iter().any(|note| note.code == "member_left_out" && note.weight == Weight::Loss));
    // A box of a Canon file is one in another Canon file.
    let book = of("objectclass,cn,member,indxid\r\ngroupofids,All,\"localbox001\",201\r\n");
    let boxed = Member::Box("localbox001".into());
    assert!(book.contacts[0].entries[0].members.contains_key(&boxed));
    assert!(into(&book, Format::CanonAbk).0.contains("localbox001"));
}

#[test]
fn what_becomes_several_entries_and_what_names_the_first_of_them_is_said() {
    let book = of(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:1\r\nN:Berg;Anna;;;\r\nFN:Anna Berg\r\nEMAIL:a@example.com\r\n\
                   EMAIL:b@example.com\r\nEND:VCARD\r\nBEGIN:VCARD\r\nVERSION:3.0\r\nFN:All\r\n\
                   X-ADDRESSBOOKSERVER-KIND:group\r\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:1\r\nEND:VCARD\r\n",
    );
    let (_, written) = into(&book, Format::CanonCsv);
    for code in ["contact_split", "name_joined", "member_narrowed"] {
        let note = written.notes.iter().find(|note| note.code == code);
        assert_eq!(note.map(|note| note.weight), Some(Weight::Correction), "{code}: {:?}", written.notes);
    }
}

#[test]
fn eastern_names_have_the_last_name_first() {
    let book = of("\u{59d3},\u{540d},E-Mail\r\n\u{5c71}\u{7530},\u{592a}\u{90ce},t@example.jp\r\n");
    assert_eq!(book.contacts[0].name(), "\u{5c71}\u{7530} \u{592a}\u{90ce}");
    assert_eq!(Field::Family.get(&book.contacts[0].entries[0]), "\u{5c71}\u{7530}");
}
