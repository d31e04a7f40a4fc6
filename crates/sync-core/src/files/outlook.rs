//! Outlook's contacts as CSV: 92 columns, whose first 48 stand in the same order in every language and whose others are
//! sorted by their names in the language (column lines as public programs quote them). `,` or `;`, the Windows code page
//! or UTF-8 with a mark. An e-mail of type `EX` is a path in the mail server's directory, no address. Dates `0/0/00` say
//! nothing. Some programs write a blank after the names of columns.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, Frame, TextFrame, full_name},
    columns::{Chart, Chosen, Use},
    convert::{ReadOptions, WriteOptions},
    csv_mapping::separator_of,
    field::{Field, Slot},
    format::{Room, Writer},
    holds::{self, Holds},
    table::{Cells, Quotes, Row, Style, line_end, rows},
    text::Text,
};
use alloc::{format, string::String, vec::Vec};

const CHART: Chart = Chart { format: Format::OutlookCsv, after_read, before_write };

/// The columns in English, in their order.
const ENGLISH: [&str; 92] = [
    "Title",
    "First Name",
    "Middle Name",
    "Last Name",
    "Suffix",
    "Company",
    "Department",
    "Job Title",
    "Business Street",
    "Business Street 2",
    "Business Street 3",
    "Business City",
    "Business State",
    "Business Postal Code",
    "Business Country",
    "Home Street",
    "Home Street 2",
    "Home Street 3",
    "Home City",
    "Home State",
    "Home Postal Code",
    "Home Country",
    "Other Street",
    "Other Street 2",
    "Other Street 3",
    "Other City",
    "Other State",
    "Other Postal Code",
    "Other Country",
    "Assistant's Phone",
    "Business Fax",
    "Business Phone",
    "Business Phone 2",
    "Callback",
    "Car Phone",
    "Company Main Phone",
    "Home Fax",
    "Home Phone",
    "Home Phone 2",
    "ISDN",
    "Mobile Phone",
    "Other Fax",
    "Other Phone",
    "Pager",
    "Primary Phone",
    "Radio Phone",
    "TTY/TDD Phone",
    "Telex",
    "Account",
    "Anniversary",
    "Assistant's Name",
    "Billing Information",
    "Birthday",
    "Business Address PO Box",
    "Categories",
    "Children",
    "Directory Server",
    "E-mail Address",
    "E-mail Type",
    "E-mail Display Name",
    "E-mail 2 Address",
    "E-mail 2 Type",
    "E-mail 2 Display Name",
    "E-mail 3 Address",
    "E-mail 3 Type",
    "E-mail 3 Display Name",
    "Gender",
    "Government ID Number",
    "Hobby",
    "Home Address PO Box",
    "Initials",
    "Internet Free Busy",
    "Keywords",
    "Language",
    "Location",
    "Manager's Name",
    "Mileage",
    "Notes",
    "Office Location",
    "Organizational ID Number",
    "Other Address PO Box",
    "Priority",
    "Private",
    "Profession",
    "Referred By",
    "Sensitivity",
    "Spouse",
    "User 1",
    "User 2",
    "User 3",
    "User 4",
    "Web Page",
];

/// How many columns stand in the same place in every language.
const FIXED: usize = 48;

/// The other columns in other languages, by the English name.
const TRANSLATED: &[(&str, &[&str])] = &[
    ("First Name", &["Vorname", "Prénom", "Nombre", "Nome", "名"]),
    ("Last Name", &["Nachname", "Nom", "Apellidos", "Cognome", "姓"]),
    ("Company", &["Firma", "Société", "Organización", "Compañía", "Società", "会社名"]),
    ("Department", &["Abteilung", "Service", "Departamento", "Reparto", "部署"]),
    ("Job Title", &["Position", "Titre", "Puesto", "Cargo", "Posizione", "役職"]),
    (
        "Business Fax",
        &["Fax geschäftlich", "Télécopie (bureau)", "Fax del trabajo", "Fax (uff.)", "会社 FAX"],
    ),
    ("Home Fax", &["Fax privat", "Télécopie (domicile)", "Fax particular", "Fax (ab.)", "自宅 FAX"]),
    ("Other Fax", &["Weiteres Fax", "Télécopie (autre)", "Otro fax", "Altro fax", "その他の FAX"]),
    (
        "Business Phone",
        &["Telefon geschäftlich", "Téléphone (bureau)", "Teléfono del trabajo", "Ufficio", "会社電話"],
    ),
    ("Mobile Phone", &["Mobiltelefon", "Tél. mobile", "Móvil", "Cellulare", "携帯電話"]),
    ("Notes", &["Notizen", "Notas", "Note", "メモ"]),
    ("Categories", &["Kategorien", "Catégories", "Categorías", "Categorie", "分類"]),
    ("Gender", &["Geschlecht", "Sexe", "Sexo", "Sesso", "性別"]),
    ("Priority", &["Priorität", "Priorité", "Prioridad", "Priorità", "優先度"]),
    ("Private", &["Privat", "Privé", "Privado", "Privato", "プライベート"]),
    (
        "Sensitivity",
        &["Vertraulichkeit", "Critère de diffusion", "Confidencialidad", "Riservatezza", "秘密度"],
    ),
    ("Birthday", &["Geburtstag", "Anniversaire", "Cumpleaños", "Compleanno", "誕生日"]),
    (
        "Anniversary",
        &["Jahrestag", "Anniversaire de mariage ou fête", "Aniversario", "Anniversario", "記念日"],
    ),
    (
        "E-mail Address",
        &[
            "E-Mail-Adresse",
            "Adresse de messagerie",
            "Adresse e-mail",
            "Dirección de correo electrónico",
            "Indirizzo posta elettronica",
            "Indirizzo e-mail",
            "電子メール アドレス",
        ],
    ),
    (
        "E-mail Type",
        &[
            "E-Mail-Typ",
            "Type de messagerie",
            "Type d'adresse de messagerie",
            "Tipo de correo electrónico",
            "Tipo posta elettronica",
            "Tipo di posta elettronica",
            "電子メールの種類",
        ],
    ),
    (
        "E-mail Display Name",
        &[
            "E-Mail: Angezeigter Name",
            "Nom complet de l'adresse de messagerie",
            "Nombre de pantalla del correo electrónico",
            "Nombre para mostrar del correo electrónico",
            "Nome visualizzato posta elettronica",
            "Nome visualizzato indirizzo posta elettronica",
            "電子メール表示名",
        ],
    ),
    (
        "E-mail 2 Address",
        &[
            "E-Mail 2: Adresse",
            "Adresse de messagerie 2",
            "Adresse e-mail 2",
            "Dirección del correo electrónico 2",
            "Indirizzo posta elettronica 2",
            "電子メール 2 アドレス",
        ],
    ),
    (
        "E-mail 2 Type",
        &[
            "E-Mail 2: Typ",
            "Type de messagerie 2",
            "Tipo de correo electrónico 2",
            "Tipo posta elettronica 2",
            "電子メール 2 の種類",
        ],
    ),
    ("E-mail 2 Display Name", &["E-Mail 2: Angezeigter Name"]),
    (
        "E-mail 3 Address",
        &[
            "E-Mail 3: Adresse",
            "Adresse de messagerie 3",
            "Adresse e-mail 3",
            "Dirección del correo electrónico 3",
            "Indirizzo posta elettronica 3",
            "電子メール 3 アドレス",
        ],
    ),
    (
        "E-mail 3 Type",
        &[
            "E-Mail 3: Typ",
            "Type de messagerie 3",
            "Tipo de correo electrónico 3",
            "Tipo posta elettronica 3",
            "電子メール 3 の種類",
        ],
    ),
    ("E-mail 3 Display Name", &["E-Mail 3: Angezeigter Name"]),
];

/// The three columns of each e-mail.
const MAILS: [(&str, &str, &str); 3] = [
    ("E-mail Address", "E-mail Type", "E-mail Display Name"),
    ("E-mail 2 Address", "E-mail 2 Type", "E-mail 2 Display Name"),
    ("E-mail 3 Address", "E-mail 3 Type", "E-mail 3 Display Name"),
];

/// What is kept that is no column.
pub(super) const KEEPS: &[&str] = &[];

const DATES: &[&str] = &["", "0/0/00", "0.0.00", "0/0/0000", "0.0.0000", "0-0-00"];
const WORDS: &[&str] = &[
    "",
    "Unspecified",
    "Normal",
    "False",
    "Keine Angabe",
    "Falsch",
    "Non spécifié",
    "Non spécifiée",
    "Normale",
    "Faux",
    "Sin especificar",
    "Falso",
    "Non specificato",
    "FALSE",
    "標準",
];

pub(super) const ROOM: Room = Room {
    format: Format::OutlookCsv,
    name: "outlook-csv",
    title: "Outlook contacts, CSV",
    extensions: &["csv"],
    origin: "Outlook: File, Open & Export, Import/Export, Export to a file, Comma Separated Values",
    holds: Holds {
        slots: &[(Slot::Mail, 3), (Slot::Fax, 3), (Slot::Nowhere, 1)],
        together: 6,
        fields: &[
            (Field::Given, 0),
            (Field::Middle, 0),
            (Field::Family, 0),
            (Field::Prefix, 0),
            (Field::Suffix, 0),
            (Field::Organization, 0),
            (Field::Department, 0),
            (Field::Title, 0),
            (Field::Phone, 0),
            (Field::Mobile, 0),
            (Field::Note, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
        ],
        name_of_parts: true,
        lines: true,
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8_MARK,
    recognizes,
    read,
    writer: Writer::Text { frame, contact },
};

fn means(name: &str) -> Chosen {
    let means = match name {
        "Title" => Use::Shared(Field::Prefix),
        "First Name" => Use::Shared(Field::Given),
        "Middle Name" => Use::Shared(Field::Middle),
        "Last Name" => Use::Shared(Field::Family),
        "Suffix" => Use::Shared(Field::Suffix),
        "Company" => Use::Shared(Field::Organization),
        "Department" => Use::Shared(Field::Department),
        "Job Title" => Use::Shared(Field::Title),
        "Business Phone" => Use::Shared(Field::Phone),
        "Mobile Phone" => Use::Shared(Field::Mobile),
        "Notes" => Use::Shared(Field::Note),
        "Business Fax" => Use::Of(Slot::Fax, 0, Field::FaxNumber),
        "Home Fax" => Use::Of(Slot::Fax, 1, Field::FaxNumber),
        "Other Fax" => Use::Of(Slot::Fax, 2, Field::FaxNumber),
        "E-mail Address" => Use::Of(Slot::Mail, 0, Field::Mail),
        "E-mail 2 Address" => Use::Of(Slot::Mail, 1, Field::Mail),
        "E-mail 3 Address" => Use::Of(Slot::Mail, 2, Field::Mail),
        _ => Use::Kept,
    };
    let usual = match name {
        "Birthday" | "Anniversary" => DATES,
        "Gender" | "Priority" | "Private" | "Sensitivity" => WORDS,
        _ => &[],
    };
    Chosen { usual, ..Chosen::new(name, means) }
}

/// The English name of a column.
fn english(name: &str) -> Option<&'static str> {
    let name = name.trim().to_lowercase();
    let is = |one: &str| one.to_lowercase() == name;
    let known = ENGLISH.iter().copied().find(|one| is(one));
    known
        .or_else(|| TRANSLATED.iter().find(|(_, names)| names.iter().any(|one| is(one))).map(|(one, _)| *one))
}

/// Whether a column stands where those of all languages do.
fn in_order(names: &[String]) -> bool {
    let width = names.iter().rposition(|name| !name.trim().is_empty()).map_or(0, |at| at + 1);
    (85..=95).contains(&width)
}

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().next().unwrap_or("");
    let Ok(rows) = rows(first, separator_of(first), 1) else { return false };
    let Some(top) = rows.first().map(|row| &row.cells) else { return false };
    let has = |wanted: &str| top.iter().any(|name| english(name) == Some(wanted));
    let mails = top.iter().filter(|name| is_mail(name)).count();
    let named =
        has("E-mail Address") && (has("E-mail Type") || has("E-mail Display Name")) && has("Last Name");
    named || (in_order(top) && top.len() > FIXED && (mails >= 6 || by_content(&text.text, top.len())))
}

/// Where the first e-mail stands in English, whose order programs with words of other languages keep too.
const FIRST_MAIL: usize = 57;

/// Whether the rows have e-mail where the English columns do, and nothing else there.
fn by_content(text: &str, width: usize) -> bool {
    // A row may have line ends: so many lines that the last is whole.
    let shown = [2, 3, 5, 9, 17].into_iter().find_map(|lines| {
        let end = text.match_indices('\n').nth(lines - 1).map_or(text.len(), |(at, _)| at + 1);
        let whole = |rows: &Vec<Row<'_>>| rows.len() > 1 && rows.iter().all(|row| row.wrong.is_none());
        rows(&text[..end], separator_of(text), 1).ok().filter(whole)
    });
    let shown: Vec<Vec<String>> = shown.into_iter().flatten().skip(1).map(|row| row.cells).collect();
    let shown: Vec<&[String]> = shown.iter().map(|cells| &**cells).collect();
    width >= ENGLISH.len() && has_mail(&shown, FIRST_MAIL)
}

/// Whether a column has e-mail addresses, or paths of a mail server, and nothing else.
fn has_mail(shown: &[&[String]], at: usize) -> bool {
    let cell =
        |cells: &&[String], at: usize| cells.get(at).map(|cell| cell.trim().to_string()).unwrap_or_default();
    let said: Vec<String> =
        shown.iter().map(|cells| cell(cells, at)).filter(|cell| !cell.is_empty()).collect();
    said.iter().any(|cell| holds::is_mail(cell))
        && said.iter().all(|cell| holds::is_mail(cell) || cell.starts_with('/'))
        && shown.iter().all(|cells| matches!(&*cell(cells, at + 1).to_uppercase(), "" | "SMTP" | "EX"))
}

/// Whether the language of the column names is not known here.
fn is_unknown(names: &[String]) -> bool {
    !names.iter().any(|name| english(name) == Some(MAILS[0].0))
}

/// Whether a name speaks of e-mail in one of many languages.
fn is_mail(name: &str) -> bool {
    let name = name.to_lowercase();
    ["mail", "messagerie", "correo", "posta el", "メール", "e-post", "sähköposti", "почт", "邮件"]
        .iter()
        .any(|word| name.contains(word))
}

fn layout(names: &[String], shown: &[&[String]]) -> Vec<Chosen> {
    let ordered = in_order(names);
    let mut keys: Vec<Option<&'static str>> = names
        .iter()
        .enumerate()
        .map(|(at, name)| if ordered && at < FIXED { Some(ENGLISH[at]) } else { english(name) })
        .collect();
    let of_others = || names.iter().skip(FIXED).any(|name| english(name).is_some());
    if is_unknown(names)
        && ordered
        && names.len() >= ENGLISH.len()
        && has_mail(shown, FIRST_MAIL)
        && !of_others()
    {
        for (key, name) in keys.iter_mut().zip(ENGLISH) {
            *key = Some(name);
        }
    } else if is_unknown(names) {
        for (triple, at) in MAILS.iter().zip(mail_columns(names, shown)) {
            for (key, name) in keys[at..].iter_mut().zip([triple.0, triple.1, triple.2]) {
                *key = Some(name);
            }
        }
    }
    let mut used: Vec<&str> = Vec::new();
    let mut choose = |(at, key): (usize, Option<&'static str>)| match key.filter(|key| !used.contains(key)) {
        Some(key) => {
            used.push(key);
            means(key)
        }
        None if names[at].trim().is_empty() => Chosen::new(format!("column {}", at + 1), Use::Kept),
        None => Chosen::new(names[at].trim(), Use::Kept),
    };
    keys.into_iter().enumerate().map(&mut choose).collect()
}

/// Where the e-mails stand in a language that is not known: before cells that say `SMTP` or `EX`, or at the first of
/// nine columns whose names speak of e-mail.
fn mail_columns(names: &[String], shown: &[&[String]]) -> Vec<usize> {
    let is_type = |at: usize| {
        let mut said =
            shown.iter().filter_map(|cells| cells.get(at)).filter(|cell| !cell.is_empty()).peekable();
        said.peek().is_some() && said.all(|cell| matches!(&**cell, "SMTP" | "EX" | "smtp"))
    };
    let last = names.len().saturating_sub(2);
    let by_name = (FIXED.min(last)..last).find(|at| names[*at..].iter().take(3).all(|name| is_mail(name)));
    let first = (FIXED.min(last)..last).find(|at| is_type(at + 1)).or(by_name);
    let first = match (first, by_name) {
        (Some(found), Some(named)) if named < found && (found - named) % 3 == 0 => Some(named),
        (first, _) => first,
    };
    first.map_or(Vec::new(), |first| {
        [first, first + 3, first + 6].into_iter().filter(|at| *at < last).collect()
    })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let separator = separator_of(&text.text);
    let style = Style {
        separator,
        line_end: line_end(&text.text),
        quotes: if text.text.starts_with('"') { Quotes::All } else { Quotes::Needed },
        ..Style::default()
    };
    let mut book = CHART.read("", &text.text, style, text.encoding, &layout)?;
    let Frame::Text(frame) = &book.frame else { return Ok(book) };
    if is_unknown(&frame.columns) {
        let said = "the names of its columns are in a language that is not known here: they were taken by their order; \
                    if something is in the wrong place, give a column mapping";
        book.report.warnings.push(Note::new(Some(1), "columns_by_order", said));
    }
    Ok(book)
}

/// The usual type is not kept, nor a display name that says only the name and the address.
fn after_read(contact: &mut Contact, _: &Cells<'_>) {
    let mut kept = core::mem::take(&mut contact.entries[0].kept_by);
    let name = contact.entries[0].person.as_ref().map(full_name).unwrap_or_default();
    let words = |text: &str| {
        let mut words: Vec<String> = text
            .split(|c: char| c.is_whitespace() || c == ',')
            .filter(|word| !word.is_empty())
            .map(String::from)
            .collect();
        words.sort();
        words
    };
    let name = words(&name);
    let mails = || contact.entries.iter().map(|entry| &*entry.mail).filter(|mail| !mail.is_empty());
    for (address, kind, shown) in MAILS {
        if kept.contains_key(&CHART.key(address)) {
            continue;
        }
        if kept.get(&CHART.key(kind)).is_some_and(|one| one == "SMTP") {
            kept.remove(&CHART.key(kind));
        }
        let implied = |text: &str| {
            let said =
                mails().fold(String::from(text), |text, mail| text.replace(mail, "")).replace("()", "");
            let said = words(&said);
            said.is_empty() || said == name
        };
        if kept.get(&CHART.key(shown)).is_some_and(|text| implied(text)) {
            kept.remove(&CHART.key(shown));
        }
    }
    kept.append(&mut contact.entries[0].kept_by);
    contact.entries[0].kept_by = kept;
}

fn before_write(contacts: &[Contact], at: usize, frame: &TextFrame, cells: &mut [String]) {
    let places = CHART.places(&contacts[at], &frame.layout);
    let column = |name: &str| frame.layout.iter().position(|column| column.key == name);
    for (place, (_, kind, shown)) in MAILS.iter().enumerate() {
        let Some(entry) = places.get(&(Slot::Mail, place)) else { continue };
        for (name, text) in [(kind, "SMTP"), (shown, &*entry.name)] {
            if let Some(cell) = column(name).and_then(|at| cells.get_mut(at)).filter(|cell| cell.is_empty()) {
                *cell = text.into();
            }
        }
    }
}

fn frame(contacts: &[Contact], _: &WriteOptions) -> TextFrame {
    let columns = ENGLISH.iter().map(|name| (String::from(*name), means(name))).collect();
    let style = Style { quotes: Quotes::All, head_quotes: Quotes::All, ..Style::default() };
    CHART.frame(contacts, columns, style, KEEPS)
}

fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    CHART.row(contacts, at, frame)
}
