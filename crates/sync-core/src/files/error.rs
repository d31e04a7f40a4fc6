//! Why a file as a whole can't be read or written.

use alloc::string::String;

/// Why a file as a whole can't be read or written; nothing was changed. A single wrong row is not among these, it
/// goes into the report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is nothing in it.
    #[error("the file is empty: export the address book again")]
    Empty,
    /// More bytes than a reader takes.
    #[error("the file has {bytes} bytes, more than {limit}: split it")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// More rows than a reader takes.
    #[error("line {line}: the file has more than {limit} rows: split it")]
    TooManyRows {
        /// The first row too many.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// More columns than a reader takes.
    #[error("line {line}: the file has more than {limit} columns: it is damaged or no address book")]
    TooManyColumns {
        /// The column line.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// No column line that a Canon address book has.
    #[error(
        "line {line}: this is not a Canon address book as CSV: the first line after the # lines must name the columns, `objectclass` among them, with commas between"
    )]
    NotAnAddressBook {
        /// Where the column line should be.
        line: u64,
    },
    /// No column line, where a format that was told has one.
    #[error(
        "this is no {format}: no line names its columns, `{column}` among them. Name another format, or export it again"
    )]
    NoColumnLine {
        /// What the file should be.
        format: &'static str,
        /// One of the columns that such a file has.
        column: &'static str,
    },
    /// None of the formats that are known.
    #[error(
        "no format is known that has such files: `sync-client convert --list-formats` names them all; name one with --from, or give a column mapping"
    )]
    UnknownFormat,
    /// None of the columns that a mapping names.
    #[error(
        "the file has none of the columns that the mapping names: is it the right mapping, and its separator the file's?"
    )]
    MappingDoesNotFit,
    /// LDIF that orders changes of a directory instead of holding its entries.
    #[error(
        "line {line}: the file holds orders to change or remove entries of a directory, no entries: export the entries themselves"
    )]
    ChangesOnly {
        /// The first of them.
        line: u64,
    },
    /// Two columns of one name.
    #[error("line {line}: the column `{column}` is there twice: remove or rename one")]
    DuplicateColumn {
        /// The column line.
        line: u64,
        /// The name.
        column: String,
    },
    /// A byte that no text has.
    #[error("line {line}: the file has a NUL byte: it is damaged or no text; export it again")]
    NulByte {
        /// Where.
        line: u64,
    },
    /// A character set that isn't known here.
    #[error("line {line}: the character set `{charset}` is not known: convert the file to UTF-8")]
    UnknownCharset {
        /// Where it is declared.
        line: u64,
        /// What is declared.
        charset: String,
    },
    /// Bytes that the character set doesn't have.
    #[error(
        "line {line}: these bytes are not {charset}: the file is damaged, or its `# CharSet:` line is wrong"
    )]
    NotInCharset {
        /// Where.
        line: u64,
        /// The character set in which they were read.
        charset: String,
    },
    /// A quote that never ends.
    #[error(
        "line {line}: the quote that begins in this row never ends: the file is cut off, or a quote is missing"
    )]
    UnterminatedQuote {
        /// The row in which it begins.
        line: u64,
    },
    /// The last row stops in the middle.
    #[error("line {line}: the file ends in the middle of this row: it is cut off; export or copy it again")]
    CutOff {
        /// The last row.
        line: u64,
    },
    /// What should be XML and is not well-formed, or not of the kind that the format is.
    #[error("line {line}: this is not the XML of an address book ({what}): export it again")]
    NotXml {
        /// Where.
        line: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// XML with what is refused, because it can be used to make a reader work without end.
    #[error("line {line}: this XML is refused ({what}): no machine writes such a file; export it again")]
    UnsafeXml {
        /// Where.
        line: u64,
        /// What is refused.
        what: &'static str,
    },
    /// At writing: a character that the file's character set doesn't have.
    #[error(
        "entry {entry}: the column `{column}` has a character that {charset} does not have: write the file as UTF-8, or change the text"
    )]
    Unmappable {
        /// The entry's place in the book, from 1.
        entry: usize,
        /// Where.
        column: String,
        /// The file's character set.
        charset: String,
    },
    /// At writing: a value for which the file has no column.
    #[error("entry {entry}: this file has no column `{column}`: export to a new file")]
    NoColumn {
        /// The entry's place in the book, from 1.
        entry: usize,
        /// The column that is missing.
        column: String,
    },
    /// At writing: a group that names a record, where files name numbers.
    #[error("entry {entry}: the group names a record that has no number in this file: export to a new file")]
    UnlinkedMember {
        /// The entry's place in the book, from 1.
        entry: usize,
    },
    /// At writing: readable passwords in a file that says they are encrypted, or the reverse.
    #[error(
        "entry {entry}: its password is kept otherwise than this file says (encrypted or readable): export to a new file"
    )]
    MixedPasswords {
        /// The entry's place in the book, from 1.
        entry: usize,
    },
    /// At writing: an entry of which the format can't say what it is.
    #[error("entry {entry}: it has no kind: say whether it is email, fax, folder, group or another")]
    NoKind {
        /// The entry's place in the book, from 1.
        entry: usize,
    },
}

impl FileError {
    /// The stable word for it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_file",
            Self::TooLarge { .. } => "file_too_large",
            Self::TooManyRows { .. } => "too_many_rows",
            Self::TooManyColumns { .. } => "too_many_columns",
            Self::NotAnAddressBook { .. } => "not_a_canon_address_book",
            Self::ChangesOnly { .. } => "changes_only",
            Self::DuplicateColumn { .. } => "duplicate_column",
            Self::NulByte { .. } => "nul_byte",
            Self::UnknownCharset { .. } => "unknown_charset",
            Self::NoColumnLine { .. } => "no_column_line",
            Self::UnknownFormat => "unknown_format",
            Self::MappingDoesNotFit => "mapping_does_not_fit",
            Self::NotInCharset { .. } => "not_in_charset",
            Self::UnterminatedQuote { .. } => "unterminated_quote",
            Self::CutOff { .. } => "file_cut_off",
            Self::NotXml { .. } => "not_xml",
            Self::UnsafeXml { .. } => "unsafe_xml",
            Self::Unmappable { .. } => "unmappable_character",
            Self::NoColumn { .. } => "no_column",
            Self::UnlinkedMember { .. } => "unlinked_member",
            Self::MixedPasswords { .. } => "mixed_passwords",
            Self::NoKind { .. } => "no_kind",
        }
    }

    /// The line of the file, from 1, where it is known.
    #[must_use]
    pub const fn line(&self) -> Option<u64> {
        match self {
            Self::TooManyRows { line, .. }
            | Self::TooManyColumns { line, .. }
            | Self::NotAnAddressBook { line }
            | Self::ChangesOnly { line }
            | Self::DuplicateColumn { line, .. }
            | Self::NulByte { line }
            | Self::UnknownCharset { line, .. }
            | Self::NotInCharset { line, .. }
            | Self::UnterminatedQuote { line }
            | Self::CutOff { line }
            | Self::NotXml { line, .. }
            | Self::UnsafeXml { line, .. } => Some(*line),
            _ => None,
        }
    }
}
