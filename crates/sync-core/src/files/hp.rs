//! HP Edgeline (CM8050, CM8060): the address book as CSV, 12 columns. That other models have the same is uncertain.
//!
//! From the maker's guide of these machines:
//! - UTF-8; the columns stand in a fixed order, so that a column line in another language, or none, is read by place, with
//!   a remark. Without a column line a file is known by what its rows have at each place.
//! - The address and the user name may not be empty.
//! - The user name [`PUBLIC`] means everybody's list, any other that person's own.
//! - `dlname` is the distribution list in which the address is: one row a member. A list is a group here, of the owner
//!   whom its rows name; an address in two lists has two rows, which are one contact where one follows the other.

use super::{
    Encoding, FileError, Format, Note, Owner, Weight,
    book::{Book, Contact, Frame, Link, TextFrame},
    convert::{ReadOptions, WriteOptions, write_text},
    field::{Field, Slot},
    fit::{Fitted, remove},
    format::{Room, Writer},
    holds::{Groups, Holds, is_mail},
    links::label,
    table::{
        Cells, Column, Quotes, Style, Table, columns_by_place, line_end, nothing_before, rows, write_row,
    },
    text::Text,
};
use crate::address::Address;
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    format,
    string::{String, ToString},
    vec::Vec,
};

/// The user name of what is everybody's.
const PUBLIC: &str = "MFP PUBLIC";
const USER: &str = "username";
const LIST: &str = "dlname";

const TABLE: Table = Table {
    format: Format::HpCsv,
    columns: &[
        Column::shared("name", Field::Name),
        Column::of("address", Slot::Mail, Field::Mail),
        Column::of("faxnumber", Slot::Fax, Field::FaxNumber),
        Column::shared("lastname", Field::Family),
        Column::shared("firstname", Field::Given),
        Column::shared("phonenumber", Field::Phone),
        Column::shared("organization", Field::Organization),
        Column::shared("unit", Field::Department),
        Column::kept("city"),
        Column::kept("country/region"),
        Column::kept(USER),
        Column::kept(LIST),
    ],
    style: Style {
        separator: ',',
        quotes: Quotes::Needed,
        head_quotes: Quotes::Needed,
        line_end: "\r\n",
        brackets: false,
        closes: false,
    },
    after_read,
    before_write: nothing_before,
};

pub(super) const ROOM: Room = Room {
    format: Format::HpCsv,
    name: "hp-csv",
    title: "HP Edgeline address book, CSV",
    extensions: &["csv"],
    origin: "embedded web server: Digital Sending, Address Book, Export",
    holds: Holds {
        slots: &[(Slot::Mail, 1), (Slot::Fax, 1), (Slot::Group, 1)],
        together: 2,
        fields: &[
            (Field::Name, 0),
            (Field::Given, 0),
            (Field::Family, 0),
            (Field::Organization, 0),
            (Field::Department, 0),
            (Field::Phone, 0),
            (Field::Mail, 0),
            (Field::FaxNumber, 0),
        ],
        lacks: &[
            (Slot::Group, Field::Given),
            (Slot::Group, Field::Family),
            (Slot::Group, Field::Organization),
            (Slot::Group, Field::Department),
            (Slot::Group, Field::Phone),
        ],
        groups: Groups::Flat,
        owners: (true, false),
        needs: Some(Slot::Mail),
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

fn recognizes(text: &Text) -> bool {
    let first = text.text.lines().find(|line| !line.trim().is_empty()).unwrap_or("");
    rows(first, ',', 1).is_ok_and(|rows| rows.first().is_some_and(|row| is_column_line(&row.cells)))
        || first.contains('@') && all_are_rows(&text.text)
}

/// Whether each of the first rows is one of this format, where none names the columns: as many cells, an address, a
/// telephone number or none where the fax number and the telephone number stand, and a user.
fn all_are_rows(text: &str) -> bool {
    let number = |cell: &str| cell.chars().all(|one| one.is_ascii_digit() || " +-.()/*#".contains(one));
    let is_row = |cells: &[String]| {
        cells.len() == TABLE.columns.len()
            && is_mail(&cells[1])
            && number(&cells[2])
            && number(&cells[5])
            && !cells[10].trim().is_empty()
            && !is_mail(&cells[0])
    };
    let sample: String = text.split_inclusive('\n').take(20).collect();
    rows(&sample, ',', 1).is_ok_and(|rows| !rows.is_empty() && rows.iter().all(|row| is_row(&row.cells)))
}

fn is_column_line(cells: &[String]) -> bool {
    Table::has(cells, &["name", "address", "faxnumber", "lastname", "firstname", USER])
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let style = Style { line_end: line_end(&text.text), ..TABLE.style };
    let mut rows = rows(&text.text, ',', 1)?.into_iter().peekable();
    let Some(first) = rows.peek() else { return Err(FileError::Empty) };
    let by_place = || TABLE.columns.iter().map(|column| column.name.to_string()).collect();
    let named = is_column_line(&first.cells);
    let columns = if named { first.cells.clone() } else { by_place() };
    let mut frame = TextFrame { columns, style, ..TextFrame::default() };
    // Where the column line is in another language, no address stands in the second place, and no user that all have.
    let cell = |at: usize| first.cells.get(at).map_or("", |cell| cell);
    let (line, is_row) = (first.line, first.wrong.is_some() || cell(1).contains('@') || cell(10) == PUBLIC);
    if named || !is_row {
        frame.head = format!("{}{}", first.before, first.raw);
        rows.next();
    }
    let mut book = TABLE.read_rows(frame, rows, text.encoding);
    if !named {
        book.report.warnings.insert(0, columns_by_place(line));
    }
    book.contacts = with_lists(core::mem::take(&mut book.contacts));
    Ok(book)
}

fn after_read(contact: &mut Contact, cells: &Cells<'_>, notes: &mut Vec<Note>) {
    let user = cells.get(USER).trim();
    contact.owner = if user.is_empty() || user == PUBLIC { Owner::None } else { Owner::person(user) };
    let has_mail = contact.entry(Slot::Mail).is_some();
    let Some(first) = contact.entries.first_mut() else { return };
    first.kept_by.remove(&TABLE.kept_key(USER));
    for (missing, code, what) in
        [(user.is_empty(), "no_user_name", "user name"), (!has_mail, "no_mail_address", "e-mail address")]
    {
        if missing {
            let text = format!("{} has no {what}: the machine does not import it", label(first));
            notes.push(Note::new(Some(cells.line), code, text));
        }
    }
}

/// Makes one contact of the rows by which an address is in several lists, and a group of each list.
fn with_lists(rows: Vec<Contact>) -> Vec<Contact> {
    let key = TABLE.kept_key(LIST);
    let said = |contact: &Contact| -> Vec<Address> {
        let entries = contact.entries.iter().cloned();
        entries.map(|entry| Address { tie: String::new(), ..entry }).collect()
    };
    let mut contacts: Vec<Contact> = Vec::new();
    let mut groups: Vec<Contact> = Vec::new();
    let mut places: BTreeMap<(Owner, String), usize> = BTreeMap::new();
    // Of the last contact, if it is in a list: the text of its rows, and the lists that they name.
    let mut open: Option<String> = None;
    let mut named = BTreeSet::new();
    for mut contact in rows {
        let list = contact.entries.first_mut().and_then(|first| first.kept_by.remove(&key));
        let again = list.as_ref().is_some_and(|list| !named.contains(list))
            && open.is_some()
            && contacts
                .last()
                .is_some_and(|last| last.owner == contact.owner && said(last) == said(&contact));
        let line = contact.line;
        let text = contact.source.as_ref().map_or("", |source| &source.text);
        if again && let Some(open) = &mut open {
            open.push_str(contact.before());
            open.push_str(text);
        } else {
            close(&mut contacts, open.take());
            open = list.is_some().then(|| text.into());
            named.clear();
            contacts.push(contact);
        }
        let (Some(list), Some(at)) = (list, contacts.len().checked_sub(1)) else { continue };
        named.insert(list.clone());
        let contact = &contacts[at];
        let place = *places.entry((contact.owner.clone(), list.clone())).or_insert_with(|| {
            let group = Address { name: list, ..Slot::Group.entry() };
            groups.push(Contact { line, ..Contact::of(contact.owner.clone(), group) });
            groups.len() - 1
        });
        let entry = contact.entries.iter().position(|entry| Slot::of(entry) == Slot::Mail);
        let link = Link { contact: at, entry };
        if groups[place].members.last() != Some(&link) {
            groups[place].members.push(link);
        }
    }
    close(&mut contacts, open);
    for mut group in groups {
        group.mark_read("", "");
        contacts.push(group);
    }
    contacts
}

/// Gives the last contact the text of all its rows.
fn close(contacts: &mut [Contact], text: Option<String>) {
    if let Some(last) = contacts.last_mut()
        && let Some(text) = text
    {
        let before = last.before().to_string();
        last.mark_read(&before, &text);
    }
}

fn write(fitted: &mut Fitted, book: Option<&Book>, options: &WriteOptions) -> Result<Vec<u8>, FileError> {
    keep_groups_that_rows_can_name(fitted);
    let (frame, own) = match book.map(|book| &book.frame) {
        Some(Frame::Text(frame)) => (Cow::Borrowed(frame), true),
        _ => (Cow::Owned(TABLE.frame(&fitted.contacts, "")), false),
    };
    let mut lists: Vec<Vec<String>> = alloc::vec![Vec::new(); fitted.contacts.len()];
    for group in fitted.contacts.iter().filter(|contact| is_group(contact)) {
        for link in &group.members {
            lists[link.contact].push(group.name().into());
        }
    }
    for (contact, lists) in fitted.contacts.iter_mut().zip(&lists) {
        let lists = || lists.iter().cloned().collect::<BTreeSet<_>>();
        if contact.unchanged().is_some_and(|text| !is_group(contact) && lists_in(text, &frame) != lists()) {
            contact.mark_edited();
        }
    }
    let place = |name: &str| frame.columns.iter().position(|one| one.trim().eq_ignore_ascii_case(name));
    let (user_at, list_at) = (place(USER), place(LIST));
    let text = |contacts: &[Contact], at: usize| {
        let contact = &contacts[at];
        if is_group(contact) {
            return String::new();
        }
        let mut cells = TABLE.cells(contacts, at, &frame.columns);
        if let Some(cell) = user_at.and_then(|at| cells.get_mut(at)) {
            *cell = match &contact.owner {
                Owner::Person { user, .. } => user.clone(),
                _ => PUBLIC.into(),
            };
        }
        let none = [String::new()];
        let lists = if lists[at].is_empty() { &none[..] } else { &lists[at][..] };
        let mut text = String::new();
        for list in lists {
            if let Some(cell) = list_at.and_then(|at| cells.get_mut(at)) {
                cell.clone_from(list);
            }
            text += &write_row(cells.iter().map(|cell| &**cell), frame.style.quotes, frame.style);
        }
        text
    };
    let encoding = options.encoding.unwrap_or(book.map_or(ROOM.encoding, |book| book.encoding));
    Ok(write_text(&fitted.contacts, &frame, own.then_some(true), text, encoding, &mut fitted.notes))
}

fn is_group(contact: &Contact) -> bool {
    contact.entry(Slot::Group).is_some()
}

/// The lists that the rows of a contact name.
fn lists_in(text: &str, frame: &TextFrame) -> BTreeSet<String> {
    let rows = rows(text, frame.style.separator, 1).unwrap_or_default();
    let lists = rows.iter().map(|row| {
        let cells = Cells { columns: &frame.columns, cells: &row.cells, line: row.line };
        cells.get(LIST).to_string()
    });
    lists.filter(|list| !list.is_empty()).collect()
}

/// A list is there by the rows that name it: it has members, their owner, and a name of its own.
fn keep_groups_that_rows_can_name(fitted: &mut Fitted) {
    let Fitted { contacts, notes, kept_out } = fitted;
    let mut say = |contact: &Contact, code, text: String| {
        let entry = &contact.entries[0];
        let note = Note::new(contact.line, code, format!("{}: {text}", label(entry)));
        notes.push(Note { weight: Weight::Loss, entry: Some(entry.name.clone()), ..note });
    };
    let mut out = BTreeSet::new();
    let mut places: BTreeMap<(Owner, String), usize> = BTreeMap::new();
    let mut into: BTreeMap<usize, Vec<Link>> = BTreeMap::new();
    for at in 0..contacts.len() {
        if !is_group(&contacts[at]) {
            continue;
        }
        let mut members = core::mem::take(&mut contacts[at].members);
        let group = &contacts[at];
        members.retain(|link| {
            let Some(member) = contacts.get(link.contact) else { return false };
            let entry = link.entry.and_then(|entry| member.entries.get(entry));
            let mail = entry.is_none_or(|entry| Slot::of(entry) == Slot::Mail);
            let stays = mail && member.owner == group.owner;
            if !stays {
                let why = if mail { "is in another list of addresses" } else { "is no e-mail address" };
                let name = member.name();
                say(
                    group,
                    "member_left_out",
                    format!("its member `{name}` {why}; it is left out of the group"),
                );
            }
            stays
        });
        let first = places.get(&(group.owner.clone(), group.name().to_string())).copied();
        let why = match first {
            _ if group.name().trim().is_empty() => Some(("no_name", "a distribution list needs a name")),
            _ if members.is_empty() => Some(("empty_group", "a distribution list needs members")),
            Some(_) => Some(("group_merged", "its members go into the list of the same name")),
            None => None,
        };
        match why {
            Some((code, why)) => {
                say(group, code, format!("{why}; it stays out"));
                *kept_out += 1;
                out.insert(at);
            }
            None => {
                places.insert((group.owner.clone(), group.name().to_string()), at);
            }
        }
        let merges = why.is_some_and(|(code, _)| code == "group_merged");
        into.entry(first.filter(|_| merges).unwrap_or(at)).or_default().append(&mut members);
    }
    for (at, members) in into {
        let mut seen = BTreeSet::new();
        contacts[at].members = members.into_iter().filter(|link| seen.insert(link.contact)).collect();
    }
    remove(contacts, &out);
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{convert, read, tests as laws};

    const HEAD: &str = "name,address,faxnumber,lastname,firstname,phonenumber,organization,unit,city,country/region,username,dlname\r\n";

    fn book(rows: &str) -> Book {
        read(format!("{HEAD}{rows}").as_bytes(), &ReadOptions::default()).unwrap()
    }

    fn text(book: &Book) -> String {
        let written = convert(book, Format::HpCsv, &WriteOptions::default()).unwrap();
        String::from_utf8(written.bytes).unwrap().trim_start_matches(HEAD).to_string()
    }

    const TWO_LISTS: &str = "a,a@x.example,,,,,,,,,jane,One\r\na,a@x.example,,,,,,,,,jane,Two\r\n\
        b,b@x.example,,,,,,,Rome,,jane,One\r\nc,c@x.example,,,,,,,,,MFP PUBLIC,One\r\n";

    #[test]
    fn rows_of_one_address_in_several_lists_are_one_contact() {
        let book = book(TWO_LISTS);
        let names: Vec<_> =
            book.contacts.iter().map(|c| (c.name(), c.owner.clone(), c.members.len())).collect();
        let jane = Owner::person("jane");
        let expected = [
            ("a", jane.clone(), 0),
            ("b", jane.clone(), 0),
            ("c", Owner::None, 0),
            ("One", jane.clone(), 2),
            ("Two", jane, 1),
            ("One", Owner::None, 1),
        ];
        assert_eq!(names, expected);
        assert_eq!(text(&book), TWO_LISTS);
    }

    #[test]
    fn rows_in_any_order_and_twice_come_back() {
        let rows = "b,b@x.example,,,,,,,,,jane,Two\r\na,a@x.example,,,,,,,,,jane,One\r\n\r\n\
            a,a@x.example,,,,,,,,,jane,Two\r\na,a@x.example,,,,,,,,,jane,Two\r\n\
            b,b@x.example,,,,,,,,,jane,One\r\nb,b@x.example,,,,,,,,,jane,Two\r\nb,b@x.example,,,,,,,,,jane,";
        let book = book(rows);
        let names: Vec<_> = book.contacts.iter().map(|c| (c.name(), c.members.len())).collect();
        assert_eq!(names, [("b", 0), ("a", 0), ("a", 0), ("b", 0), ("b", 0), ("Two", 4), ("One", 2)]);
        assert_eq!(text(&book), rows);
    }

    #[test]
    fn an_edited_group_changes_the_rows_of_its_members_alone() {
        let mut edited = book(&TWO_LISTS.replace("b,b@x.example", "b,\"b@x.example\""));
        edited.contacts[4].entries[0].name = "Three".into();
        assert_eq!(
            text(&edited),
            TWO_LISTS.replace("Two", "Three").replace("b,b@x.example", "b,\"b@x.example\"")
        );
        edited.contacts[3].members.remove(1);
        edited.contacts[4].members.clear();
        assert_eq!(
            text(&edited),
            "a,a@x.example,,,,,,,,,jane,One\r\nb,b@x.example,,,,,,,Rome,,jane,\r\n\
             c,c@x.example,,,,,,,,,MFP PUBLIC,One\r\n"
        );
        let written = convert(&edited, Format::HpCsv, &WriteOptions::default()).unwrap();
        assert_eq!((written.given, written.written, written.kept_out), (6, 5, 1));
        assert!(written.notes.iter().any(|note| note.code == "empty_group"));
    }

    #[test]
    fn a_file_without_a_column_line_is_known_by_its_rows() {
        for (file, is_this) in [
            (TWO_LISTS, true),
            ("a,a@x.example,+1 (5) 55,,,,,,,,jane,\n", true),
            ("a,a@x.example,,,,,,,,,,\n", false),
            ("a,a@x.example,fax,,,,,,,,jane,\n", false),
            ("a,a@x.example,,,,,,,,,jane\n", false),
        ] {
            let found = read(file.as_bytes(), &ReadOptions::default());
            assert_eq!(found.as_ref().is_ok_and(|book| book.format() == Format::HpCsv), is_this, "{file}");
            let Ok(book) = found.and_then(|book| if is_this { Ok(book) } else { Err(FileError::Empty) })
            else {
                continue;
            };
            assert_eq!(
                (book.report.warnings[0].code, book.report.warnings[0].line),
                ("columns_by_place", Some(1))
            );
            assert_eq!(text(&book), file);
        }
    }

    #[test]
    fn columns_stand_in_a_fixed_order() {
        let options = ReadOptions { format: Some(Format::HpCsv), ..ReadOptions::default() };
        for head in
            ["", "Name,Adresse,Fax,Nachname,Vorname,Telefon,Firma,Abteilung,Ort,Land,Benutzer,Liste\n"]
        {
            let file = format!("{head}a,a@x.example,555,Li,Ann,1,Org,Unit,,,jane,Team\n");
            let book = read(file.as_bytes(), &options).unwrap();
            assert_eq!(book.entries(), 3, "{head}");
            let person = book.contacts[0].entries[0].person.clone().unwrap();
            assert_eq!((&*person.given, &*person.family, &*person.department), ("Ann", "Li", "Unit"));
            let written = convert(&book, Format::HpCsv, &WriteOptions::default()).unwrap();
            assert_eq!(String::from_utf8(written.bytes).unwrap(), file);
        }
    }

    #[test]
    fn what_the_machine_refuses_is_noted_and_a_new_file_has_none_of_it() {
        let book = book("a,a@x.example,,,,,,,,,,\r\nb,,555,,,,,,,,jane,\r\n");
        let codes: Vec<_> = book.report.warnings.iter().map(|note| (note.line, note.code)).collect();
        assert_eq!(codes, [(Some(2), "no_user_name"), (Some(3), "no_mail_address")]);
        let mut edited = book.clone();
        edited.contacts[1].entries[0].name = "c".into();
        let written = convert(&edited, Format::HpCsv, &WriteOptions::default()).unwrap();
        assert_eq!((written.written, written.kept_out), (1, 1));
    }

    #[test]
    fn groups_go_to_other_formats_and_come_back() {
        let canon = convert(&book(TWO_LISTS), Format::CanonCsv, &WriteOptions::default()).unwrap();
        let back = read(&canon.bytes, &ReadOptions::default()).unwrap();
        let again = convert(&back, Format::HpCsv, &WriteOptions::default()).unwrap();
        assert_eq!(again.kept_out, 0, "{:?}", again.notes);
        let text = String::from_utf8(again.bytes).unwrap();
        assert_eq!(text.trim_start_matches(HEAD), TWO_LISTS.replace("Rome", ""));
    }

    #[test]
    fn no_damage_makes_it_panic() {
        laws::no_damage_makes_it_panic("hp/edgeline-12col.csv");
    }
}
