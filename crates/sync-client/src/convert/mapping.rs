//! Column mappings as files: which column of a CSV file means what.

use super::{ConvertArgs, Outcome, Refused, read_bytes, report::Style, same_file};
use crate::{cli::print, whole::write_whole};
use serde_json::json;
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};
use sync_core::files::{self, Mapping, ReadOptions};

/// Reads one, or takes one that is ready.
pub(super) fn read(file: &Path) -> Result<Mapping, Refused> {
    if let Some(mapping) = file.to_str().and_then(Mapping::ready).filter(|_| !file.exists()) {
        return Ok(mapping);
    }
    let wrong = |message: String, remedy: &str| Refused { code: "mapping", message, remedy: remedy.into() };
    let text = fs::read_to_string(file).map_err(|error| {
        wrong(format!("{}: {error}", file.display()), "name a file that --save-mapping wrote, or one like it")
    })?;
    Mapping::from_toml(&text).map_err(|error| {
        wrong(format!("{}: {error}", file.display()), "docs/formats.md shows what a mapping looks like")
    })
}

/// Whether a mapping may be written under this name: nothing is there, or a mapping that an earlier call made.
fn may_be_replaced(input: &Path, file: &Path) -> Result<(), Refused> {
    let refused = |code: &'static str, message: String| Refused {
        code,
        message,
        remedy: "write the mapping into another file, such as one that ends in .toml".into(),
    };
    if file.as_os_str() == "-" || !file.is_file() {
        return Ok(());
    }
    if same_file(input, file) {
        return Err(refused("same_file", "the mapping would be written over IN".into()));
    }
    let is_mapping = |text: String| {
        text.trim().is_empty() || Mapping::from_toml(&text).is_ok_and(|m| !m.columns.is_empty())
    };
    if fs::read_to_string(file).is_ok_and(is_mapping) {
        return Ok(());
    }
    Err(refused("not_a_mapping", format!("{} is there already, and is no mapping", file.display())))
}

/// Writes how the columns of a file are understood.
pub(super) fn save(args: &ConvertArgs, input: &Path, file: &Path, style: Style) -> ExitCode {
    let suggested = may_be_replaced(input, file).and_then(|()| read_bytes(input)).and_then(|bytes| {
        let options = ReadOptions { encoding: args.encoding, ..ReadOptions::default() };
        let text = files::text_of(&bytes, &options).map_err(|error| Refused::from(&error))?;
        files::mapping_to_begin_with(&text).map_err(|error| Refused::from(&error))
    });
    let to_output = file.as_os_str() == "-";
    let written = suggested.and_then(|mapping| {
        let toml = mapping.to_toml();
        let result = if to_output {
            io::stdout().write_all(toml.as_bytes()).and_then(|()| io::stdout().flush())
        } else {
            write_whole(file, toml.as_bytes())
        };
        result.map(|()| mapping.columns.len()).map_err(|error| Refused {
            code: "file",
            message: format!("{}: {error}", file.display()),
            remedy: "name a file in a folder where it may be written".into(),
        })
    });
    let (json, text, outcome) = match written {
        Ok(columns) => (
            json!({ "mapping": file.display().to_string(), "columns": columns }),
            format!(
                "{}: {columns} columns; change what they mean, and give it with --mapping",
                file.display()
            ),
            Outcome::Whole,
        ),
        Err(refused) => (
            json!({ "error": refused }),
            format!(
                "{}: nothing was written: {}\n  what to do: {}",
                input.display(),
                refused.message,
                refused.remedy
            ),
            Outcome::NotWritten,
        ),
    };
    let said = if style == Style::Json { json.to_string() } else { text };
    if to_output {
        let _ = writeln!(io::stderr(), "{said}");
    } else {
        print(&said);
    }
    ExitCode::from(outcome.exit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_written_over_a_mapping_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let book = "Name;E-Mail\nJens;j@x.dk\n";
        fs::write(path("in.csv"), book).unwrap();
        fs::write(path("other.csv"), "Name;E-Mail\n").unwrap();
        let mapping = files::mapping_to_begin_with(book).unwrap();
        fs::write(path("old.toml"), mapping.to_toml()).unwrap();
        let code = |file: &str| may_be_replaced(&path("in.csv"), &path(file)).map_err(|refused| refused.code);
        assert_eq!(code("in.csv"), Err("same_file"));
        assert_eq!(code("other.csv"), Err("not_a_mapping"));
        assert_eq!((code("old.toml"), code("new.toml")), (Ok(()), Ok(())));
    }
}
