//! `sync-client convert` and `sync-client inspect`: address books from one format into another, without any machine.

mod folder;
mod inspect;
mod list;
mod mapping;
mod report;
#[cfg(test)]
mod tests;

pub use inspect::{InspectArgs, inspect};

use crate::{cli::print, error::Error, whole::write_whole};
use report::{Report, Style};
use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};
use sync_core::files::{self, Book, Encoding, FileError, Format, Mapping, ReadOptions, WriteOptions};

/// Turns an address book of one format into another, and says what is lost.
///
/// The format of IN is found by its content, that of OUT by its name, or as --to says. Nothing is lost silently: the
/// report names every loss and every correction, with the entry and its line, and counts what went in, came out and stayed
/// out. Passwords that can be read go along where the new format has a place for them; the report never shows one.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "Examples:
  sync-client convert contacts.vcf book.csv --to canon-csv
  sync-client convert abook.csv --to ricoh-csv ricoh.csv
  sync-client convert old-books/ new-books/ --to xerox-csv
  sync-client convert - - --to ldif < abook.csv > directory.ldif
  sync-client convert staff.csv --save-mapping staff.toml
  sync-client convert staff.csv book.csv --mapping staff.toml --to canon-csv
  sync-client convert --list-formats

Exit status: 0 nothing was lost, 1 written with losses, 2 nothing was written.")]
pub struct ConvertArgs {
    /// The file to read, a folder of such files, or - for the standard input
    #[arg(value_name = "IN", required_unless_present = "list_formats")]
    pub input: Option<PathBuf>,
    /// The file to write, a folder, or - for the standard output
    #[arg(value_name = "OUT", required_unless_present_any = ["list_formats", "save_mapping"])]
    pub output: Option<PathBuf>,
    /// The format of IN, where its content leaves doubt
    #[arg(long, value_name = "FORMAT", value_parser = format_named)]
    pub from: Option<Format>,
    /// The format of OUT; otherwise its name tells
    #[arg(long, value_name = "FORMAT", value_parser = format_named)]
    pub to: Option<Format>,
    /// The encoding of IN, such as utf-8, utf-16le, shift_jis or windows-1252; otherwise it is found
    #[arg(long, value_name = "ENCODING", value_parser = encoding_named)]
    pub encoding: Option<Encoding>,
    /// The encoding of OUT; otherwise the format's usual one
    #[arg(long, value_name = "ENCODING", value_parser = encoding_named)]
    pub to_encoding: Option<Encoding>,
    /// A column mapping, as --save-mapping writes one: which column of a CSV file means what; or a ready one by its name,
    /// fujitsu or oki. It is for IN where that is read as `csv`, and for OUT where that is written as `csv`
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,
    /// Write into this file how the columns of IN are understood, to be changed and given with --mapping; nothing is
    /// converted. `-` is the standard output; a file that is there and is no mapping is not replaced
    #[arg(long, value_name = "FILE", conflicts_with_all = ["output", "mapping"])]
    pub save_mapping: Option<PathBuf>,
    /// How the report looks; it goes to the standard error where the file goes to the standard output
    #[arg(long, value_enum, value_name = "json|text", default_value = "text")]
    pub report: Style,
    /// Write nothing where anything would be lost, or a row of IN is wrong
    #[arg(long)]
    pub strict: bool,
    /// Merge entries that are the same address: the same kind, destination and name
    #[arg(long)]
    pub merge_duplicates: bool,
    /// Leave out passwords that can be read
    #[arg(long)]
    pub without_passwords: bool,
    /// Write nothing: show the report of what would be written
    #[arg(long)]
    pub plan: bool,
    /// Show the formats that are known, and what each can hold
    #[arg(long)]
    pub list_formats: bool,
}

pub(crate) fn format_named(name: &str) -> Result<Format, String> {
    Format::named(name).ok_or_else(|| {
        let names: Vec<&str> = Format::all().map(Format::name).collect();
        format!("there is no format `{name}`; the formats are {}", names.join(", "))
    })
}

pub(crate) fn encoding_named(name: &str) -> Result<Encoding, String> {
    let hint = "such as utf-8, utf-16le, utf-16be, shift_jis, windows-1252 or windows-1250";
    Encoding::named(name).ok_or_else(|| format!("the encoding `{name}` is not known; name one {hint}"))
}

/// The mapping that an import or export names, as TOML.
pub(crate) fn mapping_named(file: &Path) -> Result<String, Error> {
    let wrong = |refused: Refused| Error::WrongCommand(format!("{}; {}", refused.message, refused.remedy));
    mapping::read(file).map(|mapping| mapping.to_toml()).map_err(wrong)
}

/// A mapping of an order, which has it as TOML.
pub(crate) fn mapping_of(toml: Option<&str>) -> Result<Option<Mapping>, Error> {
    toml.map(Mapping::from_toml).transpose().map_err(|error| Error::WrongCommand(error.to_string()))
}

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Whole,
    WithLosses,
    NotWritten,
}

impl Outcome {
    const fn exit(self) -> u8 {
        match self {
            Self::Whole => 0,
            Self::WithLosses => 1,
            Self::NotWritten => 2,
        }
    }
}

/// Runs `convert`. The exit status is 0 where nothing was lost, 1 where something was, 2 where nothing was written.
#[must_use]
pub fn run(args: &ConvertArgs, json: bool) -> ExitCode {
    let style = if json { Style::Json } else { args.report };
    if args.list_formats {
        print(&list::formats(style));
        return ExitCode::SUCCESS;
    }
    if let (Some(input), Some(file)) = (&args.input, &args.save_mapping) {
        return mapping::save(args, input, file, style);
    }
    let (Some(input), Some(output)) = (&args.input, &args.output) else {
        return ExitCode::from(Outcome::NotWritten.exit());
    };
    let reports = if input.is_dir() {
        match folder::convert(args, input, output) {
            Ok(reports) => reports,
            Err(report) => vec![*report],
        }
    } else {
        vec![one(args, input, output)]
    };
    let said = report::shown(&reports, style, input.is_dir());
    if output.as_os_str() == "-" {
        let _ = writeln!(io::stderr(), "{}", said.trim_end());
    } else {
        print(&said);
    }
    ExitCode::from(report::outcome(&reports).exit())
}

/// Converts one file.
fn one(args: &ConvertArgs, input: &Path, output: &Path) -> Report {
    let mut report = Report::of(input, output);
    if same_file(input, output) && !args.plan {
        return report.refused(Refused {
            code: "same_file",
            message: "OUT is IN: what the new format can't hold would be gone".into(),
            remedy: "write into another file".into(),
        });
    }
    let bytes = match read_bytes(input) {
        Ok(bytes) => bytes,
        Err(refused) => return report.refused(refused),
    };
    let mapping = match args.mapping.as_deref().map(mapping::read).transpose() {
        Ok(mapping) => mapping,
        Err(refused) => return report.refused(refused),
    };
    let mut book = match read_book(args, &bytes, mapping.as_ref()) {
        Ok(book) => book,
        Err(error) => return report.refused(Refused::from(&error)),
    };
    report.read(&book);
    let to = match args.to.map(Ok).unwrap_or_else(|| format_of_name(output)) {
        Ok(to) => to,
        Err(refused) => return report.refused(refused),
    };
    if args.merge_duplicates {
        report.merged(book.merge_duplicates());
    }
    let options = WriteOptions { encoding: args.to_encoding, passwords: !args.without_passwords, mapping };
    let written = match files::convert(&book, to, &options) {
        Ok(written) => written,
        Err(error) => return report.refused(Refused::from(&error)),
    };
    let (wrong_rows, source) = (book.report.kept_out > 0, bytes);
    let bytes = report.written(to, written, &source);
    drop(source);
    if args.strict && (report.outcome() == Outcome::WithLosses || wrong_rows) {
        return report.refused(Refused {
            code: "would_lose",
            message: "something would be lost, see the report, and --strict was asked for".into(),
            remedy: "correct the file, choose another format, or leave --strict out".into(),
        });
    }
    if args.plan {
        return report.planned();
    }
    let result = if output.as_os_str() == "-" {
        io::stdout().write_all(&bytes).and_then(|()| io::stdout().flush())
    } else {
        write_whole(output, &bytes)
    };
    match result {
        Ok(()) => report,
        Err(error) => report.refused(Refused {
            code: "file",
            message: format!("{}: {error}", output.display()),
            remedy: "name a file in a folder where it may be written".into(),
        }),
    }
}

/// Reads IN. What is of another format than plain CSV needs no mapping to be read: it is for OUT then.
fn read_book(args: &ConvertArgs, bytes: &[u8], mapping: Option<&Mapping>) -> Result<Book, FileError> {
    let read = |mapping: Option<&Mapping>| {
        let options = ReadOptions { format: args.from, encoding: args.encoding, mapping: mapping.cloned() };
        files::read(bytes, &options)
    };
    match (mapping, args.from) {
        (None, _) => read(None),
        (Some(_), Some(from)) => read(mapping.filter(|_| from == Format::Csv)),
        (Some(_), None) => match read(None) {
            Ok(book) if book.format() != Format::Csv => Ok(book),
            _ => read(mapping),
        },
    }
}

/// Whether both names are of one file.
fn same_file(input: &Path, output: &Path) -> bool {
    match (fs::canonicalize(input), fs::canonicalize(output)) {
        (Ok(one), Ok(other)) => one == other && one.is_file(),
        _ => false,
    }
}

/// Why nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
struct Refused {
    code: &'static str,
    message: String,
    remedy: String,
}

impl From<&FileError> for Refused {
    fn from(error: &FileError) -> Self {
        let remedy = "nothing was written; correct the file, export it again at its source, or name its format or encoding";
        Self { code: error.code(), message: error.to_string(), remedy: remedy.into() }
    }
}

/// The bytes of a file, or of the standard input, within what a reader takes.
fn read_bytes(input: &Path) -> Result<Vec<u8>, Refused> {
    let most = files::MAX_BYTES as u64;
    let mut bytes = Vec::new();
    let read = if input.as_os_str() == "-" {
        io::stdin().lock().take(most + 1).read_to_end(&mut bytes)
    } else {
        fs::File::open(input).and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) if bytes.len() as u64 > most => {
            Err(Refused::from(&FileError::TooLarge { bytes: bytes.len(), limit: files::MAX_BYTES }))
        }
        Ok(_) => Ok(bytes),
        Err(error) => Err(Refused {
            code: "file",
            message: format!("{}: {error}", input.display()),
            remedy: "name a file that is there and may be read".into(),
        }),
    }
}

/// The format that a file's name tells: by its ending, and by a maker's name in it where several have that ending.
fn format_of_name(output: &Path) -> Result<Format, Refused> {
    let name = output.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let mut known: Vec<Format> =
        Format::all().filter(|format| format.extensions().contains(&ending)).collect();
    let maker = |format: &Format| {
        let maker = format.name().split('-').next().unwrap_or_default();
        maker != ending && name.contains(maker)
    };
    if known.len() > 1 && known.iter().any(maker) {
        known.retain(maker);
    }
    // Our own machines' files, where only `.csv` is said.
    let own = known.iter().copied().find(|format| *format == Format::CanonCsv);
    own.or(known.first().copied()).ok_or_else(|| Refused {
        code: "format_not_told",
        message: format!("the name `{}` does not tell which format is to be written", output.display()),
        remedy: "name it with --to; --list-formats shows them all".into(),
    })
}
