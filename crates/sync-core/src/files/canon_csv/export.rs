//! A new file from entries that came from anywhere.

use super::{
    AddressBook, Header, LineEnd, Slot,
    cells::push_cell,
    columns::{COLUMNS, DN, extra_columns, scheme},
};
use crate::{
    address::{Address, AddressKind, Member, ONE_TOUCH_LIST, Password},
    files::{
        Encoding, FileError, Listed, Note, Place, Report, Weight,
        charset::Charset,
        links::{Outgoing, label, unlink_members},
    },
    id::RecordId,
};
use alloc::{
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

/// Where the numbers of lists begin; those below are one-touch buttons.
const FIRST_NUMBER: i64 = 201;

/// How a new file looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its `#` lines. What they say of encryption is set by what the entries hold.
    pub header: Header,
    /// How its lines end.
    pub line_end: LineEnd,
    /// Whether readable passwords are written; otherwise each is left out, with a note.
    pub passwords: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { header: Header::version_3(""), line_end: LineEnd::default(), passwords: false }
    }
}

/// Makes a file of entries, in their order. Numbers are given where they are missing or taken twice, members become
/// numbers, owners fill the owner columns, and columns kept from an import come back. What the file can't hold is in
/// the book's report.
///
/// # Errors
/// [`FileError::UnknownCharset`] where the header names a character set that isn't known.
pub fn new_book(entries: &[Listed], options: &Options) -> Result<AddressBook, FileError> {
    let mut entries = entries.to_vec();
    let mut outgoing: Vec<Outgoing<'_>> = entries.iter_mut().map(Outgoing::from).collect();
    let mut book = settle(&mut outgoing, options, Numbering::default())?;
    for Listed { owner, address, .. } in entries.into_iter().filter(|entry| has_kind(&entry.address)) {
        book.push(owner, address);
    }
    Ok(book)
}

/// How entries are numbered.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::files) struct Numbering {
    /// No two entries of the file have one number in one list, whoever owns them: where they come from, lists of different
    /// owners may each have begun anew.
    pub(in crate::files) across_owners: bool,
    /// The numbers are another maker's: those of lists must begin at 201, those of buttons end at 200.
    pub(in crate::files) of_lists: bool,
}

/// Makes entries such that a file can hold them, where they are kept, and removes those that it can't. Gives the file
/// around them.
///
/// # Errors
/// As [`new_book`].
pub(in crate::files) fn settle(
    entries: &mut Vec<Outgoing<'_>>,
    options: &Options,
    numbering: Numbering,
) -> Result<AddressBook, FileError> {
    let mut report = Report::default();
    let notes = &mut report.warnings;
    let before = entries.len();
    entries.retain(|entry| {
        let known = has_kind(entry.address);
        if !known {
            let text = format!("{} has no kind; it stays out", label(entry.address));
            notes.push(entry.note(Weight::Loss, "no_kind", text));
        }
        known
    });
    report.read = entries.len();
    report.kept_out = before - entries.len();
    number(entries, numbering, notes);
    notes.extend(unlink_members(entries));

    let mut header = options.header.clone();
    let crypto_version = passwords(entries, options.passwords, notes);
    header.crypto_attribute = crypto_version.is_some().then(|| "pwd".into());
    header.crypto_version = crypto_version;
    for entry in entries.iter() {
        if !entry.address.other.is_empty() {
            let names: Vec<&str> = entry.address.other.keys().map(|name| &**name).collect();
            let text =
                format!("{}: this format has no column for {}", label(entry.address), names.join(", "));
            notes.push(entry.note(Weight::Loss, "field_not_in_format", text));
        }
    }

    let name = header.charset.as_deref().unwrap_or("");
    let wide = Encoding::named(name).filter(|encoding| encoding.charset().is_none());
    let charset = wide
        .map_or_else(|| Charset::named(name), |_| Some(Charset::UTF_8))
        .ok_or_else(|| FileError::UnknownCharset { line: 2, charset: name.into() })?;
    let addresses = || entries.iter().map(|entry| &*entry.address);
    let columns = columns(&header, addresses);
    let mut head = header.lines(options.line_end.as_str());
    for slot in &columns {
        match slot {
            Slot::Known(place) => head.push_str(COLUMNS[*place].name),
            Slot::Extra(name) => push_cell(&mut head, name, false),
            Slot::Nameless => continue,
        }
        head.push(',');
    }
    head.push_str(options.line_end.as_str());
    let head = charset
        .encode(&head)
        .ok_or_else(|| FileError::Unmappable {
            entry: 0,
            column: "SubAddressBookName".into(),
            charset: charset.name().into(),
        })?
        .into_owned();

    let (line_end, items) = (options.line_end, Vec::new());
    Ok(AddressBook { report, header, charset, wide, head, columns, line_end, items })
}

fn columns<'a, I: Iterator<Item = &'a Address>>(header: &Header, addresses: impl Fn() -> I) -> Vec<Slot> {
    let one_touch = addresses()
        .any(|a| a.list == Some(ONE_TOUCH_LIST) || a.kept.get("dn").is_some_and(|dn| !dn.is_empty()));
    let version_2 = header.version.as_deref() == Some("0x0002");
    let flags = addresses().any(|a| a.kept.contains_key("folderidflag"));
    let dn = (one_touch || header.dn_fixed).then_some(Slot::Known(DN));
    dn.into_iter()
        .chain((0..DN - 1).map(Slot::Known))
        .chain((!version_2 || flags).then_some(Slot::Known(DN - 1)))
        .chain(extra_columns(addresses()).into_iter().map(Slot::Extra))
        .chain([Slot::Nameless])
        .collect()
}

/// What decides which number an entry gets.
struct Placed {
    place: Place,
    list: Option<i64>,
    /// Whether the entry came from a file in no list, and goes back in none.
    in_no_list: bool,
    number: Option<i64>,
    /// The numbers that it names although no entry may have them.
    names: Vec<i64>,
    /// Its number can't change.
    as_is: bool,
}

impl Placed {
    fn of(place: Place, address: &Address) -> Self {
        let number = |member: &Member| match member {
            Member::Number(number) => Some(*number),
            _ => None,
        };
        Self {
            place,
            list: address.list,
            in_no_list: address.kept.contains_key("subdbid"),
            number: address.number,
            names: address.members.keys().filter_map(number).collect(),
            as_is: false,
        }
    }
}

/// Gives each entry a list and a number that no other entry of its owner's list has.
fn number(entries: &mut [Outgoing<'_>], numbering: Numbering, notes: &mut Vec<Note>) {
    let placed = entries.iter().map(|entry| {
        let owner = if numbering.across_owners { Place::Local } else { entry.owner.place() };
        Placed { as_is: entry.as_is, ..Placed::of(owner, entry.address) }
    });
    let mut placed: Vec<Placed> = placed.collect();
    let list_can_have = |list: Option<i64>, number: i64| {
        let button = list == Some(ONE_TOUCH_LIST);
        !numbering.of_lists
            || if button { (1..FIRST_NUMBER).contains(&number) } else { number >= FIRST_NUMBER }
    };
    for (at, old) in place(&mut placed, list_can_have) {
        if let (Some(old), Some(new)) = (old, placed[at].number) {
            let entry = &entries[at];
            let why = if list_can_have(placed[at].list, old) {
                "which another entry has"
            } else {
                "which its list can't have"
            };
            let text = format!("{} had the number {old}, {why}; it is {new} now", label(entry.address));
            notes.push(entry.note(Weight::Correction, "number_changed", text));
        }
    }
    for (entry, placed) in entries.iter_mut().zip(placed) {
        (entry.address.list, entry.address.number) = (placed.list, placed.number);
    }
}

/// Gives each a list and a number; says which got a new number, and which one they had.
fn place(
    entries: &mut [Placed],
    list_can_have: impl Fn(Option<i64>, i64) -> bool,
) -> Vec<(usize, Option<i64>)> {
    let mut taken: BTreeSet<(Place, Option<i64>, i64)> = BTreeSet::new();
    // Numbers that groups name although no entry has them: to give one away would change what the group means.
    let mut used: BTreeMap<Place, BTreeSet<i64>> = BTreeMap::new();
    let mut without = Vec::new();
    for entry in entries.iter().filter(|entry| entry.as_is) {
        if let Some(number) = entry.number {
            used.entry(entry.place.clone()).or_default().insert(number);
            taken.insert((entry.place.clone(), entry.list, number));
        }
    }
    for (at, entry) in entries.iter_mut().enumerate() {
        let used = used.entry(entry.place.clone()).or_default();
        used.extend(entry.names.iter().copied());
        if entry.list.is_none() && !entry.in_no_list {
            entry.list = Some(1);
        }
        match entry.number {
            _ if entry.as_is => {}
            Some(number)
                if list_can_have(entry.list, number)
                    && taken.insert((entry.place.clone(), entry.list, number)) =>
            {
                used.insert(number);
            }
            number => without.push((at, number)),
        }
    }
    let mut next: BTreeMap<(Place, i64), i64> = BTreeMap::new();
    for (at, _) in &without {
        let entry = &mut entries[*at];
        let used = used.entry(entry.place.clone()).or_default();
        let first = if entry.list == Some(ONE_TOUCH_LIST) { 1 } else { FIRST_NUMBER };
        let next = next.entry((entry.place.clone(), first)).or_insert(first);
        while used.contains(next) {
            *next += 1;
        }
        entry.number = Some(*next);
        *next += 1;
    }
    without
}

/// Where an entry stands in a file: its list and its number.
pub(crate) type Spot = (Option<i64>, Option<i64>);

/// What a file says of one owner's entries that have no list, no number, or one that another has too: where each stands in
/// it. So an import tells a number that only the file gave from one that says something.
pub(crate) fn spots(entries: impl Iterator<Item = (RecordId, Address)>) -> BTreeMap<RecordId, Spot> {
    let mut entries: Vec<(RecordId, Placed)> = entries
        .filter(|(_, address)| has_kind(address))
        .map(|(id, address)| (id, Placed::of(Place::Local, &address)))
        .collect();
    entries.sort_by_key(|(id, placed)| order(placed.list, placed.number, *id));
    let (ids, mut placed): (Vec<RecordId>, Vec<Placed>) = entries.into_iter().unzip();
    let before: Vec<Spot> = placed.iter().map(|entry| (entry.list, entry.number)).collect();
    place(&mut placed, |_, _| true);
    let after = placed.into_iter().map(|entry| (entry.list, entry.number));
    let moved = ids.into_iter().zip(before.into_iter().zip(after));
    moved.filter(|(_, (before, after))| before != after).map(|(id, (_, after))| (id, after)).collect()
}

/// In which order an export lists the entries of one owner.
fn order(list: Option<i64>, number: Option<i64>, id: RecordId) -> (Option<i64>, i64, RecordId) {
    (list, number.unwrap_or(i64::MAX), id)
}

/// Brings the entries of one owner into the order in which an export lists them, which says who gets which number.
pub fn sort(entries: &mut [(RecordId, Address)]) {
    entries.sort_by_key(|(id, address)| order(address.list, address.number, *id));
}

fn has_kind(address: &Address) -> bool {
    !matches!(&address.kind, AddressKind::Other(name) if name.trim().is_empty())
}

/// Leaves out the passwords that the file can't hold. A file holds encrypted ones or readable ones, never both: the
/// encrypted ones stand, since nothing else can carry them. Gives the crypto version, if there is one.
fn passwords(entries: &mut [Outgoing<'_>], readable: bool, notes: &mut Vec<Note>) -> Option<String> {
    let mut version: Option<String> = None;
    for entry in entries.iter() {
        if let Some(Password::Encrypted { scheme, .. }) = password(entry.address) {
            version = version.or(scheme.strip_prefix("canon:").map(String::from));
        }
    }
    let of_file = version.as_deref().map(scheme);
    for entry in entries.iter_mut().filter(|entry| !entry.as_is) {
        let left_out = match password(entry.address) {
            Some(Password::Plain(_)) if !readable => ("password_left_out", "its password was not asked for"),
            Some(Password::Plain(_)) if of_file.is_some() => {
                ("password_not_carried", "its password is readable, and this file's are encrypted")
            }
            Some(Password::Encrypted { scheme, .. }) if Some(scheme) != of_file.as_ref() => {
                ("password_not_carried", "its password is encrypted in another way than this file's")
            }
            _ => continue,
        };
        let (code, why) = left_out;
        let text = format!("{}: {why}; it is left out", label(entry.address));
        notes.push(entry.note(Weight::Loss, code, text));
        if let Some(login) = &mut entry.address.login {
            login.password = None;
        }
    }
    version
}

fn password(address: &Address) -> Option<&Password> {
    address.login.as_ref()?.password.as_ref()
}
