//! Kyocera (also Copystar, Triumph-Adler, Utax): the address book of KYOCERA Net Viewer, XML.
//!
//! - The root is `DeviceAddressBook_v5_2`; other versions are read too. Its children are `Item`s, told apart by `Type`.
//!   Comments may stand between them; attributes stand in any order, on several lines, and some may be missing (four
//!   public programs that write such files; one of them quotes a real item).
//! - `Contact`: see [`super::kyocera`] for its attributes. It is an e-mail address, an SMB folder, an FTP folder, a fax
//!   and an Internet fax at once.
//! - `OneTouchKey`: a button that leads to one destination of a contact: `AddressId` is the contact's `Id`,
//!   `AddressType` is `EMAIL` (one program: `Email`) or `SMB`; `FTP` and `FAX` are likely. A button is kept beside its
//!   contact, as `ID TYPE NAME`, and leads to it whatever number the contact has then.
//! - Other items are not known (how groups look was never seen): they stay where they stand, and are noted.
//! - `SmbLoginPasswd` has 16 hexadecimal digits: encrypted, carried to the same format alone. A file without an XML
//!   encoding is UTF-8. Document types and entities of one's own are refused.

use super::{
    Encoding, FileError, Format, Note, Report,
    book::{Book, Contact, Frame, TextFrame},
    convert::{ReadOptions, WriteOptions, encode_contact},
    field::Slot,
    fit::Fitted,
    format::{Room, Writer},
    holds::Holds,
    kyocera::{HOLDS, after_read, before_write, columns},
    links::{label, note_numbers_used_twice},
    table::{Cells, Quotes, Style, Table, finish, line_end},
    text::Text,
    xml,
};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    format,
    string::{String, ToString},
    vec::Vec,
};

const ROOT: &str = "DeviceAddressBook";
const VERSION: &str = "_v5_2";
const KEY: &str = "OneTouchKey";

const TABLE: Table = Table {
    format: Format::KyoceraXml,
    columns: &columns("kyocera:net-viewer"),
    style: Style {
        separator: ' ',
        quotes: Quotes::All,
        head_quotes: Quotes::All,
        line_end: "\r\n",
        brackets: false,
        closes: false,
    },
    after_read,
    before_write,
};

pub(super) const ROOM: Room = Room {
    format: Format::KyoceraXml,
    name: "kyocera-xml",
    title: "Kyocera Net Viewer address book, XML",
    extensions: &["xml"],
    origin: "KYOCERA Net Viewer: the device, Address Book, Export",
    holds: Holds { scheme: "kyocera:net-viewer", ..HOLDS },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

/// A one-touch key, without the contact to which it leads.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    id: i64,
    kind: String,
    name: String,
}

impl Key {
    fn of(item: &xml::Element) -> Option<(Self, i64)> {
        if item.get("Type") != Some(KEY) {
            return None;
        }
        let number = |name| item.get(name).and_then(|text| text.trim().parse().ok());
        let text = |name| item.get(name).unwrap_or_default();
        let kind = text("AddressType");
        // It is kept as one line of words.
        let fits =
            !kind.is_empty() && !kind.contains(char::is_whitespace) && !text("DisplayName").contains('\n');
        let key = Self { id: number("Id")?, kind: kind.into(), name: text("DisplayName").into() };
        Some((key, number("AddressId")?)).filter(|_| fits)
    }

    fn from_line(line: &str) -> Option<Self> {
        let mut words = line.splitn(3, ' ');
        let id = words.next()?.parse().ok()?;
        let kind = words.next().filter(|kind| !kind.is_empty())?.into();
        Some(Self { id, kind, name: words.next().unwrap_or_default().into() })
    }

    fn to_line(&self) -> String {
        format!("{} {} {}", self.id, self.kind, self.name)
    }

    fn to_item(&self, contact: i64) -> String {
        let mut text = String::from("<Item");
        for (name, value) in [
            ("Type", KEY),
            ("Id", &self.id.to_string()),
            ("DisplayName", &self.name),
            ("AddressId", &contact.to_string()),
            ("AddressType", &self.kind),
        ] {
            xml::write_attribute(&mut text, name, value);
        }
        text + " />"
    }

    /// Whether it leads to something that the contact has, as far as that is known.
    fn leads_into(&self, contact: &Contact) -> bool {
        let slot = match &*self.kind.to_ascii_uppercase() {
            "EMAIL" => Slot::Mail,
            "SMB" => Slot::Smb,
            "FTP" => Slot::Ftp,
            "FAX" => Slot::Fax,
            _ => return true,
        };
        contact.entry(slot).is_some()
    }
}

fn keys_key() -> String {
    TABLE.kept_key(KEY)
}

fn keys_of(contact: &Contact) -> Vec<Key> {
    let kept = contact.entries.iter().filter_map(|entry| entry.kept_by.get(&keys_key()));
    kept.flat_map(|lines| lines.lines()).filter_map(Key::from_line).collect()
}

fn number_of(contact: &Contact) -> Option<i64> {
    contact.entries.iter().find_map(|entry| entry.number)
}

fn recognizes(text: &Text) -> bool {
    let front = text.text.get(..4_096).unwrap_or(&text.text);
    front.trim_start().starts_with('<') && front.contains(&format!("<{ROOT}"))
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let encoding = text.encoding;
    let text = &*text.text;
    let document = xml::document(text)?;
    if !document.root.starts_with(ROOT) {
        return Err(FileError::NotXml { line: 1, what: "its root is no `DeviceAddressBook`" });
    }
    let mut report = Report::default();
    let mut contacts: Vec<Contact> = Vec::new();
    let mut keys = Vec::new();
    let mut last = document.inner.0;
    for item in &document.elements {
        match (&*item.name, item.get("Type").unwrap_or_default()) {
            ("Item", "Contact") => {
                let mut contact = contact(item, &mut report);
                let piece = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
                contact.mark_read(piece(last, item.start), piece(item.start, item.end));
                last = item.end;
                contacts.push(contact);
            }
            ("Item", KEY) => keys.push((item.line, Key::of(item))),
            (name, kind) => {
                let text =
                    format!("`{name}` of the type `{kind}` is not known here; it is kept where it stands");
                report.kept_out += 1;
                report.warnings.push(Note::loss(Some(item.line), "unknown_item", text));
            }
        }
    }
    let strays = give_keys(&mut contacts, keys, &mut report);
    let style = Style { line_end: line_end(text), ..TABLE.style };
    let (head, tail) = (text[..document.inner.0].into(), text[last..].into());
    let frame = Frame::Text(TextFrame { head, tail, style, strays, ..TextFrame::default() });
    let mut book = Book { report, contacts, encoding, format: Format::KyoceraXml, frame };
    note_numbers_used_twice(&mut book);
    Ok(book)
}

fn contact(item: &xml::Element, report: &mut Report) -> Contact {
    let said = item.attributes.iter().filter(|(name, _)| name != "Type" && name != KEY);
    let (columns, cells): (Vec<String>, Vec<String>) = said.cloned().unzip();
    let cells = Cells { columns: &columns, cells: &cells, line: item.line };
    let mut contact = TABLE.contact(&cells);
    (TABLE.after_read)(&mut contact, &cells, &mut report.warnings);
    finish(&mut contact, report);
    if item.is_filled {
        let text = format!("{}: what stands in its item is not read", label(&contact.entries[0]));
        report.warnings.push(Note::new(Some(item.line), "content_not_read", text));
    }
    contact
}

/// Keeps each key with the contact to which it leads; gives back those that lead nowhere.
fn give_keys(
    contacts: &mut [Contact],
    keys: Vec<(u64, Option<(Key, i64)>)>,
    report: &mut Report,
) -> BTreeSet<String> {
    let mut places = BTreeMap::new();
    for (at, contact) in contacts.iter().enumerate() {
        if let Some(number) = number_of(contact) {
            places.entry(number).or_insert(at);
        }
    }
    let mut strays = BTreeSet::new();
    for (line, key) in keys {
        let found = key.as_ref().and_then(|(_, number)| Some(&mut contacts[*places.get(number)?]));
        match (key, found) {
            (Some((key, _)), Some(contact)) => {
                if !key.leads_into(contact) {
                    let text = format!("the one-touch key {} leads to nothing that its contact has", key.id);
                    report.warnings.push(Note::new(Some(line), "key_leads_nowhere", text));
                }
                if let Some(first) = contact.entries.first_mut() {
                    let lines = first.kept_by.entry(keys_key()).or_default();
                    if !lines.is_empty() {
                        lines.push('\n');
                    }
                    lines.push_str(&key.to_line());
                }
            }
            (key, _) => {
                let text = "a one-touch key leads to no contact of this file; it is kept where it stands";
                report.warnings.push(Note::new(Some(line), "key_leads_nowhere", text));
                strays.extend(key.map(|(key, _)| key.to_line()));
            }
        }
    }
    let key = keys_key();
    for contact in contacts.iter_mut().filter(|contact| contact.entries[0].kept_by.contains_key(&key)) {
        contact.mark_linked();
    }
    strays
}

fn write(fitted: &mut Fitted, book: Option<&Book>, options: &WriteOptions) -> Result<Vec<u8>, FileError> {
    let encoding = options.encoding.unwrap_or(book.map_or(ROOM.encoding, |book| book.encoding));
    let Fitted { contacts, notes, .. } = fitted;
    let (frame, own) = match book.map(|book| &book.frame) {
        // A root that is closed where it begins has no room.
        Some(Frame::Text(frame)) if contacts.is_empty() || !frame.head.ends_with("/>") => {
            (Cow::Borrowed(frame), true)
        }
        _ => (Cow::Owned(new_frame(encoding)), false),
    };
    let line_end = frame.style.line_end;
    let mut keys = Keys::of(contacts, &frame, notes);
    let mut out = encoding.mark_bytes().to_vec();
    let as_it_stands = book.is_none_or(|book| book.encoding.name() == encoding.name());
    encoding.encode(&head(&frame, as_it_stands, encoding), &mut out, |_| {});
    for at in 0..contacts.len() {
        let contact = &contacts[at];
        let mut text = String::new();
        let has_place = own && contact.source.is_some();
        if has_place {
            text += &keys.in_piece(contact.before(), contacts);
        } else {
            text += line_end;
            text += "  ";
        }
        match contact.unchanged() {
            Some(raw) if own => text += raw,
            _ => text += &item(contacts, at, notes),
        }
        encode_contact(encoding, contact, &text, &mut out, notes);
    }
    // Keys that have no place yet come last in the root, before the blanks that lead to its end.
    let (inner, end) =
        frame.tail.rfind(&format!("</{ROOT}")).map_or(("", &*frame.tail), |at| frame.tail.split_at(at));
    let mut text = keys.in_piece(inner, contacts);
    let blanks = text.split_off(text.trim_end().len());
    for key in keys.left(contacts) {
        text += &format!("{line_end}  {key}");
    }
    text += &blanks;
    text += end;
    encoding.encode(&text, &mut out, |_| {});
    Ok(out)
}

fn new_frame(encoding: Encoding) -> TextFrame {
    let end = TABLE.style.line_end;
    TextFrame {
        head: format!("{}{end}<{ROOT}{VERSION}>", declaration(encoding)),
        tail: format!("{end}</{ROOT}{VERSION}>{end}"),
        style: TABLE.style,
        ..TextFrame::default()
    }
}

/// Without an encoding it is UTF-8.
fn declaration(encoding: Encoding) -> String {
    if encoding.is_utf8() {
        return "<?xml version=\"1.0\"?>".into();
    }
    format!("<?xml version=\"1.0\" encoding=\"{}\"?>", encoding.name())
}

/// What stands before the first item: it must not say another encoding than the file has.
fn head(frame: &TextFrame, as_it_stands: bool, encoding: Encoding) -> String {
    match frame.head.split_once("?>") {
        Some((front, rest)) if !as_it_stands && front.trim_start().starts_with("<?xml") => {
            declaration(encoding) + rest
        }
        _ => frame.head.clone(),
    }
}

/// The item of a contact.
fn item(contacts: &[Contact], at: usize, notes: &mut Vec<Note>) -> String {
    let contact = &contacts[at];
    let prefix = TABLE.kept_key("");
    let kept = contact.entries.iter().flat_map(|entry| entry.kept_by.keys());
    let extra: BTreeSet<&str> = kept
        .filter_map(|key| key.strip_prefix(&*prefix))
        .filter(|name| *name != KEY && *name != "Type" && TABLE.column(name).is_none())
        .collect();
    let mut names: Vec<String> = TABLE.columns.iter().map(|column| column.name.to_string()).collect();
    for name in extra {
        if xml::is_name(name) {
            names.push(name.into());
            continue;
        }
        let name = label(&contact.entries[0]);
        let text = format!("{name}: no attribute can have the name of one of those that it keeps");
        let note = Note::loss(contact.line, "column_not_in_format", text);
        notes.push(Note { entry: Some(contact.name().into()), ..note });
    }
    let cells = TABLE.cells(contacts, at, &names);
    let mut text = String::from("<Item");
    xml::write_attribute(&mut text, "Type", "Contact");
    for (name, cell) in names.iter().zip(&cells) {
        xml::write_attribute(&mut text, name, cell);
    }
    text + " />"
}

/// The one-touch keys that are still to be written.
struct Keys<'a> {
    /// By what they say, the contacts to which they lead.
    waiting: BTreeMap<Key, VecDeque<usize>>,
    strays: &'a BTreeSet<String>,
}

impl<'a> Keys<'a> {
    fn of(contacts: &[Contact], frame: &'a TextFrame, notes: &mut Vec<Note>) -> Self {
        let mut waiting: BTreeMap<Key, VecDeque<usize>> = BTreeMap::new();
        for (at, contact) in contacts.iter().enumerate() {
            let is_edited = contact.unchanged().is_none();
            for key in keys_of(contact) {
                if is_edited && !key.leads_into(contact) {
                    let text = format!(
                        "{}: its one-touch key {} leads to nothing that it has now; it is left out",
                        label(&contact.entries[0]),
                        key.id
                    );
                    let note = Note::loss(contact.line, "key_left_out", text);
                    notes.push(Note { entry: Some(contact.name().into()), ..note });
                    continue;
                }
                waiting.entry(key).or_default().push_back(at);
            }
        }
        Self { waiting, strays: &frame.strays }
    }

    /// A piece of the file between two contacts, with its keys as they are now.
    fn in_piece(&mut self, piece: &str, contacts: &[Contact]) -> String {
        let items = if piece.contains(KEY) { xml::elements(piece).unwrap_or_default() } else { Vec::new() };
        let (mut out, mut last) = (String::new(), 0);
        for item in items {
            let Some((key, number)) = Key::of(&item) else { continue };
            let (gap, raw) = (&piece[last..item.start], &piece[item.start..item.end]);
            let owner = self.waiting.get_mut(&key).and_then(VecDeque::pop_front);
            match owner.and_then(|at| number_of(&contacts[at])) {
                Some(now) if now == number => out.extend([gap, raw]),
                Some(now) => out.extend([gap, &key.to_item(now)]),
                None if self.strays.contains(&key.to_line()) => out.extend([gap, raw]),
                None if gap.trim().is_empty() => {}
                None => out.push_str(gap),
            }
            last = item.end;
        }
        out.push_str(&piece[last..]);
        out
    }

    /// The items of those that stood nowhere, each with a number of its own.
    fn left(self, contacts: &[Contact]) -> Vec<String> {
        let mut taken: BTreeSet<i64> = contacts.iter().flat_map(keys_of).map(|key| key.id).collect();
        let mut used = BTreeSet::new();
        let mut next = 1;
        let mut items = Vec::new();
        for (key, owners) in self.waiting {
            for at in owners {
                let Some(number) = number_of(&contacts[at]) else { continue };
                let mut key = key.clone();
                if !used.insert(key.id) {
                    while !taken.insert(next) {
                        next += 1;
                    }
                    key.id = next;
                }
                items.push(key.to_item(number));
            }
        }
        items
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
