//! Plain CSV: one line of column names of anybody's choice, in any of the usual separators and encodings. What the
//! columns mean is told by a mapping, or by their names where those are usual ones. Columns that mean nothing here are
//! kept. Such files are made by spreadsheets: `;` in most of Europe, and the Windows code page without a mark.

use super::{
    Encoding, FileError, Format, Note,
    book::{Book, Contact, TextFrame},
    columns::{Chart, Chosen, OF_KIND, Use, nothing_after, nothing_before},
    convert::{ReadOptions, WriteOptions},
    csv_mapping::{Mapping, Meaning, PLACES, in_brackets, separator_line, separator_of, suggest_mapping},
    field::{Field, Slot},
    format::{Room, Writer},
    headings::{self, heading},
    holds::Holds,
    table::{Style, line_end, rows},
    text::Text,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

const CHART: Chart = Chart { format: Format::Csv, after_read: nothing_after, before_write: nothing_before };

pub(super) const ROOM: Room = Room {
    format: Format::Csv,
    name: "csv",
    title: "plain CSV with named columns",
    extensions: &["csv", "tsv", "txt"],
    origin: "any spreadsheet: save as CSV, with the names of the columns in the first line",
    holds: Holds {
        slots: &[
            (Slot::Mail, PLACES),
            (Slot::Ifax, PLACES),
            (Slot::Fax, PLACES),
            (Slot::IpFax, PLACES),
            (Slot::Smb, PLACES),
            (Slot::Ftp, PLACES),
            (Slot::WebDav, PLACES),
            (Slot::Nowhere, 1),
        ],
        together: 7 * PLACES,
        folders: 3 * PLACES,
        fields: &[
            (Field::Name, 0),
            (Field::Reading, 0),
            (Field::ReadingLanguage, 0),
            (Field::ShortName, 0),
            (Field::Given, 0),
            (Field::Middle, 0),
            (Field::Family, 0),
            (Field::Prefix, 0),
            (Field::Suffix, 0),
            (Field::Nickname, 0),
            (Field::GivenReading, 0),
            (Field::FamilyReading, 0),
            (Field::Organization, 0),
            (Field::Department, 0),
            (Field::Title, 0),
            (Field::Phone, 0),
            (Field::Mobile, 0),
            (Field::PhoneLabel, 0),
            (Field::Note, 0),
            (Field::List, 0),
            (Field::Number, 0),
            (Field::Mail, 0),
            (Field::Label, 0),
            (Field::FaxNumber, 0),
            (Field::FaxProtocol, 0),
            (Field::FaxEcm, 0),
            (Field::FaxSpeed, 0),
            (Field::FaxLineType, 0),
            (Field::FaxLine, 0),
            (Field::FaxSubAddress, 0),
            (Field::FaxUri, 0),
            (Field::FaxUriMode, 0),
            (Field::FaxUriFlag, 0),
            (Field::FolderHost, 0),
            (Field::FolderPort, 0),
            (Field::FolderPath, 0),
            (Field::LoginUser, 0),
            (Field::LoginPassword, 0),
            (Field::AccessCode, 0),
        ],
        passwords: true,
        lines: true,
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8_MARK,
    recognizes,
    read,
    writer: Writer::Text { frame, contact },
};

fn recognizes(text: &Text) -> bool {
    suggest_mapping(&text.text).is_ok()
}

fn read(text: &Text, options: &ReadOptions) -> Result<Book, FileError> {
    let (head, body) = text.text.split_at(separator_line(&text.text).0.len());
    let chosen = options.mapping.as_ref();
    let separator = chosen.and_then(|mapping| mapping.separator).unwrap_or_else(|| separator_of(&text.text));
    let first = body.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    let top = rows(first, separator, 1)?;
    let brackets = top.first().is_some_and(|top| !top.cells.is_empty() && in_brackets(&top.cells).is_some());
    let style = Style { separator, line_end: line_end(&text.text), brackets, ..Style::default() };
    let choose = |names: &[String], shown: &[&[String]]| match chosen {
        Some(mapping) if mapping.no_column_line => mapping.by_content(shown).layout(names),
        Some(mapping) => mapping.layout(names),
        None => Mapping { columns: headings::meanings(names), ..Mapping::default() }.layout(names),
    };
    let by_place = chosen.filter(|mapping| mapping.no_column_line);
    let names = by_place.map(|mapping| mapping.columns.iter().map(|column| column.heading.clone()).collect());
    let mut book = CHART.read_named(head, body, style, text.encoding, names, &choose)?;
    if by_place.is_some() {
        let text = "no row names the columns; they were read as the mapping has them, and by what they hold";
        book.report.warnings.insert(0, Note::new(None, "columns_by_place", text));
    } else if let (Some(mapping), super::book::Frame::Text(frame)) = (chosen, &book.frame) {
        let there: BTreeSet<String> = frame.columns.iter().map(|name| name.trim().to_lowercase()).collect();
        let missing: Vec<&str> = mapping
            .columns
            .iter()
            .map(|column| column.heading.trim())
            .filter(|heading| !there.contains(&heading.to_lowercase()))
            .collect();
        if missing.len() == mapping.columns.len() {
            return Err(FileError::MappingDoesNotFit);
        }
        if !missing.is_empty() {
            let text =
                format!("the mapping names columns that the file does not have: {}", missing.join(", "));
            book.report.warnings.insert(0, Note::new(None, "mapped_column_missing", text));
        }
    } else {
        note_not_understood(&mut book);
    }
    Ok(book)
}

/// Names the columns that hold something and mean nothing here.
fn note_not_understood(book: &mut Book) {
    let super::book::Frame::Text(frame) = &book.frame else { return };
    let mut held: BTreeSet<&str> = BTreeSet::new();
    for entry in book.contacts.iter().flat_map(|contact| &contact.entries) {
        let keys = entry.kept.keys().chain(entry.kept_by.keys());
        held.extend(keys.map(|key| key.split_once(':').map_or(&**key, |(_, name)| name)));
    }
    let columns = headings::meanings(&frame.columns);
    let unknown: Vec<&str> = columns
        .iter()
        .filter(|column| column.means == Meaning::Keep && held.contains(&*column.heading))
        .map(|column| column.heading.as_str())
        .collect();
    if !unknown.is_empty() {
        let text = format!(
            "columns that were not understood, and are kept as they are: {}; a mapping says what they mean (--mapping)",
            unknown.join(", ")
        );
        book.report.warnings.push(Note::new(None, "column_not_understood", text));
    }
}

/// The columns that entries need, and the usual ones.
fn needed(contacts: &[Contact]) -> Vec<(String, Chosen)> {
    let mut uses: BTreeSet<(usize, Use)> = BTreeSet::new();
    let place_of = |field: Field| Field::ALL.iter().position(|one| *one == field).unwrap_or(0);
    let mut need = |means: Use| {
        // In the order of fields; kinds and places within.
        let place = match means {
            Use::Of(slot, place, field) => {
                let slot = Slot::ALL.iter().position(|one| *one == slot).unwrap_or(0);
                1_000 * (1 + slot) + 100 * place + place_of(field)
            }
            Use::Shared(field) => place_of(field),
            _ => return,
        };
        uses.insert((place, means));
    };
    need(Use::Shared(Field::Name));
    need(Use::Of(Slot::Mail, 0, Field::Mail));
    need(Use::Of(Slot::Fax, 0, Field::FaxNumber));
    for contact in contacts {
        let mut seen: BTreeMap<Slot, usize> = BTreeMap::new();
        for entry in &contact.entries {
            let slot = Slot::of(entry);
            let next = seen.entry(slot).or_default();
            for field in Field::ALL.iter().copied().filter(|field| !field.get(entry).is_empty()) {
                need(if OF_KIND.contains(&field) { Use::Of(slot, *next, field) } else { Use::Shared(field) });
            }
            *next += 1;
        }
    }
    // `Name` beside a first name alone would be read as the last name.
    let has_part = uses.iter().any(|(_, means)| *means == Use::Shared(Field::Given));
    if has_part {
        uses.insert((place_of(Field::Family), Use::Shared(Field::Family)));
    }
    let named = |(_, means): (usize, Use)| {
        let name = match means {
            Use::Of(slot, place, field) => heading(Some(slot), field, place),
            Use::Shared(field) => heading(None, field, 0),
            _ => String::new(),
        };
        (name.clone(), Chosen::new(name, means))
    };
    uses.into_iter().map(named).collect()
}

fn frame(contacts: &[Contact], options: &WriteOptions) -> TextFrame {
    let Some(mapping) = &options.mapping else {
        return CHART.frame(contacts, needed(contacts), Style::default(), &[]);
    };
    let style = Style { separator: mapping.separator.unwrap_or(','), ..Style::default() };
    let names: Vec<String> = mapping.columns.iter().map(|column| column.heading.clone()).collect();
    let layout = mapping.layout(&names);
    let mut frame = CHART.frame(contacts, names.into_iter().zip(layout).collect(), style, &[]);
    if mapping.no_column_line {
        frame.head.clear();
    }
    frame
}

fn contact(contacts: &[Contact], at: usize, frame: &TextFrame) -> String {
    CHART.row(contacts, at, frame)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{convert, read};

    fn again(book: &Book) -> String {
        let written = convert(book, Format::Csv, &WriteOptions::default()).unwrap();
        String::from_utf8(written.bytes).unwrap()
    }

    #[test]
    fn a_list_without_column_names_is_read_by_a_ready_mapping() {
        let options = ReadOptions { mapping: Mapping::ready("oki"), ..ReadOptions::default() };
        for separator in [',', ';', '\t'] {
            let file = "Desk,5550100,,desk@branch.example,x\r\nGate,,,gate@branch.example,\r\n"
                .replace(',', &String::from(separator));
            let mut book = read(file.as_bytes(), &options).unwrap();
            assert_eq!((book.contacts.len(), book.entries()), (2, 3), "{file}");
            assert_eq!((book.report.warnings[0].code, &*again(&book)), ("columns_by_place", &*file));
            book.contacts[1].entries[0].name = "Door".into();
            assert_eq!(again(&book), file.replace("Gate", "Door"));
        }
    }

    #[test]
    fn columns_that_mean_nothing_are_named() {
        let file = "Name;E-Mail;Weird;Odd\nJens;j@x.dk;first;\n";
        let book = read(file.as_bytes(), &ReadOptions::default()).unwrap();
        let note = book.report.warnings.iter().find(|note| note.code == "column_not_understood").unwrap();
        assert!(note.text.contains("Weird") && !note.text.contains("Odd"), "{}", note.text);
        assert_eq!(again(&book), file);
        // Whoever gives a mapping has said what they mean.
        let mapping = crate::files::mapping_to_begin_with(file).unwrap();
        let options = ReadOptions { mapping: Some(mapping), ..ReadOptions::default() };
        assert!(read(file.as_bytes(), &options).unwrap().report.warnings.is_empty());
    }

    #[test]
    fn cells_in_brackets_are_what_is_in_them() {
        let file =
            "[Name];[E-mail];[ID]\r\n[Desk];[desk@branch.example];[1]\r\n[Gate];[gate@branch.example];[]\r\n";
        let mut book = read(file.as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!((book.contacts[0].name(), &*again(&book)), ("Desk", file));
        book.contacts[1].entries[0].name = "Door".into();
        assert_eq!(again(&book), file.replace("Gate", "Door"));
    }
}
