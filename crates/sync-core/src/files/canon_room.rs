//! The Canon address book as CSV among the other formats; [`super::canon_csv`] reads and writes it.

use super::{
    Encoding, FileError, Format, Note, Weight,
    book::{Book, Contact, Frame, Link},
    canon_csv,
    convert::{ReadOptions, WriteOptions, unmappable},
    field::{Field, Slot},
    fit::Fitted,
    format::{Room, Writer},
    holds::{Groups, Holds},
    links::{Listed, label},
    owner::Place,
    text::Text,
};
use crate::{
    address::{Address, Member, ONE_TOUCH_LIST},
    id::RecordId,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
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
    has_column_line(&text.text)
}

/// Whether bytes begin as this format does, told without decoding them all.
pub(super) fn begins(bytes: &[u8]) -> bool {
    let front = &bytes[..bytes.len().min(16 << 10)];
    has_column_line(String::from_utf8_lossy(front).trim_start_matches('\u{feff}'))
}

fn has_column_line(text: &str) -> bool {
    let mut lines = text.lines().map(|line| line.trim_start_matches('"').trim());
    let head = lines.find(|line| !line.is_empty() && !line.starts_with('#')).unwrap_or("");
    let names = head.split(',').map(|name| name.trim().trim_matches('"').to_ascii_lowercase());
    names.into_iter().any(|name| name == "objectclass")
}

fn read(text: &Text, options: &ReadOptions) -> Result<Book, FileError> {
    // In the encoding that was told, whatever the file says of itself.
    let told = options.encoding.filter(|told| *told != Encoding::UTF_8 || !text.bytes.is_ascii());
    let canon = match told {
        Some(_) => canon_csv::read_in(&text.bytes, text.encoding)?,
        None => canon_csv::read(&text.bytes)?,
    };
    let mut contacts = Vec::new();
    for row in canon.rows() {
        let contact = Contact::of(row.owner.clone(), row.address.clone());
        contacts.push(Contact { line: row.line, ..contact });
    }
    link(&mut contacts);
    for contact in &mut contacts {
        contact.mark_read("", "");
    }
    let report = canon.report.clone();
    let encoding = canon.encoding();
    Ok(Book { report, contacts, encoding, format: Format::CanonCsv, frame: Frame::Canon(canon.into()) })
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
    if !encoding.is_utf8() {
        let anew = own.is_none_or(|book| book.encoding != encoding);
        mappable(fitted, encoding, anew);
    }
    let lines: BTreeSet<u64> = fitted.contacts.iter().filter_map(|contact| contact.line).collect();
    if let Some(Book { frame: Frame::Canon(canon), .. }) = own
        && options.encoding.is_none_or(|encoding| encoding == canon.encoding())
        && lines.len() == fitted.contacts.len()
    {
        // The same rows, or fewer: what was not edited comes out byte for byte.
        let mut canon = (**canon).clone();
        canon.retain(|row| row.line.is_some_and(|line| lines.contains(&line)));
        let entries = listed(&fitted.contacts);
        let numbers: BTreeMap<RecordId, i64> =
            entries.iter().filter_map(|entry| Some((entry.id, entry.address.number?))).collect();
        let changed: Vec<bool> =
            fitted.contacts.iter().map(|contact| contact.unchanged().is_none()).collect();
        for ((row, entry), changed) in canon.rows_mut().zip(entries).zip(changed) {
            if changed {
                row.owner = entry.owner;
                row.address = with_numbers(entry.address, &numbers);
            }
        }
        return canon_csv::write(&canon);
    }
    if own.is_none() {
        own_numbers(fitted);
    }
    let listed = listed(&fitted.contacts);
    let mut header = match own {
        Some(Book { frame: Frame::Canon(canon), .. }) => canon.header().clone(),
        _ => canon_csv::Header::version_3(""),
    };
    if let Some(encoding) = options.encoding {
        header.charset = Some(encoding.name().into());
    }
    let options = canon_csv::Options { header, passwords: true, ..canon_csv::Options::default() };
    let book = canon_csv::new_book(&listed, &options)?;
    fitted.notes.extend(book.report.warnings.iter().cloned());
    canon_csv::write(&book)
}

/// Puts a question mark where the encoding lacks a character, so that one entry does not refuse the whole file.
fn mappable(fitted: &mut Fitted, encoding: Encoding, anew: bool) {
    let Fitted { contacts, notes, .. } = fitted;
    for contact in contacts.iter_mut().filter(|contact| anew || contact.unchanged().is_none()) {
        let line = contact.line;
        for entry in &mut contact.entries {
            let mut lacks = None;
            for field in Field::ALL.iter().copied() {
                let text = field.get(entry);
                let Some(first) = text.chars().find(|one| !encoding.has(*one)) else { continue };
                lacks = lacks.or(Some(first));
                if field == Field::LoginPassword {
                    entry.login.get_or_insert_default().password = None;
                } else {
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

/// The numbers of other makers mean nothing here: those of lists begin at 201, those of buttons end at 200.
fn own_numbers(fitted: &mut Fitted) {
    let Fitted { contacts, notes, .. } = fitted;
    for contact in contacts {
        let line = contact.line;
        for entry in &mut contact.entries {
            let button = entry.list == Some(ONE_TOUCH_LIST);
            let fits = |number: i64| if button { (1..=200).contains(&number) } else { number > 200 };
            if let Some(number) = entry.number.filter(|number| !fits(*number)) {
                entry.number = None;
                let text = format!(
                    "{} had the number {number}, which its list can't have; it gets another",
                    label(entry)
                );
                let note = Note::new(line, "number_changed", text);
                notes.push(Note { weight: Weight::Correction, entry: Some(entry.name.clone()), ..note });
            }
        }
    }
}

fn with_numbers(mut address: Address, numbers: &BTreeMap<RecordId, i64>) -> Address {
    let members: Vec<Member> = address
        .members_in_order()
        .map(|member| match member {
            Member::Record(id) => numbers.get(id).map_or(member.clone(), |number| Member::Number(*number)),
            other => other.clone(),
        })
        .collect();
    address.set_members(members);
    address
}

/// The entries as the writer takes them: groups name their members by ids that stand for their places.
pub(super) fn listed(contacts: &[Contact]) -> Vec<Listed> {
    let id = |contact: usize| RecordId(Uuid::from_u128(contact as u128 + 1));
    let each = contacts.iter().enumerate().map(|(at, contact)| {
        let mut address = contact.entries[0].clone();
        let linked = contact.members.iter().map(|link| Member::Record(id(link.contact)));
        let rest: Vec<Member> = address.members_in_order().cloned().collect();
        if !contact.members.is_empty() {
            address.set_members(linked.chain(rest));
        }
        Listed { id: id(at), owner: contact.owner.clone(), line: contact.line, address }
    });
    each.collect()
}
