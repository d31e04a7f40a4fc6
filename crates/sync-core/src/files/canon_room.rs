//! The Canon address book as CSV among the other formats; [`super::canon_csv`] reads and writes it.

use super::{
    Encoding, FileError, Format, Note, Report, Weight,
    book::{Book, Contact, Frame, Link},
    canon_abk, canon_csv,
    convert::{ReadOptions, WriteOptions, unmappable},
    field::{Field, Slot},
    fit::Fitted,
    folder::share_and_path,
    format::{Room, Writer},
    holds::{Groups, Holds},
    links::{Outgoing, label},
    owner::Place,
    text::Text,
};
use crate::{address::Member, id::RecordId};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};
use uuid::Uuid;

pub(super) const ROOM: Room = Room {
    format: Format::CanonCsv,
    name: "canon-csv",
    title: "Canon address book, CSV",
    extensions: &["csv"],
    origin: "Remote UI: Settings/Registration, Device Management, Import/Export, Address Lists, Export",
    holds: Holds {
        structure: &["uuid", "memberobjectuuid"],
        slots: &[
            (Slot::Mail, 1),
            (Slot::Ifax, 1),
            (Slot::Fax, 1),
            (Slot::IpFax, 1),
            (Slot::Smb, 1),
            (Slot::Ftp, 1),
            (Slot::WebDav, 1),
            (Slot::Group, 1),
            (Slot::Other, 1),
        ],
        fields: &[
            (Field::Name, 0),
            (Field::Reading, 0),
            (Field::ReadingLanguage, 0),
            (Field::ShortName, 0),
            (Field::List, 0),
            (Field::Number, 0),
            (Field::Mail, 0),
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
            (Field::FolderPath, 0),
            (Field::LoginUser, 0),
            (Field::LoginPassword, 0),
            (Field::AccessCode, 0),
        ],
        groups: Groups::Nested,
        boxes: true,
        passwords: true,
        scheme: "canon:",
        owners: (true, true),
        ..Holds::NOTHING
    },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

fn recognizes(text: &Text) -> bool {
    column_line(&text.text).is_some_and(|line| has_kind(line) || canon_csv::other_separator(line).is_some())
}

/// Whether bytes begin as this format does with commas, told without decoding them all.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let front = &bytes[..bytes.len().min(16 << 10)];
    column_line(String::from_utf8_lossy(front).trim_start_matches('\u{feff}')).is_some_and(has_kind)
}

/// The first line that is none with a `#`.
fn column_line(text: &str) -> Option<&str> {
    let begin = |line: &str| line.trim_start_matches(['"', ';', ',', ' ', '\t', '\r']).chars().next();
    text.lines().find(|line| begin(line).is_some_and(|begin| begin != '#'))
}

fn has_kind(column_line: &str) -> bool {
    column_line
        .split(',')
        .any(|name| name.trim().trim_matches('"').trim().eq_ignore_ascii_case("objectclass"))
}

fn read(text: &Text, options: &ReadOptions) -> Result<Book, FileError> {
    let mut contacts = Vec::new();
    let each = |row: canon_csv::Row| {
        let contact = Contact::of(row.owner, row.address);
        contacts.push(Contact { line: row.line, ..contact });
    };
    // In the encoding that was told, whatever the file says of itself.
    let told = options.encoding.filter(|told| *told != Encoding::UTF_8 || !text.text.is_ascii());
    let separator =
        column_line(&text.text).filter(|line| !has_kind(line)).and_then(canon_csv::other_separator);
    let mut frame = if let Some(separator) = separator {
        let (bytes, encoding) = as_the_machine_reads(text, separator);
        canon_csv::read_apart(&bytes, Some(encoding), each)?
    } else if text.encoding.charset().is_none() {
        canon_csv::read_apart(text.text.as_bytes(), Some(Encoding::UTF_8), each)?.in_utf16(text.encoding)
    } else {
        canon_csv::read_apart(&text.bytes(), told.map(|_| text.encoding), each)?
    };
    link(&mut contacts);
    for contact in &mut contacts {
        contact.mark_read("", "");
    }
    let mut report = core::mem::take(&mut frame.shell.report);
    if let Some(separator) = separator {
        let called = if separator == '\t' { "tabs stand" } else { "`;` stands" };
        let text = format!(
            "{called} between the cells, as a spreadsheet saves them; they are written with commas, which the machine reads"
        );
        let note = Note { weight: Weight::Correction, ..Note::new(None, "separator_changed", text) };
        report.warnings.insert(0, note);
    }
    note_missing(&contacts, &mut report);
    let encoding = frame.shell.encoding();
    Ok(Book { report, contacts, encoding, format: Format::CanonCsv, frame: Frame::Canon(frame.into()) })
}

/// A file that a spreadsheet saved, with commas and in the character set that it says, or in UTF-8 where that lacks a
/// letter: what is not edited is written so.
fn as_the_machine_reads(text: &Text, separator: char) -> (Vec<u8>, Encoding) {
    let (head, rows) = canon_csv::with_commas(&text.text, separator);
    let said = canon_abk::declared(&head, "CharSet").and_then(Encoding::named);
    if let Some(charset) = said.and_then(Encoding::charset).filter(|_| !said.is_some_and(Encoding::is_utf8))
        && let Some(bytes) = charset.encode(&format!("{head}{rows}"))
    {
        return (bytes.into_owned(), Encoding::of_charset(charset, false));
    }
    let encoding = if text.encoding == Encoding::UTF_8_MARK { text.encoding } else { Encoding::UTF_8 };
    let head =
        if said.is_none_or(Encoding::is_utf8) { head } else { canon_abk::with_charset(&head, encoding) };
    ([encoding.mark_bytes(), head.as_bytes(), rows.as_bytes()].concat(), encoding)
}

/// Notes what groups name that is not in the file; boxes of the machine never are.
pub(super) fn note_missing(contacts: &[Contact], report: &mut Report) {
    for contact in contacts {
        for member in contact.entries[0].members_in_order() {
            let Member::Number(number) = member else { continue };
            let text = format!("the group `{}` names {number}, which is not in the file", contact.name());
            let note = Note::new(contact.line, "member_missing", text);
            report.warnings.push(Note { entry: Some(contact.name().into()), ..note });
        }
    }
}

/// Finds the members that groups name by number: that of the same list, or else the only one of the owner.
pub(super) fn link(contacts: &mut [Contact]) {
    let mut in_list: BTreeMap<(Place, Option<i64>, i64), usize> = BTreeMap::new();
    let mut of_owner: BTreeMap<(Place, i64), Option<usize>> = BTreeMap::new();
    for (at, contact) in contacts.iter().enumerate() {
        if let Some(number) = contact.entries[0].number {
            let place = contact.owner.place();
            in_list.entry((place.clone(), contact.entries[0].list, number)).or_insert(at);
            of_owner.entry((place, number)).and_modify(|one| *one = None).or_insert(Some(at));
        }
    }
    for contact in contacts {
        let place = contact.owner.place();
        let list = contact.entries[0].list;
        let group = &mut contact.entries[0];
        let named: Vec<Member> = group.members_in_order().cloned().collect();
        let (mut links, mut rest) = (Vec::new(), Vec::new());
        for member in named {
            let found = match &member {
                Member::Number(number) => in_list
                    .get(&(place.clone(), list, *number))
                    .copied()
                    .or_else(|| of_owner.get(&(place.clone(), *number)).copied().flatten()),
                _ => None,
            };
            match found {
                Some(contact) => links.push(Link { contact, entry: Some(0) }),
                None => rest.push(member),
            }
        }
        group.set_members(rest);
        contact.members = links;
    }
}

fn write(fitted: &mut Fitted, own: Option<&Book>, options: &WriteOptions) -> Result<Vec<u8>, FileError> {
    let encoding = options.encoding.or(own.map(|book| book.encoding)).unwrap_or(Encoding::UTF_8);
    if encoding.charset().is_some() && !encoding.is_utf8() {
        let anew = own.is_none_or(|book| book.encoding != encoding);
        mappable(fitted, encoding, anew);
    }
    let frame = match own {
        Some(Book { frame: Frame::Canon(frame), .. }) => Some(&**frame),
        _ => None,
    };
    let lines: BTreeSet<u64> = fitted.contacts.iter().filter_map(|contact| contact.line).collect();
    if let Some(frame) = frame
        && options.encoding.is_none_or(|encoding| encoding == frame.shell.encoding())
        && lines.len() == fitted.contacts.len()
    {
        // The same rows, or fewer: what was not edited comes out byte for byte.
        let edited: BTreeSet<usize> =
            (0..fitted.contacts.len()).filter(|at| fitted.contacts[*at].unchanged().is_none()).collect();
        name_members(&mut fitted.contacts, &edited);
        let rows = fitted.contacts.iter().enumerate().filter_map(|(at, contact)| {
            let row = edited.contains(&at).then(|| (&contact.owner, &contact.entries[0]));
            Some((contact.line?, row))
        });
        return frame.write(&rows.collect());
    }
    let mut header =
        frame.map_or_else(|| canon_csv::Header::version_3(""), |frame| frame.shell.header().clone());
    if let Some(encoding) = options.encoding.or(own.map(|_| encoding).filter(|one| one.charset().is_none())) {
        header.charset = Some(encoding.name().into());
    }
    let foreign = own.is_none();
    if foreign {
        part_folders(&mut fitted.contacts);
    }
    let numbering = canon_csv::Numbering { across_owners: foreign, of_lists: foreign };
    let options = canon_csv::Options { header, passwords: true, ..canon_csv::Options::default() };
    let mut entries = outgoing(&mut fitted.contacts, |_| false);
    let book = canon_csv::settle(&mut entries, &options, numbering)?;
    fitted.notes.extend(book.report.warnings.iter().cloned());
    canon_csv::write_new(&book, &entries)
}

/// Puts a question mark where the encoding lacks a character, so that one entry does not refuse the whole file. A password
/// with question marks would be another one: it is left out.
fn mappable(fitted: &mut Fitted, encoding: Encoding, anew: bool) {
    let Fitted { contacts, notes, .. } = fitted;
    for contact in contacts.iter_mut().filter(|contact| anew || contact.unchanged().is_none()) {
        let line = contact.line;
        for entry in &mut contact.entries {
            let mut lacks = None;
            for field in Field::ALL.iter().copied() {
                let text = field.get(entry);
                let Some(first) = text.chars().find(|one| !encoding.has(*one)) else { continue };
                if field == Field::LoginPassword {
                    entry.login.get_or_insert_default().password = None;
                    let text = format!(
                        "{}: its password has characters that {encoding} lacks; the password is left out",
                        label(entry)
                    );
                    let note = Note::loss(line, "password_not_carried", text);
                    notes.push(Note { entry: Some(entry.name.clone()), ..note });
                } else {
                    lacks = lacks.or(Some(first));
                    let shown: String =
                        text.chars().map(|one| if encoding.has(one) { one } else { '?' }).collect();
                    field.set(entry, &shown);
                }
            }
            if let Some(first) = lacks {
                notes.push(unmappable(line, &entry.name, &label(entry), encoding, first));
            }
        }
    }
}

/// Where another format says the whole place of a folder at once, the server and its share are the host here.
pub(super) fn part_folders(contacts: &mut [Contact]) {
    for entry in contacts.iter_mut().flat_map(|contact| &mut contact.entries) {
        if Slot::of(entry) == Slot::Smb
            && let Some(folder) = entry.folder.as_mut().filter(|folder| folder.host.trim().is_empty())
            && let Some((host, path)) = share_and_path(&folder.path)
        {
            (folder.host, folder.path) = (host, path.into());
        }
    }
}

/// Makes the groups at these places name their members by number.
fn name_members(contacts: &mut [Contact], at: &BTreeSet<usize>) {
    let numbers: Vec<Option<i64>> = contacts.iter().map(|contact| contact.entries[0].number).collect();
    for at in at {
        let contact = &mut contacts[*at];
        let linked = contact.members.iter().map(|link| match numbers.get(link.contact).copied().flatten() {
            Some(number) => Member::Number(number),
            None => Member::Record(id_of(link.contact)),
        });
        let rest: Vec<Member> = contact.entries[0].members_in_order().cloned().collect();
        if !contact.members.is_empty() {
            contact.entries[0].set_members(linked.chain(rest));
        }
    }
}

/// The id that stands for a place.
fn id_of(contact: usize) -> RecordId {
    RecordId(Uuid::from_u128(contact as u128 + 1))
}

/// The entries as the writer takes them, where they are: groups name their members by ids that stand for their places.
pub(super) fn outgoing(contacts: &mut [Contact], as_is: impl Fn(usize) -> bool) -> Vec<Outgoing<'_>> {
    let each = contacts.iter_mut().enumerate().map(|(at, contact)| {
        let linked = contact.members.iter().map(|link| Member::Record(id_of(link.contact)));
        let address = &mut contact.entries[0];
        if !contact.members.is_empty() {
            let rest: Vec<Member> = address.members_in_order().cloned().collect();
            address.set_members(linked.chain(rest));
        }
        Outgoing { id: id_of(at), owner: &contact.owner, line: contact.line, address, as_is: as_is(at) }
    });
    each.collect()
}
