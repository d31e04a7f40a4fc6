//! From contacts to abbreviated destinations.

use super::{
    BY_ROW, END, KEY, LIMIT, MAIL, MODE, MOST, NO, ROOM, SMB_ADDRESS, SMB_FOLDER, TABLE, mode_of, usual,
};
use crate::files::{
    FileError, Note, Weight,
    book::{Book, Contact, Frame, TextFrame},
    convert::{WriteOptions, write_text},
    field::Slot,
    fit::{Fitted, remove},
    folder::{server_and_path, whole_path},
    links::label,
    table::set_cell,
};
use alloc::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    format,
    string::String,
    vec::Vec,
};

pub(super) fn before_write(contacts: &[Contact], at: usize, cells: &mut BTreeMap<String, String>) {
    let contact = &contacts[at];
    TABLE.put_usual(contact, cells, &BY_ROW, usual);
    let Some(entry) = contact.entries.first() else { return };
    let slot = Slot::of(entry);
    if slot != Slot::Nowhere {
        set_cell(cells, MODE, mode_of(slot));
    }
    match slot {
        Slot::Ifax => set_cell(cells, MAIL, &entry.mail),
        Slot::Fax => {
            let fax = entry.fax.clone().unwrap_or_default();
            if fax.ecm.is_empty() {
                set_cell(cells, "FaxECMOff", NO);
            }
            if fax.line.is_empty() {
                set_cell(cells, "FaxLine", "None");
            }
        }
        Slot::Smb => {
            let folder = entry.folder.clone().unwrap_or_default();
            // The server stands apart and has no mark.
            let whole = whole_path(&folder.host, &folder.path);
            let (server, path) = server_and_path(&whole);
            set_cell(cells, SMB_ADDRESS, server);
            set_cell(cells, SMB_FOLDER, path);
        }
        _ => {}
    }
}

pub(super) fn write(
    fitted: &mut Fitted,
    book: Option<&Book>,
    options: &WriteOptions,
) -> Result<Vec<u8>, FileError> {
    keep_rows_of_a_kind(fitted);
    let own = match book.map(|book| &book.frame) {
        Some(Frame::Text(frame)) if TABLE.covers(&frame.columns, &fitted.contacts) => Some(frame),
        _ => None,
    };
    if let Some(frame) = own {
        keep_to_limit(fitted, limit_of(&frame.head));
    }
    let frame = own.map_or_else(|| Cow::Owned(new_frame(&fitted.contacts)), Cow::Borrowed);
    if own.is_none() {
        let text = "the first line has the model and the check digits of another machine's file: if the machine \
            refuses it, export its list, and convert into that";
        fitted.notes.push(Note::new(
            None,
            "check_digits_not_known",
            text.split_whitespace().collect::<Vec<_>>().join(" "),
        ));
    }
    let text = |contacts: &[Contact], at: usize| {
        format!("{}{}", TABLE.cells(contacts, at, &frame.columns).join("\t"), frame.style.line_end)
    };
    let encoding = options.encoding.unwrap_or(book.map_or(ROOM.encoding, |book| book.encoding));
    Ok(write_text(&fitted.contacts, &frame, own.map(|_| true), text, encoding, &mut fitted.notes))
}

fn keep_out(fitted: &mut Fitted, out: &BTreeSet<usize>, code: &'static str, why: &str) {
    for at in out {
        let contact = &fitted.contacts[*at];
        fitted.kept_out += contact.entries.len();
        for entry in &contact.entries {
            let note = Note::new(contact.line, code, format!("{}: {why}; it stays out", label(entry)));
            fitted.notes.push(Note { weight: Weight::Loss, entry: Some(entry.name.clone()), ..note });
        }
    }
    remove(&mut fitted.contacts, out);
}

/// A row leads somewhere, or it came from such a file.
fn keep_rows_of_a_kind(fitted: &mut Fitted) {
    let has_kind = |contact: &Contact| {
        contact.unchanged().is_some()
            || contact.entry(Slot::Nowhere).is_none()
            || TABLE.kept(contact, MODE).is_some_and(|mode| !mode.is_empty())
    };
    let out = (0..fitted.contacts.len()).filter(|at| !has_kind(&fitted.contacts[*at])).collect();
    keep_out(fitted, &out, "no_kind", "a row needs a destination");
}

/// How many entries a file may have by its own words.
fn limit_of(head: &str) -> usize {
    let line = head.lines().find(|line| line.starts_with(LIMIT));
    let limit = line.and_then(|line| line.split('\t').nth(1)).and_then(|limit| limit.trim().parse().ok());
    limit.unwrap_or(MOST)
}

fn keep_to_limit(fitted: &mut Fitted, limit: usize) {
    let contacts = &fitted.contacts;
    let out: BTreeSet<usize> = (0..contacts.len())
        .filter(|at| {
            let number = contacts[*at].entries.iter().find_map(|entry| entry.number);
            let beyond = *at >= limit || number.is_some_and(|n| usize::try_from(n).is_ok_and(|n| n > limit));
            beyond && contacts[*at].unchanged().is_none()
        })
        .collect();
    keep_out(fitted, &out, "too_many_entries", &format!("the file holds {limit} entries"));
}

/// Of each column the words that it may have, as they stand in the `"alternative"` row.
const ALTERNATIVES: [(&str, &str); 22] = [
    ("AbbrNo", "alternative"),
    ("Pinyin", "Yes,No"),
    (KEY, "Abc,Def,Ghi,Jkl,Mno,Pqrs,Tuv,Wxyz,Other"),
    ("WellUse", "Yes,No"),
    (MODE, "Fax,Email,Ftp,Smb,WebDav,Box,Sip,IP,Ifax"),
    ("UseReferLicence", "Group,Level"),
    ("FTPLoginAnonymous", "Yes,No"),
    ("FTPPassiveSend", "Yes,No"),
    ("FTPProxy", "Yes,No"),
    ("WebDAVSSL", "Yes,No"),
    ("WebDAVProxy", "Yes,No"),
    ("BoxID", ""),
    ("Model", "Color,Mono"),
    ("FaxCapability", "Yes,No"),
    ("FaxV34Off", "Yes,No"),
    ("FaxECMOff", "Yes,No"),
    ("FaxOversea", "Yes,No"),
    ("FaxLine", "None,Line1,Line2,Line3,Line4"),
    ("CheckDest", "Yes,No"),
    ("IfaxResolution", "200x100,200x200,400x400,600x600"),
    ("IfaxSize", "A4,B4,A3"),
    ("IfaxCompression", "MH,MR,MMR,JpegGray,JpegColor"),
];

pub(super) fn new_frame(contacts: &[Contact]) -> TextFrame {
    let mut frame = TABLE.frame(contacts, "");
    // A tab ends each line.
    frame.columns.push(String::new());
    let words: Vec<String> = frame
        .columns
        .iter()
        .map(|name| {
            let words = ALTERNATIVES.iter().find(|(column, _)| column == name);
            words.map_or_else(String::new, |(_, words)| format!("\"{words}\""))
        })
        .collect();
    let end = "\r\n";
    frame.head = format!(
        "@Ver406\t22C-6e\tIntegrate\tUTF-16LE\t2026.1.6 19:30:10\tabbr\t000ac209552c58a5b6222cf539ab712a255b\t{end}\
         {LIMIT}\t{MOST}\t{end}{}{end}{}{end}",
        frame.columns.join("\t"),
        words.join("\t")
    );
    frame.tail = format!("{END}\t");
    frame
}
