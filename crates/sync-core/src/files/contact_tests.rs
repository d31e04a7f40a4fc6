//! What is odd about files of contact programs and spreadsheets.

use super::{
    field::{Field, Slot},
    *,
};
use crate::address::Address;
use proptest::prelude::*;

const FORMATS: [Format; 5] =
    [Format::GoogleCsv, Format::Google2015Csv, Format::OutlookCsv, Format::ThunderbirdCsv, Format::Csv];

fn corpus(file: &str) -> Vec<u8> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpora");
    std::fs::read(root.join(file)).unwrap()
}

fn of(text: &str) -> Book {
    read(text.as_bytes(), &ReadOptions::default()).unwrap()
}

fn text(book: &Book, to: Format) -> String {
    String::from_utf8(convert(book, to, &WriteOptions::default()).unwrap().bytes).unwrap()
}

fn said(contact: &Contact, fields: &[Field]) -> String {
    let entry = |entry: &Address| fields.iter().map(|f| f.get(entry)).collect::<Vec<_>>().join("|");
    contact.entries.iter().map(entry).collect::<Vec<_>>().join(" / ")
}

#[test]
fn google_lists_in_one_cell_are_several_entries_and_labels_are_groups() {
    let book = of(&String::from_utf8(corpus("csv-google/google-contacts-2015.csv")).unwrap());
    let eva = &book.contacts[0];
    assert_eq!(
        said(eva, &[Field::Name, Field::Mail, Field::FaxNumber]),
        "Eva Fake|eva@example.com| / Eva Fake|eva.fake@example.org| / Eva Fake||+1 555 0114"
    );
    let nameless = &book.contacts[2];
    assert_eq!(nameless.name(), "Nameless Ltd");
    let group = &book.contacts[3];
    assert_eq!((group.name(), &*group.members), ("Scan people", &[Link { contact: 0, entry: None }][..]));
    // The address of the post, which nobody understands here, comes back, and the group with it.
    let mut edited = book.clone();
    for entry in &mut edited.contacts[0].entries {
        entry.name = "Eva F.".into();
    }
    let text = text(&edited, Format::Google2015Csv);
    let row = text.lines().nth(1).unwrap();
    assert!(row.starts_with("Eva F.,Eva,,Fake,"), "{row}");
    assert!(row.contains("Scan people ::: * myContacts,* Work,eva@example.com,Work,eva.fake@example.org,Work Fax,+1 555 0114"), "{row}");
    assert!(text.contains("\"1 Nowhere Road\nSampleton, XX 00000\nUS\",1 Nowhere Road"));
    let others = |text: &str| text.lines().skip(4).map(String::from).collect::<Vec<_>>();
    assert_eq!(
        others(&text),
        others(&String::from_utf8(corpus("csv-google/google-contacts-2015.csv")).unwrap())
    );
}

#[test]
fn google_needs_as_many_columns_as_its_entries() {
    let book = of("First Name,Labels,E-mail 1 - Label,E-mail 1 - Value\nA,,Home,a@x.example\n");
    let mut edited = book.clone();
    let mut fax = Slot::Fax.entry();
    (fax.name, fax.fax) = ("A".into(), edited.contacts[0].entries[0].fax.clone());
    Field::FaxNumber.set(&mut fax, "5550100");
    edited.contacts[0].entries.push(fax);
    let text = text(&edited, Format::GoogleCsv);
    assert!(text.contains("Phone 1 - Value") && text.contains(",Fax,5550100"), "{text}");
    assert!(text.contains("Home,a@x.example"), "{text}");
}

#[test]
fn google_groups_without_members_and_of_one_name_are_told() {
    let head = "Name,Given Name,Group Membership,E-mail 1 - Type,E-mail 1 - Value\n";
    let mut book = of(&alloc::format!("{head}A,A,x ::: * starred,,a@x.example\nB,B,x,,b@x.example\n"));
    assert_eq!(book.by_kind()[&Slot::Group], 1);
    book.contacts[2].members.clear();
    let written = convert(&book, Format::GoogleCsv, &WriteOptions::default()).unwrap();
    assert_eq!((written.given, written.written, written.kept_out), (3, 2, 1));
    assert!(written.notes.iter().any(|note| note.code == "group_without_members"));
    let same = text(&book, Format::Google2015Csv);
    assert!(same.contains("A,A,* starred ::: * myContacts,"), "{same}");
}

#[test]
fn outlook_paths_of_exchange_are_no_addresses_and_come_back() {
    let mut book = read(&corpus("csv-outlook/outlook-en-92col-cp1252.csv"), &ReadOptions::default()).unwrap();
    assert_eq!(book.encoding.name(), "windows-1252");
    assert_eq!(
        said(&book.contacts[1], &[Field::Name, Field::Mail, Field::Note]),
        "Mona Internal||two\r\nlines"
    );
    // Nothing is lost of the first: dates and display names that say nothing are no loss.
    let mut first = book.clone();
    first.contacts.truncate(1);
    let written = convert(&first, Format::ThunderbirdCsv, &WriteOptions::default()).unwrap();
    assert!(!written.has_losses(), "{:?}", written.notes);
    Field::Note.set(&mut book.contacts[1].entries[0], "one line");
    let options = WriteOptions { encoding: Some(Encoding::UTF_8), ..WriteOptions::default() };
    let text = convert(&book, Format::OutlookCsv, &options).unwrap().bytes;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("\"/o=Example/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=mona\",\"EX\",\"Mona Internal\""), "{text}");
}

#[test]
fn outlook_is_known_by_the_order_of_its_columns_in_any_language() {
    let english = String::from_utf8(corpus("csv-outlook/outlook-de-semicolon-utf8bom.csv")).unwrap();
    let (head, rows) = english.split_once('\n').unwrap();
    let names: Vec<String> = head
        .split(';')
        .enumerate()
        .map(|(at, name)| match name {
            name if name.contains("E-Mail") => alloc::format!("sähköposti {at}"),
            _ => alloc::format!("sarake {at}"),
        })
        .collect();
    let book = of(&alloc::format!("{}\n{rows}", names.join(";")));
    assert_eq!(book.format(), Format::OutlookCsv);
    assert_eq!(
        said(&book.contacts[0], &[Field::Given, Field::Family, Field::Mail, Field::FaxNumber]),
        "Ulla|Beispiel|ulla@example.at| / Ulla|Beispiel||0555 0120"
    );
    // A fax at home is one again, and a blank after a name of a column is none of it.
    let spaced = english.replace("E-Mail 3: Adresse;", "E-Mail 3: Adresse ;");
    let mut book = of(&spaced);
    for entry in &mut book.contacts[0].entries {
        Field::Family.set(entry, "Muster");
    }
    let text = text(&book, Format::OutlookCsv);
    let row: Vec<&str> = text.lines().nth(1).unwrap().split(';').collect();
    assert_eq!((row[3], row[30], row[36]), ("Muster", "", "0555 0120"));
}

#[test]
fn thunderbird_with_tabs_is_read_and_new_files_end_lines_in_a_comma() {
    let text_of = String::from_utf8(corpus("csv-thunderbird/thunderbird-trailing-comma.csv")).unwrap();
    let book = of(&text_of);
    assert_eq!(
        said(&book.contacts[0], &[Field::Name, Field::Note]).split(" / ").next(),
        Some("Minta Vali|a, b")
    );
    let tabs =
        "First Name\tLast Name\tDisplay Name\tPrimary Email\r\nVali\tMinta\tMinta Vali\tvali@example.hu\r\n";
    let tabs = of(tabs);
    assert_eq!((tabs.format(), tabs.entries()), (Format::ThunderbirdCsv, 1));
    let csv = convert(&tabs, Format::Csv, &WriteOptions::default()).unwrap();
    let back = read(&csv.bytes, &ReadOptions::default()).unwrap();
    let written = text(&back, Format::ThunderbirdCsv);
    assert!(written.lines().all(|line| line.ends_with(',')), "{written}");
}

#[test]
fn plain_csv_goes_by_a_mapping_where_its_names_say_nothing() {
    let file = "K1|x;Ziel\nA;5550100\n";
    assert_eq!(read(file.as_bytes(), &ReadOptions::default()).unwrap_err().code(), "unknown_format");
    let column =
        |heading: &str, means: &str| MappedColumn { heading: heading.into(), means: means.parse().unwrap() };
    let mapping = Mapping {
        separator: Some(';'),
        columns: vec![column(" k1|X", "name"), column("ziel", "fax"), column("Z", "keep")],
        ..Mapping::default()
    };
    let options = ReadOptions { mapping: Some(mapping), ..ReadOptions::default() };
    let book = read(file.as_bytes(), &options).unwrap();
    assert_eq!(said(&book.contacts[0], &[Field::Name, Field::FaxNumber]), "A|5550100");
    assert_eq!(book.report.warnings[0].code, "mapped_column_missing");
    let wrong = read(b"a;b\n1;2\n", &options).unwrap_err();
    assert_eq!(wrong.code(), "mapping_does_not_fit");
}

#[test]
fn plain_csv_is_written_by_a_mapping_and_what_that_lacks_is_told() {
    let book = of("Name,E-mail,E-mail 2,Fax,Company\nJane Doe,j@x.example,j2@x.example,5550100,ACME\n");
    assert_eq!(book.entries(), 3);
    let mapping = suggest_mapping("Nom;Prénom;Courriel\n").unwrap();
    assert_eq!(mapping.separator, Some(';'));
    let options = WriteOptions { mapping: Some(mapping), ..WriteOptions::default() };
    let written = convert(&book, Format::Csv, &options).unwrap();
    let text = String::from_utf8(written.bytes).unwrap();
    assert_eq!(text, "\u{feff}Nom;Prénom;Courriel\r\n;Jane Doe;j@x.example\r\n;Jane Doe;j2@x.example\r\n");
    assert_eq!((written.given, written.written, written.kept_out), (3, 2, 1));
    let codes: Vec<&str> = written.notes.iter().map(|note| note.code).collect();
    assert!(codes.contains(&"kind_not_in_format") && codes.contains(&"field_not_in_format"), "{codes:?}");
}

#[test]
fn plain_csv_of_spreadsheets_is_read() {
    for (file, wanted) in [
        ("sep=;\r\nVorname;Nachname;E-Mail\r\nJörn;Müster;j@x.example\r\n", "Jörn Müster|j@x.example"),
        ("\u{feff}\"氏名\"\t\"メールアドレス\"\n\"山田 太郎\"\t\"t@x.example\"\n", "山田 太郎|t@x.example"),
        ("Nombre,Apellidos,Correo electrónico\nÍñigo,Muñoz,i@x.example", "Íñigo Muñoz|i@x.example"),
        ("Name,Mail,\nShort\nX,x@x.example,\n", "X|x@x.example"),
    ] {
        let book = of(file);
        assert_eq!(said(book.contacts.last().unwrap(), &[Field::Name, Field::Mail]), wanted);
        assert_eq!(text(&book, Format::Csv), file);
    }
    let book = of("Name,Mail\nDoe, Jane,j@x.example\nB,b@x.example\n");
    assert_eq!((book.report.read, book.report.kept_out, book.report.warnings[0].line), (1, 1, Some(2)));
    // An edited row changes one row; what is not understood comes back in it.
    let mut book = of("Name;Mail;Hobby\r\nA;a@x.example;chess\r\n'B';b@x.example;go\r\n");
    book.contacts[0].entries[0].mail = "new@x.example".into();
    assert_eq!(
        text(&book, Format::Csv),
        "Name;Mail;Hobby\r\nA;new@x.example;chess\r\n'B';b@x.example;go\r\n"
    );
}

#[test]
fn an_edit_that_needs_a_new_column_gets_one() {
    let mut book = of("Mail;Hobby\na@x.example;chess\nb@x.example;go\n");
    let mut fax = Slot::Fax.entry();
    Field::FaxNumber.set(&mut fax, "5550100");
    book.contacts[0].entries.push(fax);
    book.contacts.push(book.contacts[1].clone());
    let text = text(&book, Format::Csv);
    assert_eq!(
        text,
        "Name,E-mail,Fax,Hobby\r\n,a@x.example,5550100,chess\r\n,b@x.example,,go\r\n,b@x.example,,go\r\n"
    );
    // A member that leaves a group changes its row.
    let head = "First Name,Labels,E-mail 1 - Label,E-mail 1 - Value\n";
    let mut book = of(&alloc::format!("{head}A,x,,a@x.example\nB,x,,b@x.example\n"));
    book.contacts[2].members.pop();
    let text = self::text(&book, Format::GoogleCsv);
    assert_eq!(
        text,
        alloc::format!("{head}A,x ::: * myContacts,,a@x.example\nB,* myContacts,,b@x.example\n")
    );
}

#[test]
fn many_rows_of_many_columns_take_time_that_grows_with_the_file() {
    // Were a row compared with all columns or all members, this would take minutes.
    let names: Vec<String> = (1..=250).map(|n| alloc::format!("E-mail {n} - Value")).collect();
    let rows = "A,,all,a@x.example\n".repeat(20_000);
    let book = of(&alloc::format!("First Name,Last Name,Labels,{}\n{rows}", names.join(",")));
    assert_eq!(book.by_kind(), [(Slot::Mail, 20_000), (Slot::Group, 1)].into());
    let written = convert(&book, Format::GoogleCsv, &WriteOptions::default()).unwrap();
    assert_eq!((written.written, written.kept_out), (20_001, 0));
    // More addresses than columns share a cell.
    let many: Vec<String> = (0..60).map(|n| alloc::format!("a{n}@x.example")).collect();
    let book =
        of(&alloc::format!("First Name,E-mail 1 - Label,E-mail 1 - Value\nA,,{}\n", many.join(" ::: ")));
    assert_eq!(book.entries(), 60);
    let written = convert(&book, Format::Google2015Csv, &WriteOptions::default()).unwrap();
    assert_eq!(read(&written.bytes, &ReadOptions::default()).unwrap().entries(), 60);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_damage_makes_a_reader_panic(
        file in 0..6_usize,
        at in any::<prop::sample::Index>(),
        with in prop::collection::vec(any::<u8>(), 0..6),
        cut in 0..40_usize,
    ) {
        let files = [
            "csv-google/google-contacts-2015.csv",
            "csv-google/google-contacts-2024-short.csv",
            "csv-outlook/outlook-en-92col-cp1252.csv",
            "csv-outlook/outlook-de-semicolon-utf8bom.csv",
            "csv-thunderbird/thunderbird-trailing-comma.csv",
            "csv-other/spreadsheet-de-semicolon-cp1252.csv",
        ];
        let mut bytes = corpus(files[file]);
        let at = at.index(bytes.len());
        bytes.splice(at..(at + cut).min(bytes.len()), with);
        for format in FORMATS.map(Some).into_iter().chain([None]) {
            let options = ReadOptions { format, ..ReadOptions::default() };
            if let Ok(book) = read(&bytes, &options) {
                let written = convert(&book, book.format(), &WriteOptions::default()).unwrap();
                prop_assert_eq!(written.given, written.written);
                for to in FORMATS {
                    let written = convert(&book, to, &WriteOptions::default()).unwrap();
                    prop_assert_eq!(written.given, written.written + written.kept_out);
                }
            }
        }
    }
}

#[test]
fn labels_go_from_google_into_cards_and_back() {
    let google = "First Name,Last Name,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,\
                  Phone 1 - Label,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value\n\
                  Ann,Doe,* myContacts,* Work,ann@x.example,Home,ann@home.example,Home Fax,+1 5,Home,+1 6\n";
    let book = of(google);
    let labels = [Field::Label, Field::PhoneLabel];
    let expected = "work|home / home|home / home|home";
    assert_eq!(said(&book.contacts[0], &labels), expected);
    let written = convert(&book, Format::Vcard, &WriteOptions::default()).unwrap();
    assert!(!written.has_losses(), "{:?}", written.notes);
    let card = String::from_utf8(written.bytes).unwrap();
    for line in [
        "EMAIL;TYPE=WORK:ann@x.example",
        "EMAIL;TYPE=HOME:ann@home.example",
        "TEL;TYPE=HOME,FAX:+1 5",
        "TEL;TYPE=HOME,VOICE:+1 6",
    ] {
        assert!(card.contains(line), "{card}");
    }
    let back = of(&card);
    assert_eq!(said(&back.contacts[0], &labels), expected);
    let written = convert(&back, Format::GoogleCsv, &WriteOptions::default()).unwrap();
    assert!(!written.has_losses(), "{:?}", written.notes);
    let again = of(&String::from_utf8(written.bytes).unwrap());
    assert_eq!(said(&again.contacts[0], &labels), expected);

    // What a card says beside the label is kept with it, and an edited label is written.
    let mut card =
        of("BEGIN:VCARD\nVERSION:3.0\nFN:Bo\nN:;Bo;;;\nEMAIL;TYPE=HOME;X-OLD=1:bo@x.example\nEND:VCARD\n");
    card.contacts[0].entries[0].label = "work".into();
    let text = text(&card, Format::Vcard);
    assert!(text.contains("EMAIL;X-OLD=1;TYPE=WORK:bo@x.example"), "{text}");

    // A word of somebody's own is lost in a card, and said so.
    let own = of(&google.replace(",Home,ann", ",Sailing club,ann"));
    let written = convert(&own, Format::Vcard, &WriteOptions::default()).unwrap();
    let lost: Vec<_> = written.notes.iter().filter(|note| note.code == "value_not_in_format").collect();
    assert_eq!(lost.len(), 1);
    assert!(lost[0].text.contains("Sailing club"));
}

#[test]
fn outlook_in_an_unknown_language_is_known_by_its_columns_and_what_they_hold() {
    let mut cells = [""; 92];
    for (at, text) in
        [(1, "Ann"), (3, "Doe"), (30, "0555 0120"), (57, "ann@x.example"), (58, "SMTP"), (77, "two\nlines")]
    {
        cells[at] = text;
    }
    let names: Vec<String> = (0..92).map(|at| alloc::format!("лист {at}")).collect();
    let row = cells.map(|cell| alloc::format!("\"{cell}\"")).join(",");
    let book = of(&alloc::format!("{}\n{row}\n{row}\n", names.join(",")));
    assert_eq!(book.format(), Format::OutlookCsv);
    assert_eq!(
        said(&book.contacts[0], &[Field::Name, Field::Mail, Field::FaxNumber, Field::Note]),
        "Ann Doe|ann@x.example||two\nlines / Ann Doe||0555 0120|two\nlines"
    );
    let codes: Vec<&str> = book.report.warnings.iter().map(|note| note.code).collect();
    assert_eq!(codes, ["columns_by_order"]);
    assert!(!convert(&book, Format::Vcard, &WriteOptions::default()).unwrap().has_losses());
    // Without e-mail where it must be it is any table.
    let other = row.replace("ann@x.example", "Ann");
    let read = read(alloc::format!("{}\n{other}\n", names.join(",")).as_bytes(), &ReadOptions::default());
    assert!(read.map_or(true, |book| book.format() != Format::OutlookCsv));
}

#[test]
fn what_has_no_label_gets_none_on_the_way_through_google() {
    let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ann B\r\nN:B;Ann;;;\r\nEMAIL:b@x.example\r\nEMAIL;TYPE=home:h@x.example\r\n\
                TEL;TYPE=FAX:555\r\nTEL:556\r\nEND:VCARD\r\n";
    let written = |book: &Book, format: Format| {
        let written = convert(book, format, &WriteOptions::default()).unwrap();
        let said: Vec<_> = written.notes.iter().filter(|note| note.weight == Weight::Loss).collect();
        assert!(said.is_empty(), "{said:?}");
        written.bytes
    };
    let labels = |book: &Book| -> Vec<(String, String)> {
        book.contacts[0]
            .entries
            .iter()
            .map(|entry| (entry.label.clone(), Field::PhoneLabel.get(entry)))
            .collect()
    };
    let first = read(card.as_bytes(), &ReadOptions::default()).unwrap();
    assert_eq!(labels(&first).iter().map(|(label, _)| &**label).collect::<Vec<_>>(), ["", "home", ""]);
    for format in [Format::GoogleCsv, Format::Google2015Csv] {
        let bytes = written(&first, format);
        let file = String::from_utf8_lossy(&bytes);
        assert!(!file.contains("Work"), "{file}");
        let google = read(&bytes, &ReadOptions::default()).unwrap();
        assert_eq!((google.format(), labels(&google)), (format, labels(&first)));
        assert!(google.contacts.iter().all(|contact| contact.entry(Slot::Group).is_none()));
        let back = String::from_utf8(written(&google, Format::Vcard)).unwrap();
        assert!(!back.contains("WORK") && !back.contains("myContacts"), "{back}");
        assert_eq!(labels(&read(back.as_bytes(), &ReadOptions::default()).unwrap()), labels(&first));
    }
}
