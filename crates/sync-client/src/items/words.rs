//! The words of the commands about items.

use crate::{
    draw,
    error::{Error, Result},
};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};
use sync_core::{
    catalogue::{self, Kind, content, users::PASSWORD_HASH},
    certificate,
    item::Item,
};

/// Shown under `item --help`.
pub(crate) const EXAMPLES: &str = "Examples:
  sync-client --data DIR item describe box
  sync-client --data DIR item list basic-information
  sync-client --data DIR --administrator-token FILE item set basic-information network.dns primary=192.0.2.53
  sync-client --data DIR --administrator-token FILE item add box mail-box number=7 name=Sales pin=4711
  sync-client --data DIR --administrator-token FILE item add key key name=tls \\
      pair=private_key=@key.pem,certificate=@certificate.pem use:tls=on
  sync-client --data DIR --administrator-token FILE item set box ID name 'Sales and support'

Lists and maps are written with commas, or as JSON; bytes as hexadecimal digits, or as @FILE.
A password that is kept as its hash is written as it is, or as @FILE.
Whatever is secret is shown as ***.";

/// One command about an item.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemCommand {
    /// Say what an item is made of: its settings, its types of records, and what they may hold
    Describe {
        /// Which item
        item: Item,
    },
    /// List an item's settings and records
    List {
        /// Which item
        item: Item,
        /// Whose
        #[command(flatten)]
        whose: Whose,
        /// Show what is secret too (administrator; noted in the log)
        #[arg(long)]
        with_secrets: bool,
    },
    /// Show one setting or record
    Show {
        /// Which item
        item: Item,
        /// The setting's name, or the record's id
        record: String,
        /// Whose
        #[command(flatten)]
        whose: Whose,
        /// Show what is secret too (administrator; noted in the log)
        #[arg(long)]
        with_secrets: bool,
    },
    /// Change a setting, or a field of a record (administrator, unless it is the logged-in person's own)
    Set {
        /// Which item
        item: Item,
        /// The setting's name, or the record's id
        record: String,
        /// VALUE of a setting, or FIELD and VALUE of a record; FIELD alone with --unset
        #[arg(allow_negative_numbers = true, num_args = 0..=2)]
        words: Vec<String>,
        /// Leave the setting to its default, or the field out
        #[arg(long)]
        unset: bool,
        /// Whose
        #[command(flatten)]
        whose: Whose,
    },
    /// Add a record (administrator, unless it is the logged-in person's own)
    Add {
        /// Which item
        item: Item,
        /// Its type
        #[arg(value_name = "TYPE")]
        record_type: String,
        /// What it holds
        #[arg(value_name = "FIELD=VALUE")]
        fields: Vec<String>,
        /// Whose
        #[command(flatten)]
        whose: Whose,
    },
    /// Remove a record (administrator, unless it is the logged-in person's own)
    Remove {
        /// Which item
        item: Item,
        /// Its id
        record: String,
        /// Whose
        #[command(flatten)]
        whose: Whose,
    },
}

/// Whose part of an item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
#[group(multiple = false)]
pub struct Whose {
    /// A person's, where it is not that of whoever is logged in
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// A user group's
    #[arg(long, value_name = "ID")]
    pub group: Option<String>,
    /// The whole fleet's, where a profile synchronizes it
    #[arg(long)]
    pub common: bool,
}

impl ItemCommand {
    /// The same with the files that its values name (`@FILE`, where bytes or a password stand), so that another process can
    /// carry it out.
    ///
    /// # Errors
    /// [`Error::File`], [`Error::SettingValue`] where a PEM file is none.
    pub fn with_files(self) -> Result<Self> {
        Ok(match self {
            Self::Add { item, record_type, fields, whose } => {
                let known = catalogue::record_type(&record_type);
                let read = |text: String| match text.split_once('=') {
                    Some((name, value)) => {
                        let field = known.and_then(|known| known.field(name));
                        Ok(format!("{name}={}", from_files(field.map(|field| &field.kind), value)?))
                    }
                    None => Ok(text),
                };
                let fields = fields.into_iter().map(read).collect::<Result<_>>()?;
                Self::Add { item, record_type, fields, whose }
            }
            Self::Set { item, record, words, unset, whose } => {
                let words = match words.as_slice() {
                    [value] if !unset => {
                        let setting = catalogue::find_in(item, &record);
                        vec![from_files(setting.map(|setting| &setting.kind), value)?]
                    }
                    [name, value] => {
                        let mut types = content(item).iter().flat_map(|part| part.types);
                        let field = types.find_map(|known| known.field(name));
                        vec![name.clone(), from_files(field.map(|field| &field.kind), value)?]
                    }
                    _ => words,
                };
                Self::Set { item, record, words, unset, whose }
            }
            other => other,
        })
    }
}

/// Where bytes can stand, `@FILE`, alone or as the value of a map's entry, becomes hexadecimal digits; of a PEM file, those
/// of what is in it. Of a password, the text of the file.
fn from_files(kind: Option<&Kind>, text: &str) -> Result<String> {
    let read =
        |path: &str| fs::read(path).map_err(|source| Error::File { path: Path::new(path).into(), source });
    let Some(kind) = kind.filter(|kind| kind.has_bytes()) else { return Ok(text.to_string()) };
    if *kind == PASSWORD_HASH {
        let Some(path) = text.strip_prefix('@') else { return Ok(text.to_string()) };
        return Ok(String::from_utf8_lossy(&read(path)?).trim().to_string());
    }
    let part = |part: &str| {
        let (before, value) = part.split_once('=').map_or(("", part), |(name, value)| (name, value.trim()));
        let Some(path) = value.strip_prefix('@') else { return Ok(part.to_string()) };
        let bytes = certificate::from_pem(&read(path)?).map_err(|error| Error::SettingValue {
            setting: before.to_string(),
            value: format!("`{value}`"),
            wanted: error.to_string(),
        })?;
        let equals = if before.is_empty() { "" } else { "=" };
        Ok([before, equals, &draw::hex(&bytes)].concat())
    };
    Ok(text.split(',').map(part).collect::<Result<Vec<_>>>()?.join(","))
}
