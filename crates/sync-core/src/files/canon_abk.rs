//! The Canon address book in the custom format (`.abk`): `#` lines, then a block of `name: value` lines for each entry,
//! with an empty line between. The attributes are those of the CSV, but the number is `dn`, and `objectclass` stands
//! three times: `top`, `extensibleobject` and the kind. As published scripts write it; the fax and folder attributes are
//! those of the CSV, which no published file confirms.
//!
//! The Remote UI calls such a file `abook.ldif` too, so it is known by its content. Files say `# CharSet: WCP1252` that
//! are in UTF-8: that is tried first.

use super::{
    Encoding, FileError, Format, Note, Report,
    book::{Book, Contact, Frame, TextFrame},
    canon_csv::{
        self,
        columns::{COLUMNS, Cells, column_of, interpret, keep, render, scheme},
    },
    canon_room,
    convert::{ReadOptions, WriteOptions, write_text},
    fit::Fitted,
    format::{Room, Writer},
    holds::Holds,
    table::{MAX_ROWS, Style, finish, line_end},
    text::Text,
};
use crate::address::{Address, AddressKind};
use alloc::{
    borrow::Cow,
    format,
    string::{String, ToString},
    vec::Vec,
};

pub(super) const ROOM: Room = Room {
    format: Format::CanonAbk,
    name: "canon-abk",
    title: "Canon address book, custom format (.abk)",
    extensions: &["abk"],
    origin: "Remote UI: Settings/Registration, Device Management, Import/Export, Address Lists, Export, Custom Format",
    holds: Holds { scheme: "", owners: (false, false), ..canon_room::ROOM.holds },
    encoding: Encoding::UTF_8,
    recognizes,
    read,
    writer: Writer::Whole(write),
};

const MARK: &str = "# Canon AddressBook version:";

/// The attributes in the order in which an entry is written; others follow.
const FIRST: &[&str] = &[
    "subdbid",
    "dn",
    "cn",
    "cnread",
    "cnshort",
    "mailaddress",
    "dialdata",
    "uri",
    "url",
    "path",
    "username",
    "pwd",
    "member",
];
const LAST: &[&str] = &["enablepartial", "accesscode", "protocol"];
const CLASSES: &[&str] = &["top", "extensibleobject"];

fn recognizes(text: &Text) -> bool {
    let mut lines = text.text.lines().skip_while(|line| line.trim().is_empty());
    let starts =
        |line: &str, with: &str| line.get(..with.len()).is_some_and(|front| front.eq_ignore_ascii_case(with));
    let Some(first) = lines.next() else { return false };
    if starts(first, MARK) {
        return true;
    }
    let mut block: Vec<&str> = core::iter::once(first).chain(lines).take(200).collect();
    let begin = block.iter().position(|line| !line.starts_with('#') && !line.trim().is_empty());
    block.drain(..begin.unwrap_or(block.len()));
    let end = block.iter().position(|line| line.trim().is_empty()).unwrap_or(block.len());
    let has = |name: &str| block[..end].iter().any(|line| starts(line, name));
    // LDIF says first whose record it is.
    let is_ldif = block.first().is_some_and(|line| starts(line, "dn:"));
    !is_ldif && has("subdbid:") && has("objectclass:") && has("cn:")
}

/// What the `#` line of this name says.
pub(super) fn declared<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (one, value) = line.strip_prefix('#')?.split_once(':')?;
        one.trim().eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

fn read(text: &Text, _: &ReadOptions) -> Result<Book, FileError> {
    let mut report = Report::default();
    let mut frame = TextFrame {
        style: Style { line_end: line_end(&text.text), ..Style::default() },
        ..TextFrame::default()
    };
    let mut contacts: Vec<Contact> = Vec::new();
    let mut lines = (1_u64..).zip(text.text.split_inclusive('\n')).peekable();
    let mut before = String::new();
    while let Some((number, line)) = lines.next_if(|(_, line)| line.starts_with('#') || is_empty(line)) {
        if number == 2
            && let Some(name) = declared(&text.text, "CharSet")
            && text.encoding.is_utf8()
            && !text.text.is_ascii()
            && !Encoding::named(name).is_some_and(Encoding::is_utf8)
        {
            let text = format!("the file says `{name}` but is in UTF-8; it was read as UTF-8");
            report.warnings.push(Note::new(Some(number), "charset_is_utf8", text));
        }
        frame.head.push_str(line);
    }
    let scheme = declared(&frame.head, "Crypto Version").filter(|version| !version.is_empty()).map(scheme);
    while lines.peek().is_some() {
        while let Some((_, line)) = lines.next_if(|(_, line)| line.starts_with('#') || is_empty(line)) {
            before.push_str(line);
        }
        let Some((number, _)) = lines.peek().copied() else { break };
        if contacts.len() >= MAX_ROWS {
            return Err(FileError::TooManyRows { line: number, limit: MAX_ROWS });
        }
        let mut block = String::new();
        while let Some((_, line)) = lines.next_if(|(_, line)| !is_empty(line)) {
            block.push_str(line);
        }
        match contact(number, &block, scheme.as_deref(), &mut report.warnings) {
            Ok(mut contact) => {
                finish(&mut contact, &mut report);
                contact.mark_read(&before, &block);
                before.clear();
                contacts.push(contact);
            }
            Err(note) => {
                report.kept_out += 1;
                report.warnings.push(note);
                before.push_str(&block);
            }
        }
    }
    canon_room::link(&mut contacts);
    for contact in &mut contacts {
        contact.mark_linked();
    }
    canon_room::note_missing(&contacts, &mut report);
    frame.tail = before;
    let (encoding, format) = (text.encoding, Format::CanonAbk);
    Ok(Book { report, contacts, encoding, format, frame: Frame::Text(frame) })
}

fn is_empty(line: &str) -> bool {
    line.trim_end_matches(['\r', '\n']).is_empty()
}

/// What a block says.
fn contact(number: u64, block: &str, scheme: Option<&str>, notes: &mut Vec<Note>) -> Result<Contact, Note> {
    let mut cells = Cells::default();
    let mut present = [false; COLUMNS.len()];
    for (line, text) in (number..).zip(block.lines()) {
        let text = text.trim_end_matches('\r');
        if text.starts_with('#') {
            continue;
        }
        let Some((name, value)) = text.split_once(':') else {
            return Err(Note::loss(Some(line), "no_colon", "the block has a line without a colon"));
        };
        let name = name.trim().to_ascii_lowercase();
        let value = value.strip_prefix(' ').unwrap_or(value);
        if name == "objectclass" && CLASSES.iter().any(|class| class.eq_ignore_ascii_case(value.trim())) {
            continue;
        }
        // The number of an entry.
        let column = if name == "dn" { column_of("indxid") } else { column_of(&name) };
        let (cell, again) = match column {
            Some(place) => {
                let again = core::mem::replace(&mut present[place], true);
                (&mut cells.known[place], again)
            }
            None => {
                let again = cells.extra.contains_key(&name);
                (cells.extra.entry(name.clone()).or_default(), again)
            }
        };
        if !again {
            *cell = value.to_string();
        } else if name == "member" {
            cell.push(',');
            cell.push_str(value);
        } else {
            let text = format!("`{name}` stands there twice; the first counts");
            notes.push(Note::loss(Some(line), "repeated_attribute", text));
        }
    }
    if cells.known[canon_csv::columns::OBJECTCLASS].trim().is_empty() {
        let text = "the block does not say its kind (`objectclass`)";
        return Err(Note::loss(Some(number), "no_kind", text));
    }
    let (owner, mut address) = interpret(&cells, scheme);
    let is_usual = |place: usize| {
        let (name, cell) = (COLUMNS[place].name, &cells.known[place]);
        cell == usual(name, &address)
    };
    let told: Vec<bool> = (0..COLUMNS.len()).map(|place| present[place] && !is_usual(place)).collect();
    keep(&owner, &mut address, &cells, |place| told[place]);
    Ok(Contact { line: Some(number), ..Contact::of(owner, address) })
}

/// What stands in a new entry although nobody asks for it.
fn usual(name: &str, address: &Address) -> &'static str {
    match name {
        "enablepartial" if matches!(address.kind, AddressKind::Email | AddressKind::Ifax) => "false",
        "accesscode" => "0",
        _ => "",
    }
}

fn write(fitted: &mut Fitted, own: Option<&Book>, options: &WriteOptions) -> Result<Vec<u8>, FileError> {
    let encoding = options.encoding.unwrap_or(own.map_or(ROOM.encoding, |book| book.encoding));
    let frame = match own {
        Some(Book { frame: Frame::Text(frame), .. }) => {
            let mut frame = frame.clone();
            if options.encoding.is_some() {
                frame.head = with_charset(&frame.head, encoding);
            }
            frame
        }
        _ => {
            let lines = [
                format!("{MARK} 1"),
                format!("# CharSet: {}", charset(encoding)),
                "# SubAddressBookName: ".into(),
                "# DB Version: 0x0108".into(),
                String::new(),
            ];
            TextFrame { head: lines.map(|line| line + "\r\n").concat(), ..TextFrame::default() }
        }
    };
    let is_own = own.is_some();
    let Fitted { contacts, notes, .. } = fitted;
    let as_is: Vec<bool> = contacts.iter().map(|contact| is_own && contact.unchanged().is_some()).collect();
    if !is_own {
        canon_room::part_folders(contacts);
    }
    if as_is.contains(&false) {
        // Numbers are given, and groups name them, as in the CSV.
        let header = canon_csv::Header::version_3("");
        let options = canon_csv::Options { header, passwords: true, ..canon_csv::Options::default() };
        let mut entries = canon_room::outgoing(contacts, |at| as_is[at]);
        let numbering = canon_csv::Numbering { across_owners: !is_own, of_lists: false };
        let book = canon_csv::settle(&mut entries, &options, numbering)?;
        notes.extend(book.report.warnings);
    }
    let contacts = &*contacts;
    let write = |_: &[Contact], at: usize| {
        if let Some(source) = contacts[at].source.as_ref().filter(|_| as_is[at]) {
            return source.text.to_string();
        }
        let end = frame.style.line_end;
        let mut out = String::new();
        let before = if is_own { contacts[at].before() } else { "" };
        if before.is_empty() && at > 0 {
            out.push_str(end);
        }
        let address = &contacts[at].entries[0];
        if !matches!(&address.kind, AddressKind::Other(name) if name.trim().is_empty()) {
            out.push_str(&block(&contacts[at], address, end));
        }
        let next = contacts.get(at + 1).filter(|_| as_is.get(at + 1) == Some(&true));
        if next.is_some_and(|next| next.before().is_empty()) {
            out.push_str(end);
        }
        out
    };
    Ok(write_text(contacts, &frame, is_own.then_some(true), write, encoding, notes))
}

/// The block of an entry.
fn block(contact: &Contact, address: &Address, end: &str) -> String {
    let cells = render(&contact.owner, address);
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        let value: Cow<'_, str> =
            if value.contains(['\r', '\n']) { value.replace(['\r', '\n'], " ").into() } else { value.into() };
        out.push_str(&format!("{name}: {value}{end}"));
    };
    let cell = |name: &str| {
        let column = column_of(if name == "dn" { "indxid" } else { name });
        column.map_or("", |place| &*cells.known[place])
    };
    let others = COLUMNS.iter().map(|column| column.name).filter(|name| {
        !["objectclass", "indxid"].contains(name) && !FIRST.contains(name) && !LAST.contains(name)
    });
    for name in FIRST.iter().copied().chain(others).chain(LAST.iter().copied()) {
        let value = match cell(name) {
            "" if !address.kept.contains_key(name) => usual(name, address),
            value => value,
        };
        // An empty attribute is written where its file had it.
        if !value.is_empty() || address.kept.contains_key(name) {
            line(name, value);
        }
    }
    for (name, value) in &cells.extra {
        line(name, value);
    }
    for class in CLASSES {
        line("objectclass", class);
    }
    line("objectclass", cell("objectclass"));
    out
}

fn charset(encoding: Encoding) -> String {
    match encoding.name() {
        "Shift_JIS" => "SJIS".into(),
        name => match name.strip_prefix("windows-") {
            Some(page) => format!("WCP{page}"),
            None => name.into(),
        },
    }
}

/// The `#` lines with another character set.
pub(super) fn with_charset(head: &str, encoding: Encoding) -> String {
    let line = |line: &str| match line.split_once(':') {
        Some((name, rest)) if name.trim_start_matches('#').trim().eq_ignore_ascii_case("CharSet") => {
            let end = &rest[rest.trim_end_matches(['\r', '\n']).len()..];
            format!("{name}: {}{end}", charset(encoding))
        }
        _ => line.to_string(),
    };
    head.split_inclusive('\n').map(line).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::files::{convert, field::Field, laws, read};
    use proptest::prelude::*;
    use std::{fs, path::Path};

    const FILE: &str = "canon/abook-custom-wcp1252.abk";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn no_damage_harms(bytes in laws::any_damage(&[FILE])) {
            laws::no_damage_harms(Format::CanonAbk, &bytes);
        }
    }

    fn file() -> Vec<u8> {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpora").join(FILE)).unwrap()
    }

    #[test]
    fn an_edit_keeps_the_rest() {
        laws::an_edit_keeps_the_rest(FILE);
    }

    #[test]
    fn attributes_are_those_of_the_csv() {
        let book = read(&file(), &ReadOptions::default()).unwrap();
        assert_eq!(book.encoding.name(), "windows-1252");
        assert_eq!(book.contacts[1].name(), "Hans Müller–Test");
        let fax = &book.contacts[3].entries[0];
        assert_eq!((Field::FaxSpeed.get(fax), fax.number), ("14400".into(), Some(204)));
        let folder = &book.contacts[4].entries[0];
        assert_eq!(Field::FolderHost.get(folder), "\\\\server.example.com\\ablage");
        assert_eq!(Field::LoginPassword.get(folder), "geheim");
        assert!(folder.kept.is_empty(), "{:?}", folder.kept);
    }

    #[test]
    fn one_edited_entry_changes_one_line() {
        let mut book = read(&file(), &ReadOptions::default()).unwrap();
        book.contacts[0].entries[0].mail = "new@example.com".into();
        let written = convert(&book, Format::CanonAbk, &WriteOptions::default()).unwrap();
        let (one, other) = (String::from_utf8_lossy(&file()).to_string(), written.bytes);
        let expected = one.replace("greta@example.com", "new@example.com");
        assert_eq!(String::from_utf8_lossy(&other), expected);
    }

    #[test]
    fn utf_8_is_tried_first_whatever_the_file_says() {
        let text = "# Canon AddressBook version: 1\n# CharSet: WCP1252\n\nsubdbid: 1\ndn: 201\ncn: Gréta\n\
            mailaddress: g@b.example\nobjectclass: top\nobjectclass: extensibleobject\nobjectclass: email\n";
        let book = read(text.as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!(book.contacts[0].name(), "Gréta");
        assert_eq!(book.report.warnings[0].code, "charset_is_utf8");
        let encoding = Encoding::named("shift_jis");
        let plain = Book { contacts: Vec::new(), ..book };
        let written =
            convert(&plain, Format::CanonAbk, &WriteOptions { encoding, ..WriteOptions::default() }).unwrap();
        assert!(String::from_utf8_lossy(&written.bytes).contains("# CharSet: SJIS\n"));
    }

    #[test]
    fn wrong_blocks_stay_out_and_groups_find_their_members() {
        let text = "subdbid: 1\ndn: 201\ncn: A\nmailaddress: a@b.example\nobjectclass: email\n\nsubdbid: 1\nno colon\n\n\
            subdbid: 1\ncn: B\n\nsubdbid: 1\ndn: 202\ncn: G\nmember: 201,localbox001\nmember: 299\n\
            objectclass: groupofids\n";
        let mut book = read(text.as_bytes(), &ReadOptions::default()).unwrap();
        assert_eq!((book.format(), book.entries(), book.report.kept_out), (Format::CanonAbk, 2, 2));
        let codes: Vec<_> = book.report.warnings.iter().map(|note| (note.code, note.line)).collect();
        let missing = ("member_missing", Some(13));
        assert_eq!(codes, [("no_colon", Some(8)), ("no_kind", Some(10)), missing]);
        assert_eq!(book.contacts[1].members.len(), 1);
        book.contacts[1].entries[0].name = "H".into();
        let written = convert(&book, Format::CanonAbk, &WriteOptions::default()).unwrap();
        let written = String::from_utf8(written.bytes).unwrap();
        assert!(
            written.contains("no colon\n") && written.contains("member: 201,localbox001,299\n"),
            "{written}"
        );
    }
}
