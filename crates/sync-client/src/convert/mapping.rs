//! Column mappings as files: which column of a CSV file means what.

use super::{ConvertArgs, Outcome, Refused, read_bytes, report::Style};
use crate::{cli::print, whole::write_whole};
use serde_json::json;
use std::{fs, path::Path, process::ExitCode};
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

/// Writes how the columns of a file are understood.
pub(super) fn save(args: &ConvertArgs, input: &Path, file: &Path, style: Style) -> ExitCode {
    let suggested = read_bytes(input).and_then(|bytes| {
        let options = ReadOptions { encoding: args.encoding, ..ReadOptions::default() };
        let text = files::text_of(&bytes, &options).map_err(|error| Refused::from(&error))?;
        files::mapping_to_begin_with(&text).map_err(|error| Refused::from(&error))
    });
    let written = suggested.and_then(|mapping| {
        write_whole(file, mapping.to_toml().as_bytes()).map(|()| mapping.columns.len()).map_err(|error| {
            Refused {
                code: "file",
                message: format!("{}: {error}", file.display()),
                remedy: "name a file in a folder where it may be written".into(),
            }
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
    print(&if style == Style::Json { json.to_string() } else { text });
    ExitCode::from(outcome.exit())
}
