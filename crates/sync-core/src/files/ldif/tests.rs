use crate::{
    address::Member,
    files::{
        Book, FileError, Format, ReadOptions, Weight, WriteOptions, convert,
        field::{Field, Slot},
        laws, read,
    },
};
use alloc::{string::String, vec, vec::Vec};
use proptest::prelude::*;

const FILES: &[&str] = &[
    "canon/abook-ldapformat.ldif",
    "ldif/ad-ldifde-crlf.ldf",
    "ldif/apache-studio-testfixture.ldif",
    "ldif/ldapsearch-output-lll.ldif",
    "ldif/openldap-test.ldif",
    "ldif/planetexpress-hermes.ldif",
    "ldif/planetexpress-leela-photo.ldif",
    "ldif/rfc2849-example1.ldif",
    "ldif/rfc2849-example3.ldif",
    "ldif/rfc2849-example4.ldif",
    "ldif/thunderbird-abook.ldif",
];

fn book(text: &str) -> Book {
    read(text.as_bytes(), &ReadOptions::default()).unwrap()
}

fn codes(book: &Book) -> Vec<(&'static str, u64)> {
    book.report.warnings.iter().map(|note| (note.code, note.line.unwrap_or(0))).collect()
}

fn written(book: &Book) -> String {
    String::from_utf8(convert(book, Format::Ldif, &WriteOptions::default()).unwrap().bytes).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn no_damage_harms(bytes in laws::any_damage(FILES)) {
        laws::no_damage_harms(Format::Ldif, &bytes);
    }
}

#[test]
fn an_edit_keeps_the_rest() {
    for file in FILES {
        laws::an_edit_keeps_the_rest(file);
    }
}

#[test]
fn change_records_are_refused_with_the_reason_and_the_others_are_read() {
    let text = "dn: cn=A\nchangetype: modify\nreplace: mail\nmail: a@b.example\n-\n\n\
        dn: cn=B\nchangetype: add\ncn: B\nmail: b@b.example\n\ndn: cn=C\nchangetype: delete\n\n\
        dn: cn=D\nchangetype: modrdn\nnewrdn: cn=E\ndeleteoldrdn: 1\n";
    let found = book(text);
    assert_eq!((found.entries(), found.report.kept_out), (1, 3));
    assert_eq!(codes(&found), [("change_record", 1), ("change_record", 12), ("change_record", 15)]);
    assert!(found.report.warnings[1].text.contains("order to delete"));
    assert_eq!(written(&found), text);

    let none = read(b"dn: cn=C\nchangetype: delete\n", &ReadOptions::default());
    assert_eq!(none.map(|_| ()), Err(FileError::ChangesOnly { line: 1 }));
}

#[test]
fn members_are_found_by_rule_and_the_missing_are_named() {
    let text = "dn: cn=Doe\\2C Jane,ou=P\nobjectClass: INETORGPERSON\ncn: Doe, Jane\nmail: jane@b.example\n\n\
        dn: CN=All,ou=G\nobjectClass: GroupOfNames\ncn: All\nmember: CN=doe\\,  jane , OU=p\nmember: cn=Gone\n\
        member: cn=Inner\n\ndn: cn=Inner\nobjectClass: groupOfUniqueNames\ncn: Inner\nuniqueMember: cn=All,ou=G\n";
    let found = book(text);
    assert_eq!(codes(&found), [("member_missing", 10), ("group_in_itself", 13)]);
    let group = &found.contacts[1];
    assert_eq!(group.members.iter().map(|link| link.contact).collect::<Vec<_>>(), [0, 2]);
    assert_eq!(group.entries[0].members_in_order().collect::<Vec<_>>(), [&Member::Box("cn=Gone".into())]);

    // A new name: the group still names its own.
    let mut edited = found.clone();
    edited.contacts[1].entries[0].name = "Everybody".into();
    let again = book(&written(&edited));
    assert_eq!(again.contacts[1].members, group.members);
    assert_eq!(again.contacts[1].entries[0].members, group.entries[0].members);
    let changed = written(&edited);
    let new: Vec<&str> = changed.lines().filter(|line| !text.contains(*line)).collect();
    assert_eq!(new, ["cn: Everybody", "member: cn=Doe\\2C Jane,ou=P"]);
}

#[test]
fn files_of_attributes_are_never_followed() {
    let text =
        "dn: cn=A\ncn: A\njpegPhoto:< file:///etc/hostname\nmail:< file:///etc/passwd\nmail: a@b.example\n";
    let mut found = book(text);
    assert_eq!(codes(&found), [("value_elsewhere", 3), ("value_elsewhere", 4)]);
    assert!(found.report.warnings.iter().all(|note| note.weight == Weight::Loss));
    assert_eq!(found.entries(), 1);
    found.contacts[0].entries[0].name = "B".into();
    let changed = written(&found);
    assert!(changed.contains("jpegPhoto:< file:///etc/hostname\n"), "{changed}");
    assert!(changed.contains("mail:< file:///etc/passwd\n"), "{changed}");
}

#[test]
fn mail_boxes_of_active_directory_count_once() {
    let text = "dn: CN=A\nobjectClass: user\ncn: A\nproxyAddresses: smtp:other@b.example\n\
        proxyAddresses: X500:/o=b\nproxyAddresses: SMTP:main@b.example\n";
    let found = book(text);
    let mails: Vec<&str> = found.contacts[0].entries.iter().map(|entry| &*entry.mail).collect();
    assert_eq!(mails, ["main@b.example"]);
}

#[test]
fn numbers_names_and_readings_as_directories_write_them() {
    let text = "dn: cn=x\nCN:short\ndisplayName: Shown, Name\nfacsimileTelephoneNumber: +1 2$fineResolution\n\
        fax: 34\nsn;lang-ja;phonetic: yomi\nmsDS-PhoneticDisplayName: all\ngivenname:: w4ly\n";
    let mut found = book(text);
    let contact = &found.contacts[0];
    assert_eq!(contact.name(), "Shown, Name");
    let of = |field: Field, at: usize| field.get(&contact.entries[at]);
    assert_eq!((of(Field::FaxNumber, 0), of(Field::FaxNumber, 1)), ("+1 2".into(), "34".into()));
    assert_eq!((of(Field::FamilyReading, 1), of(Field::Reading, 0)), ("yomi".into(), "all".into()));
    assert_eq!(of(Field::Given, 0), "Ér");
    for entry in &mut found.contacts[0].entries {
        entry.name = "N".into();
    }
    let changed = written(&found);
    for line in ["cn: short", "displayName: N", "facsimileTelephoneNumber: +1 2$fineResolution"] {
        assert!(changed.contains(line), "{changed}");
    }
    assert!(changed.contains("sn;lang-ja;phonetic: yomi"), "{changed}");
}

#[test]
fn what_ldapsearch_says_around_the_entries_is_no_entry() {
    let text = "# extended LDIF\n#\n# base <dc=b> with scope\n#  subtree\n#\n\n# A, b\ndn: cn=A,dc=b\nmail: a@b.example\n\n\
        # search reference\nref: ldap://other/dc=b??sub\n\n# search result\nsearch: 2\nresult: 0 Success\n\n# numResponses: 3\n";
    let found = book(text);
    assert_eq!((found.entries(), found.report.kept_out), (1, 0));
    assert_eq!(codes(&found), [("referral", 12)]);
    assert_eq!(found.contacts[0].name(), "A");
    assert_eq!(written(&found), text);
}

#[test]
fn utf_16_as_ldifde_writes_it() {
    let text = "dn: CN=Ä\r\nchangetype: add\r\ncn: Ä\r\nmail: a@b.example\r\n\r\n";
    let mut bytes = vec![0xff, 0xfe];
    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    let mut found = read(&bytes, &ReadOptions::default()).unwrap();
    assert_eq!((found.format(), found.contacts[0].name()), (Format::Ldif, "Ä"));
    assert_eq!(convert(&found, Format::Ldif, &WriteOptions::default()).unwrap().bytes, bytes);
    found.contacts[0].entries[0].name = "B".into();
    let changed = convert(&found, Format::Ldif, &WriteOptions::default()).unwrap().bytes;
    assert!(changed.starts_with(&[0xff, 0xfe]) && changed.len().is_multiple_of(2));
}

#[test]
fn passwords_stay_in_their_file() {
    let text = "dn: cn=A\ncn: A\nuserPassword:: aGlk\n ZGVu\nmail: a@b.example\n";
    let mut found = book(text);
    assert_eq!(codes(&found), [("secret_not_taken", 1)]);
    assert!(found.contacts[0].entries[0].kept_by.is_empty());
    found.contacts[0].entries[0].name = "B".into();
    assert!(written(&found).contains("userPassword:: aGlk\n ZGVu\n"));
}

#[test]
fn wrong_records_stay_out_and_in_their_place() {
    let text = "dn: cn=A\nmail: a@b.example\n\ndn: cn=B\nno colon\n\ncn: C\nmail: c@b.example\n\n\
        dn:: !!\nmail: d@b.example\n\ndn: cn=E\nmail: e@b.example\njpegPhoto:: ////\ncn:: /w==\n";
    let mut found = book(text);
    assert_eq!((found.entries(), found.report.kept_out), (2, 3));
    assert_eq!(codes(&found), [("no_colon", 5), ("no_name", 7), ("wrong_name", 10), ("value_not_text", 16)]);
    assert_eq!(written(&found), text);
    found.contacts[1].entries[0].mail = "new@b.example".into();
    let changed = written(&found);
    assert!(changed.contains("no colon\n\ncn: C\n"), "{changed}");
    assert!(changed.contains("jpegPhoto:: ////\n") && changed.contains("cn:: /w==\n"), "{changed}");
    assert_eq!(Slot::of(&found.contacts[1].entries[0]), Slot::Mail);
}

#[test]
fn entries_of_one_name_get_names_of_their_own() {
    let text = "dn: cn=A,ou=1\ncn: A\nmail: a@b.example\n\ndn: cn=A,ou=2\ncn: A\nmail: b@b.example\n\n\
        dn: cn=G\nobjectClass: groupOfNames\nobjectClass: top\ncn: G\nmember: cn=A,ou=2\n";
    let mut found = book(text);
    for contact in &mut found.contacts {
        contact.source = None;
        contact.entries[0].kept_by.clear();
    }
    let again = book(&written(&found));
    assert_eq!(again.contacts[2].members, found.contacts[2].members);
}

#[test]
fn a_group_still_finds_the_one_whose_name_was_edited() {
    let text = "dn: cn=A\ncn: A\nmail: a@b.example\n\n\
        dn: cn=G\nobjectClass: groupOfNames\nobjectClass: top\ncn: G\nmember: cn=A\n";
    let mut found = book(text);
    found.contacts[0].entries[0].name = "B".into();
    let again = book(&written(&found));
    assert_eq!(again.contacts[0].name(), "B");
    assert_eq!(again.contacts[1].members, found.contacts[1].members);
}

#[test]
fn an_entry_of_a_thousand_addresses_is_bounded() {
    let mails: String = (0..1_000).map(|at| alloc::format!("mail: a{at}@b.example\n")).collect();
    let mut found = book(&alloc::format!("dn: cn=A\ncn: A\n{mails}"));
    assert_eq!((found.entries(), found.report.warnings[0].code), (64, "too_many_destinations"));
    found.contacts[0].entries[0].name = "B".into();
    assert_eq!(written(&found).matches("mail: ").count(), 1_000);
}

#[test]
fn what_only_makes_the_directory_is_no_loss_and_comes_back_with_the_entry() {
    let text = "dn: cn=Ann,ou=staff,o=Sample\nobjectClass: person\nobjectClass: new\nuid: ann\ncn: Ann\n\
                entryUUID: 7\nmail: ann@x.example\n";
    let book = book(text);
    for to in Format::all().filter(|to| *to != Format::Ldif) {
        let written = convert(&book, to, &WriteOptions::default()).unwrap();
        assert!(!written.has_losses(), "{to}: {:?}", written.notes);
        let remarks: Vec<_> = written.notes.iter().filter(|n| n.code == "structure_left_behind").collect();
        assert_eq!(remarks.len(), 1, "{to}");
        assert!(remarks[0].text.contains("dn, entryUUID, objectClass, uid"), "{}", remarks[0].text);
    }
    let mut edited = book.clone();
    edited.contacts[0].entries[0].name = "Anna".into();
    let again = written(&edited);
    for line in ["dn: cn=Ann,ou=staff,o=Sample", "objectClass: new", "uid: ann", "entryUUID: 7"] {
        assert!(again.contains(line), "{again}");
    }
    // What somebody said of the person is still one.
    let spoken = self::book(&format!("{text}roomNumber: 12\n"));
    let written = convert(&spoken, Format::CanonCsv, &WriteOptions::default()).unwrap();
    assert!(written.has_losses());
}
