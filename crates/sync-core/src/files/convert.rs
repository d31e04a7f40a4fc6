//! From a file of one format to a file of another.

use super::{
    Encoding, FileError, Format, Note, Weight,
    book::{Book, Contact, Frame, TextFrame},
    columns,
    csv_mapping::Mapping,
    fit::fit,
    format::{ROOMS, Writer},
    links::note_numbers_used_twice,
    rings,
    text::{Text, decode},
};
use alloc::{borrow::Cow, format, string::String, vec::Vec};

/// What is known of a file beside its bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Its format; `None`: by its content.
    pub format: Option<Format>,
    /// Its encoding; `None`: by its mark, what it says of itself, and its content.
    pub encoding: Option<Encoding>,
    /// What its columns mean, if it is a plain CSV file; `None`: what their names say.
    pub mapping: Option<Mapping>,
}

/// How a file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteOptions {
    /// Its encoding; `None`: that of the book if it is of the same format, otherwise the format's usual one.
    pub encoding: Option<Encoding>,
    /// Whether readable passwords are written.
    pub passwords: bool,
    /// The columns of a plain CSV file; `None`: those that its entries need, with English names.
    pub mapping: Option<Mapping>,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self { encoding: None, passwords: true, mapping: None }
    }
}

/// A file that was made, and what became of the entries: given = written + kept out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file.
    pub bytes: Vec<u8>,
    /// Its encoding.
    pub encoding: Encoding,
    /// Entries of the book.
    pub given: usize,
    /// Entries that are in the file.
    pub written: usize,
    /// Entries that are not; each has a note.
    pub kept_out: usize,
    /// What was lost or corrected, in the order of the book.
    pub notes: Vec<Note>,
}

impl Written {
    /// Whether anything was lost.
    #[must_use]
    pub fn has_losses(&self) -> bool {
        self.notes.iter().any(|note| note.weight == Weight::Loss)
    }
}

/// Reads a file of any format that is known.
///
/// # Errors
/// [`FileError`] where it is none, or is damaged.
pub fn read(bytes: &[u8], options: &ReadOptions) -> Result<Book, FileError> {
    let text = decode(bytes, options.encoding)?;
    let room = match options.format {
        Some(format) => format.room(),
        None if options.mapping.is_some() => Format::Csv.room(),
        None => ROOMS.iter().find(|room| (room.recognizes)(&text)).ok_or(FileError::UnknownFormat)?,
    };
    let mut book = (room.read)(&text, options)?;
    // Some rooms do so themselves, where their own notes come after.
    if !book.report.warnings.iter().any(|note| note.code == "duplicate_number") {
        note_numbers_used_twice(&mut book);
    }
    let Text { notes, .. } = text;
    book.report.warnings.splice(0..0, notes);
    let rings = rings::closing(&book.contacts);
    book.report.warnings.extend(rings.into_iter().map(|at| rings::note(&book.contacts, at, Weight::Remark)));
    Ok(book)
}

/// A file as text, decoded as [`read`] decodes it.
///
/// # Errors
/// [`FileError`] where it is empty, too large or no text.
pub fn text_of(bytes: &[u8], options: &ReadOptions) -> Result<String, FileError> {
    decode(bytes, options.encoding).map(|text| text.text)
}

/// Writes a book in a format. What was read from a file of the same format and not edited comes out as it stood.
///
/// # Errors
/// [`FileError`] where the format can't be written so; what it can't hold is in the notes instead.
pub fn convert(book: &Book, to: Format, options: &WriteOptions) -> Result<Written, FileError> {
    let room = to.room();
    let mapping = options.mapping.as_ref().filter(|_| to == Format::Csv);
    let same = book.format == to && book.frame != Frame::Nothing && mapping.is_none();
    let mut contacts = Cow::Borrowed(&book.contacts);
    let mut notes = Vec::new();
    if !options.passwords {
        leave_passwords(contacts.to_mut(), &mut notes);
    }
    let as_is = |contact: &Contact| same && contact.unchanged().is_some();
    let mut fitted = fit(&contacts, &room.holds, room.name, mapping, same, as_is);
    notes.append(&mut fitted.notes);
    let usual = if same { book.encoding } else { room.encoding };
    let encoding = options.encoding.unwrap_or(usual);
    let bytes = match room.writer {
        Writer::Whole(write) => {
            let bytes = write(&mut fitted, same.then_some(book), options)?;
            notes.append(&mut fitted.notes);
            bytes
        }
        Writer::Text { frame, contact } => {
            let (frame, own) = match &book.frame {
                Frame::Text(frame) if same && columns::suffices(to, frame, &fitted.contacts) => {
                    (Cow::Borrowed(frame), true)
                }
                _ => (Cow::Owned(frame(&fitted.contacts, options)), false),
            };
            let (frame, regrouped) = columns::with_groups(frame, &fitted.contacts);
            let own = own.then_some(!regrouped);
            let write = |contacts: &[Contact], at: usize| contact(contacts, at, &frame);
            write_text(&fitted.contacts, &frame, own, write, encoding, &mut notes)
        }
    };
    let written = fitted.contacts.iter().map(|contact| contact.entries.len()).sum();
    Ok(Written { bytes, encoding, given: book.entries(), written, kept_out: fitted.kept_out, notes })
}

/// Writes contacts one after another into a frame; `own`: that of the file which they were read from.
pub(super) fn write_text(
    contacts: &[Contact],
    frame: &TextFrame,
    // Whether the frame is that of the file, and whether its rows still say who is in which group.
    own: Option<bool>,
    write: impl Fn(&[Contact], usize) -> String,
    encoding: Encoding,
    notes: &mut Vec<Note>,
) -> Vec<u8> {
    let mut out = encoding.mark_bytes().to_vec();
    encoding.encode(&frame.head, &mut out, |_| {});
    let line_end = frame.style.line_end;
    // What was last in its file may have had no line end.
    let mut open = !frame.head.is_empty() && !frame.head.ends_with(['\n', '\r']);
    for (at, contact) in contacts.iter().enumerate() {
        let before = if own.is_some() { contact.before() } else { "" };
        let text = match contact.unchanged() {
            Some(text) if own == Some(true) => Cow::Borrowed(text),
            _ => Cow::Owned(write(contacts, at)),
        };
        if open && !(before.is_empty() && text.is_empty()) {
            encoding.encode(line_end, &mut out, |_| {});
            open = false;
        }
        encoding.encode(before, &mut out, |_| {});
        encode_contact(encoding, contact, &text, &mut out, notes);
        open = if text.is_empty() { open } else { !text.ends_with(['\n', '\r']) };
    }
    encoding.encode(&frame.tail, &mut out, |_| {});
    out
}

/// Writes the text of a contact, and notes what the encoding lacks.
pub(super) fn encode_contact(
    encoding: Encoding,
    contact: &Contact,
    text: &str,
    out: &mut Vec<u8>,
    notes: &mut Vec<Note>,
) {
    let mut instead = None;
    encoding.encode(text, out, |one| {
        instead.get_or_insert(one);
    });
    if let Some(first) = instead {
        let name = contact.name();
        notes.push(unmappable(contact.line, name, &format!("`{name}`"), encoding, first));
    }
}

/// That an encoding lacks characters of an entry, which a report calls `called`.
pub(super) fn unmappable(
    line: Option<u64>,
    name: &str,
    called: &str,
    encoding: Encoding,
    first: char,
) -> Note {
    let text = format!(
        "{called} has characters that {encoding} lacks, such as U+{:04X}; a question mark stands for each",
        u32::from(first)
    );
    Note { entry: Some(name.into()), ..Note::loss(line, "unmappable_character", text) }
}

fn leave_passwords(contacts: &mut [Contact], notes: &mut Vec<Note>) {
    for contact in contacts {
        let line = contact.line;
        for entry in &mut contact.entries {
            let name = entry.name.clone();
            let Some(login) = &mut entry.login else { continue };
            if matches!(login.password, Some(crate::address::Password::Plain(_))) {
                login.password = None;
                let text = format!("`{name}`: its password was not asked for; it is left out");
                notes.push(Note { entry: Some(name), ..Note::loss(line, "password_left_out", text) });
            }
        }
    }
}
