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
const BOOK: &str = "# Canon AddressBook CSV version: 0x0003\r\n# CharSet: UTF-8\r\n\r\n\
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
        let bytes = encoded(BOOK);
        let mut book = read(&bytes, &ReadOptions::default()).unwrap();
        assert_eq!(
            (book.format(), book.contacts[0].name()),
            (Format::CanonCsv, "Jörg 総務"),
            "{name} {mark}"
        );
        assert_eq!((book.encoding.name(), book.encoding.mark), (encoding.name(), mark));
        assert!(convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap().bytes == bytes);
        book.contacts[1].entries[0].name = "Łucja".into();
        let written = convert(&book, Format::CanonCsv, &WriteOptions::default()).unwrap();
        assert!(written.bytes == encoded(&BOOK.replace("Bea", "Łucja")), "{name} {mark}");
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
fn a_row_that_can_not_be_read_stops_no_other_and_stays_where_it_is() {
    let wide = "x,".repeat(600);
    let heads = [
        (Format::Csv, "Name,E-mail,Fax"),
        (
            Format::ToshibaCsv,
            "\"NAME\",\"Email Address\",\"Tel Number\",\"ABB_ID\",\"OT_ID\",\"Search Letter\"",
        ),
        (Format::ThunderbirdCsv, "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email"),
    ];
    for (format, head) in heads {
        let cells = |name: &str| match format {
            Format::ThunderbirdCsv => format!(",,{name},,{name}@example.com,"),
            _ => format!("{name},{name}@example.com"),
        };
        for (wrong, code) in [(&*wide, "too_many_cells"), ("\"Eve,e@example.com", "quote_not_closed")] {
            let text = format!("{head}\r\n{}\r\n{wrong}\r\n{}\r\n", cells("a"), cells("b"));
            let mut book = of(&text);
            assert_eq!((book.format(), book.entries(), lost(&book)), (format, 2, vec![code]), "{wrong}");
            let loss = book.report.warnings.iter().find(|note| note.weight == Weight::Loss);
            assert_eq!((book.report.kept_out, loss.and_then(|note| note.line)), (1, Some(3)));
            assert_eq!(into(&book, format).0, text);
            let name = if format == Format::ToshibaCsv { "\"z\"" } else { "z" };
            book.contacts[0].entries[0].name = "z".into();
            let written = into(&book, format).0;
            assert!(written.contains(wrong) && written.contains(name), "{written}");
        }
    }
}

#[test]
fn a_number_that_two_have_is_noted_in_every_format_that_has_numbers() {
    let abk = "# Canon AddressBook version: 1\r\n\r\nsubdbid: 1\r\ndn: 7\r\ncn: a\r\nmailaddress: a@x.example\r\nprotocol: smtp\r\n\
        objectclass: top\r\nobjectclass: extensibleobject\r\nobjectclass: email\r\n\r\n";
    let abk = format!("{abk}{}", abk.split_once("\r\n\r\n").unwrap().1.replace("cn: a", "cn: b"));
    for (file, line) in [
        (&*format!("{CANON}\r\nemail,a,a@x.example,7\r\nemail,b,b@x.example,7\r\n"), 3),
        ("Name,E-mail,Number\na,a@x.example,7\nb,b@x.example,7\n", 3),
        (&*abk, 12),
    ] {
        let notes = of(file).report.warnings;
        let found: Vec<_> = notes.iter().filter(|note| note.code == "duplicate_number").collect();
        assert!(found.len() == 1 && found[0].line == Some(line), "{file}: {notes:?}");
    }
    // The same number in another list is another's.
    assert!(of("Name,E-mail,Number,List\na,a@x.example,7,1\nb,b@x.example,7,2\n").report.warnings.is_empty());
}

#[test]
fn a_group_and_its_member_miss_each_other_in_every_format_that_has_both() {
    let entry = |slot: Slot, name: &str, mail: &str| {
        let mut entry = slot.entry();
        (entry.name, entry.mail) = (name.into(), mail.into());
        Contact::of(Owner::None, entry)
    };
    let mut group = entry(Slot::Group, "All", "");
    group.members = (0..2).map(|contact| Link { contact, entry: Some(0) }).collect();
    let all = vec![entry(Slot::Mail, "Ann", "a@x.example"), entry(Slot::Mail, "Bob", "b@x.example"), group];
    let book = Book::of(all);
    // Where the rows of members name their groups it is the group that can be missing.
    for (format, gone) in [
        (Format::CanonAbk, "Ann"),
        (Format::Ldif, "Ann"),
        (Format::Vcard, "Ann"),
        (Format::RicohCsv, "All"),
        (Format::RicohProgramCsv, "All"),
        (Format::XeroxCsv, "All"),
    ] {
        let (text, _) = into(&book, format);
        let whole = of(&text);
        assert!(whole.report.warnings.iter().all(|note| note.code != "member_missing"), "{format}");
        let gone = whole.contacts.iter().find(|contact| contact.name() == gone).unwrap();
        let text = text.replacen(gone.unchanged().unwrap(), "", 1);
        let notes = of(&text).report.warnings;
        let missing = notes.iter().filter(|note| note.code == "member_missing").count();
        assert!(missing > 0, "{format}: {notes:?}\n{text}");
    }
}

#[test]
fn what_goes_with_a_merged_entry_is_named() {
    let file = "Name,E-mail,Number,List\na,a@x.example,7,1\na,a@x.example,3,11\nb,b@x.example,,1\nb,b@x.example,9,1\n";
    let mut book = of(file);
    let merged = book.merge_duplicates();
    assert_eq!(
        (merged[0].number, merged[0].list, merged[0].note().weight),
        (Some(3), Some(11), Weight::Loss)
    );
    assert!(merged[0].note().text.contains("its number 3 in list 11 goes with it"));
    // Where the one that stays has no number it takes that of the other.
    assert_eq!(
        (merged[1].number, &*merged[1].takes, book.contacts[1].entries[0].number),
        (None, &[Field::Number][..], Some(9))
    );
}

#[test]
fn what_is_longer_than_any_cell_is_cut_or_stays_out_with_a_word() {
    let long = "x".repeat(canon_csv::MAX_CELL);
    let book =
        of(&format!("Name,E-mail,Fax\n{long},a@x.example,\nBob,{long}@x.example,5550100\n,c@x.example,\n"));
    let (text, written) = into(&book, Format::CanonCsv);
    assert_eq!((written.written, written.kept_out), (3, 1));
    assert_eq!(of(&text).entries(), 3, "what is written is read");
    let codes: Vec<_> = written.notes.iter().filter(|note| note.weight == Weight::Loss).collect();
    assert!(codes.iter().any(|note| note.code == "cut" && note.line == Some(2)), "{codes:?}");
    assert!(codes.iter().any(|note| note.code == "too_long" && note.line == Some(3)), "{codes:?}");
    // A program's file has room for it.
    assert_eq!(into(&book, Format::Vcard).1.kept_out, 0);
    // A loss names its entry, also one without a name.
    let (_, written) = into(&of("Name,E-mail,Hobby\n,c@x.example,chess\n"), Format::CanonCsv);
    assert_eq!(written.notes[0].entry.as_deref(), Some("email without a name"));
}

#[test]
fn a_few_zero_bytes_are_control_characters_and_many_are_no_text() {
    let text = "Name,E-mail\r\nAn\0n,a@example.com\r\nBob,b@example.com\r\n";
    let book = of(text);
    assert_eq!((book.entries(), &*into(&book, Format::Csv).0), (2, text));
    let (csv, written) = into(&book, Format::CanonAbk);
    assert!(csv.contains("cn: Ann"), "{csv}");
    assert!(written.notes.iter().any(|note| note.code == "control_character" && note.line == Some(2)));
    assert_eq!(read(b"Name,E-mail\r\n\0\0\0\0", &ReadOptions::default()).unwrap_err().code(), "nul_byte");
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

#[test]
fn a_canon_file_that_a_spreadsheet_saved_is_written_with_commas() {
    let said = BOOK.replace("UTF-8\r\n\r\n", "UTF-8;;;;;;\r\n;;;;;;\r\n");
    let (head, rows) = said.split_at(said.find("objectclass").unwrap());
    let semicolons = format!("{head}{}", rows.replace(',', ";").replace("\"Bea\"", "Doe, Bea"));
    let bytes = Encoding::named("windows-1252").unwrap();
    let mut spreadsheet = Vec::new();
    bytes.encode(&semicolons.replace("総務", "Müller"), &mut spreadsheet, |one| panic!("{one}"));
    let expected = BOOK.replace("Bea", "Doe, Bea");
    for (file, expected) in [
        (semicolons.clone().into_bytes(), expected.clone()),
        (spreadsheet, expected.replace("総務", "Müller")),
    ] {
        let mut book = read(&file, &ReadOptions::default()).unwrap();
        assert_eq!((book.format(), book.entries(), book.report.kept_out), (Format::CanonCsv, 2, 0));
        let note = book.report.warnings.iter().find(|note| note.code == "separator_changed").unwrap();
        assert_eq!(note.weight, Weight::Correction);
        assert_eq!(into(&book, Format::CanonCsv).0, expected);
        book.contacts[1].entries[0].name = "Eva".into();
        assert_eq!(into(&book, Format::CanonCsv).0, expected.replace("Doe, Bea", "Eva"));
    }
    // What it says of its characters stays true.
    let said = semicolons.replace("UTF-8", "WCP1252").replace("総務", "Müller");
    let book = of(&said);
    assert_eq!(book.encoding.name(), "windows-1252");
    let said = semicolons.replace("UTF-8", "WCP1252");
    let text = into(&of(&said), Format::CanonCsv).0;
    assert!(text.contains("# CharSet: UTF-8\r\n") && text.contains("Jörg 総務"), "{text}");
}

#[test]
fn a_whole_path_is_parted_into_canons_host_and_path() {
    let book = of("Name,SMB path\nScans,\\\\files\\scans\\in\\front\nLocal,C:\\in\n");
    for format in [Format::CanonCsv, Format::CanonAbk] {
        let back = read(&into(&book, format).1.bytes, &ReadOptions::default()).unwrap();
        let folder = |at: usize| back.contacts[at].entries[0].folder.clone().unwrap();
        assert_eq!((&*folder(0).host, &*folder(0).path), (r"\\files\scans", r"in\front"));
        assert_eq!((&*folder(1).host, &*folder(1).path), ("", r"C:\in"));
    }
}

#[test]
fn numbers_of_a_canon_file_are_given_once() {
    let hp = "name,address,faxnumber,lastname,firstname,phonenumber,organization,unit,city,country/region,username,dlname\r\n\
        A,a@b.example,,,,,,,,,ann,\r\nB,b@b.example,,,,,,,,,ben,\r\nC,c@b.example,,,,,,,,,MFP PUBLIC,\r\n";
    let mut book = of(hp);
    assert_eq!(book.format(), Format::HpCsv);
    let numbers = |book: &Book, format: Format| {
        let back = read(&into(book, format).1.bytes, &ReadOptions::default()).unwrap();
        back.contacts.iter().map(|contact| contact.entries[0].number.unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&book, Format::CanonCsv), [201, 202, 203]);
    // Those that the lists of owners have by themselves.
    for contact in &mut book.contacts {
        contact.entries[0].number = Some(201);
    }
    for format in [Format::CanonCsv, Format::CanonAbk] {
        assert_eq!(numbers(&book, format), [201, 202, 203]);
        let written = into(&book, format).1;
        let changed: Vec<_> = written.notes.iter().filter(|note| note.code == "number_changed").collect();
        let said: Vec<_> = changed.iter().map(|note| (note.weight, note.entry.as_deref())).collect();
        assert_eq!(said, [(Weight::Correction, Some("B")), (Weight::Correction, Some("C"))], "{format}");
        assert_eq!(changed[0].text, "`B` had the number 201, which another entry has; it is 202 now");
    }
}

#[test]
fn nothing_is_written_that_leads_nowhere() {
    let canon = "objectclass,cn,mailaddress,dialdata,subdbid,indxid\nemail,Bare,,,1,201\ng3fax,Fax,,,1,202\n\
        email,Ann,a@b.example,,1,203\n";
    let book = of(canon);
    for format in Format::all().filter(|format| *format != Format::CanonCsv) {
        let written = into(&book, format).1;
        let notes = written.notes.iter().filter(|note| note.code == "no_destination");
        let named: Vec<_> = notes.map(|note| note.entry.as_deref().unwrap()).collect();
        assert_eq!(named, ["Bare", "Fax"], "{format}: {:?}", written.notes);
        assert_eq!(written.given, written.written + written.kept_out, "{format}");
        if format.holds().of_slot(Slot::Nowhere) == 0 {
            assert!(written.kept_out >= 2, "{format}: {:?}", written.notes);
        }
        assert!(format != Format::Vcard || !into(&book, format).0.contains("EMAIL:\r"), "{format}");
        assert!(format != Format::Vcard || !into(&book, format).0.contains(":\r\n"), "{format}");
    }
    // The machine's own file keeps its rows, also beside an edited one.
    let mut book = of(canon);
    book.contacts[0].entries[0].name = "Bara".into();
    assert_eq!(into(&book, Format::CanonCsv).0, canon.replace("Bare", "\"Bara\""));
}

#[test]
fn a_password_that_an_encoding_lacks_is_left_out_and_said_so() {
    let book = of("Name,SMB host,SMB path,SMB user,SMB password\nScans,files,in,総,総-secret\n");
    let encoding = Encoding::named("windows-1252");
    let written =
        convert(&book, Format::CanonCsv, &WriteOptions { encoding, ..WriteOptions::default() }).unwrap();
    let losses: Vec<_> = written.notes.iter().filter(|note| note.weight == Weight::Loss).collect();
    let codes: Vec<_> = losses.iter().map(|note| note.code).collect();
    assert_eq!(codes, ["password_not_carried", "unmappable_character"]);
    assert!(losses[0].text.contains("the password is left out"), "{}", losses[0].text);
    assert!(!String::from_utf8_lossy(&written.bytes).contains("secret"));
}

#[test]
fn a_canon_group_that_names_nobody_is_noted_as_the_file_is_read() {
    let book = of("objectclass,cn,mailaddress,member,subdbid,indxid\nemail,Ann,a@b.example,,1,201\n\
        groupofids,All,,\"201,299,localbox001\",1,202\n");
    let notes: Vec<_> = book.report.warnings.iter().map(|note| (note.code, note.line, &*note.text)).collect();
    assert_eq!(notes, [("member_missing", Some(3), "the group `All` names 299, which is not in the file")]);
}
