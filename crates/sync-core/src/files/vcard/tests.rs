use crate::files::{
    Book, Format, ReadOptions, WriteOptions, convert,
    field::{Field, Slot},
    laws, read,
};
use alloc::{string::String, vec::Vec};
use proptest::prelude::*;

const FILES: &[&str] = &[
    "vcard/John_Doe_ANDROID.vcf",
    "vcard/John_Doe_EVOLUTION.vcf",
    "vcard/John_Doe_IPHONE.vcf",
    "vcard/John_Doe_MAC_ADDRESS_BOOK.vcf",
    "vcard/fullcontact.vcf",
    "vcard/gmail-single.vcf",
    "vcard/outlook-2003.vcf",
    "vcard/rfc2426-example.vcf",
    "vcard/thunderbird-MoreFunctionsForAddressBook-extension.vcf",
];

fn book(text: &str) -> Book {
    read(text.as_bytes(), &ReadOptions::default()).unwrap()
}

fn written(book: &Book) -> String {
    String::from_utf8(convert(book, Format::Vcard, &WriteOptions::default()).unwrap().bytes).unwrap()
}

fn edited(text: &str) -> String {
    let mut book = book(text);
    for entry in book.contacts.iter_mut().flat_map(|contact| &mut contact.entries) {
        entry.name.push('!');
    }
    written(&book)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_damage_harms(bytes in laws::any_damage(FILES)) {
        laws::no_damage_harms(Format::Vcard, &bytes);
    }
}

#[test]
fn an_edit_keeps_the_rest() {
    for file in FILES {
        laws::an_edit_keeps_the_rest(file);
    }
}

#[test]
fn old_cards_with_encoded_text_and_a_card_within() {
    let text = "BEGIN:VCARD\r\nVERSION:2.1\r\nN;CHARSET=ISO-8859-1;ENCODING=QUOTED-PRINTABLE:M=FCller;J=F6r=\r\n=67\r\n\
        FN;CHARSET=SHIFT_JIS;QUOTED-PRINTABLE:=91=8D=96=B1\r\nSOUND;X-IRMC-N:yomi;kata;;;\r\nTEL;WORK;FAX:+49 1\r\n\
        AGENT:\r\nBEGIN:VCARD\r\nVERSION:2.1\r\nFN:Inner\r\nEND:VCARD\r\nPHOTO;JPEG;BASE64:\r\n    QUJD\r\n  REVG\r\n\r\n\
        ORG:A, B;C\\;D\r\nX-PATH:C:\\new\r\nEND:VCARD\r\n";
    let found = book(text);
    let contact = &found.contacts[0];
    let of = |field: Field| field.get(&contact.entries[0]);
    assert_eq!(
        (contact.name(), of(Field::Family), of(Field::Given)),
        ("総務", "Müller".into(), "Jörg".into())
    );
    assert_eq!((of(Field::FamilyReading), of(Field::GivenReading)), ("yomi".into(), "kata".into()));
    assert_eq!((of(Field::Organization), of(Field::Department)), ("A, B".into(), "C;D".into()));
    assert_eq!(
        found.report.warnings.iter().map(|note| (note.code, note.line)).collect::<Vec<_>>(),
        [("line_not_read", Some(9))]
    );
    assert_eq!(written(&found), text);
    let changed = edited(text);
    for line in [
        "VERSION:2.1\r\n",
        "PHOTO;JPEG;ENCODING=BASE64:QUJDREVG\r\n\r\n",
        "ORG:A, B;C\\;D\r\n",
        "X-PATH:C:\\new\r\n",
        "SOUND;X-IRMC-N:yomi;kata;;;\r\n",
        "TEL;WORK;FAX:+49 1\r\n",
        "N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=C3=B6rg;;;\r\n",
    ] {
        assert!(changed.contains(line), "{line}{changed}");
    }
}

#[test]
fn text_that_was_cut_in_a_character_is_read_as_far_as_it_goes_and_kept_as_it_stands() {
    let text = "BEGIN:VCARD\nVERSION:2.1\nFN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84b=C3\nTITLE:T\n\
        TITLE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84=C3\nEMAIL;PREF:a@b.example\nEND:VCARD\n";
    let found = book(text);
    assert_eq!(found.contacts[0].name(), "Äb\u{fffd}");
    assert_eq!(found.report.warnings[0].code, "value_not_text");
    let changed = edited(text);
    assert!(changed.contains("TITLE;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=C3=84=C3\n"), "{changed}");
}

#[test]
fn groups_of_both_kinds_find_their_members() {
    let text = "BEGIN:VCARD\nVERSION:4.0\nUID:urn:uuid:A-1\nFN:A\nEMAIL:a@b.example\nEMAIL:c@b.example\nEND:VCARD\n\
        BEGIN:VCARD\nVERSION:3.0\nUID:B-2\nFN:B\nEMAIL:b@b.example\nEND:VCARD\n\
        BEGIN:VCARD\nVERSION:4.0\nKIND:group\nUID:urn:uuid:G\nFN:G\nMEMBER:urn:uuid:a-1\nMEMBER:mailto:B@b.example\n\
        MEMBER:urn:uuid:gone\nEND:VCARD\n\
        BEGIN:VCARD\nVERSION:3.0\nFN:H\nX-ADDRESSBOOKSERVER-KIND:group\nX-ADDRESSBOOKSERVER-MEMBER:urn:uuid:B-2\n\
        X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:G\nEND:VCARD\n";
    let found = book(text);
    let places = |book: &Book, at: usize| -> Vec<usize> {
        book.contacts[at].members.iter().map(|link| link.contact).collect()
    };
    assert_eq!((places(&found, 2), places(&found, 3)), (Vec::from([0, 1]), Vec::from([1, 2])));
    assert_eq!(found.by_kind()[&Slot::Group], 2);
    assert_eq!(found.report.warnings[0].code, "member_missing");
    let changed = edited(text);
    assert!(changed.contains("KIND:group\nMEMBER:urn:uuid:A-1\n"), "{changed}");
    assert!(changed.contains("X-ADDRESSBOOKSERVER-KIND:group\n"), "{changed}");
    let again = book(&changed);
    assert_eq!((places(&again, 2), places(&again, 3)), (places(&found, 2), places(&found, 3)));
    assert_eq!(again.contacts[2].entries[0].members, found.contacts[2].entries[0].members);
}

#[test]
fn types_labels_and_folded_lines() {
    let text = "BEGIN:VCARD\nVERSION:3.0\nFN:A\nitem1.EMAIL;type=INTERNET;type=pref:a@b.exam\n ple\n\
        item1.X-ABLabel:Desk\nEMAIL;TYPE=WORK:b@b.example\nTEL;TYPE=HOME:1\nTEL;TYPE=\"work,voice\":2\n\
        TEL;VALUE=uri;TYPE=fax:tel:+3\nTEL;TYPE=PAGER:4\nX-PHONETIC-LAST-NAME:ya\nNOTE:one\\ntwo\\, \\\"three\\\"\n\
        END:VCARD\n";
    let found = book(text);
    let contact = &found.contacts[0];
    assert_eq!(contact.entries.len(), 3);
    assert_eq!(contact.entries[0].mail, "a@b.example");
    let of = |field: Field, at: usize| field.get(&contact.entries[at]);
    assert_eq!((of(Field::Phone, 0), of(Field::FaxNumber, 2)), ("2".into(), "+3".into()));
    assert_eq!(of(Field::Note, 1), "one\ntwo, \"three\"");
    assert_eq!(of(Field::FamilyReading, 1), "ya");
    let changed = edited(text);
    for line in [
        "item1.EMAIL;TYPE=INTERNET;TYPE=pref:a@b.example\n",
        "item1.X-ABLabel:Desk\n",
        "EMAIL;TYPE=WORK:b@b.example\n",
        "TEL;TYPE=HOME:1\n",
        "TEL;VALUE=uri;TYPE=fax:tel:+3\n",
        "TEL;TYPE=PAGER:4\n",
        "NOTE:one\\ntwo\\, \"three\"\n",
    ] {
        assert!(changed.contains(line), "{line}{changed}");
    }
}

#[test]
fn a_card_that_is_cut_off_stays_out_and_in_its_place() {
    let text = "BEGIN:VCARD\nVERSION:3.0\nFN:A\nBEGIN:VCARD\nVERSION:3.0\nFN:B\nEMAIL:b@b.example\nno property\n\
        END:VCARD\nBEGIN:VCARD\nFN:C\n";
    let found = book(text);
    assert_eq!((found.entries(), found.report.kept_out), (1, 2));
    let codes: Vec<_> = found.report.warnings.iter().map(|note| (note.code, note.line)).collect();
    assert_eq!(codes, [("card_cut_off", Some(1)), ("line_not_read", Some(8)), ("card_cut_off", Some(10))]);
    assert_eq!(written(&found), text);
    assert!(edited(text).starts_with("BEGIN:VCARD\nVERSION:3.0\nFN:A\nBEGIN:VCARD\n"));
}

#[test]
fn a_card_of_a_thousand_addresses_is_bounded() {
    let mails: String = (0..1_000).map(|at| alloc::format!("EMAIL:a{at}@b.example\n")).collect();
    let text = alloc::format!("BEGIN:VCARD\nVERSION:3.0\nFN:A\n{mails}END:VCARD\n");
    let found = book(&text);
    assert_eq!((found.entries(), found.report.warnings[0].code), (64, "too_many_destinations"));
    assert_eq!(written(&found), text);
    assert_eq!(edited(&text).matches("EMAIL").count(), 1_000);
}

#[test]
fn quoted_and_raw_shift_jis_stand_in_one_file() {
    // One value says its character set, the raw ones and another quoted one do not; two bytes alone look like Latin letters.
    for (raw, name) in [(&b"\x93\x63"[..], "田"), (b"\x94\x5c", "能"), (b"\xd4\xcf\xc0\xde", "ﾔﾏﾀﾞ")]
    {
        let mut bytes = b"BEGIN:VCARD\r\nVERSION:2.1\r\nFN:".to_vec();
        bytes.extend_from_slice(raw);
        bytes.extend_from_slice(
            b"\r\nN;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8E=52=93=63;=91=BE=98=59\r\n\
              NOTE;ENCODING=QUOTED-PRINTABLE:=89=EF=8E=D0\r\nEMAIL:a@x.example\r\nEND:VCARD\r\n",
        );
        let book = read(&bytes, &ReadOptions::default()).unwrap();
        assert_eq!(book.report.warnings, []);
        let entry = &book.contacts[0].entries[0];
        let said = [Field::Name, Field::Family, Field::Given, Field::Note].map(|field| field.get(entry));
        assert_eq!(said, [name, "山田", "太郎", "会社"]);
        let again = convert(&book, Format::Vcard, &WriteOptions::default()).unwrap();
        assert_eq!(again.bytes, bytes);
    }
    // All of it quoted: what does not say its character set is in that of the others.
    let text = b"BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=SHIFT_JIS;ENCODING=QUOTED-PRINTABLE:=8E=52=93=63;\n\
                 NOTE;ENCODING=QUOTED-PRINTABLE:=89=EF=8E=D0\nEMAIL:a@x.example\nEND:VCARD\n";
    let book = read(text, &ReadOptions::default()).unwrap();
    assert_eq!(Field::Note.get(&book.contacts[0].entries[0]), "会社");
}
