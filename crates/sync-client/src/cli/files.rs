//! Files: imports and exports.

use super::{read_secret, whole};
use crate::{
    bundle::{Lock, passphrase},
    command::Command,
    convert,
    error::{Error, Result},
    export::ExportOrder,
    import::{FileSecrets, ImportOrder, UndoOrder},
};
use clap::Args;
use std::path::{Path, PathBuf};
use sync_core::{address::Secret, files::Format, id::ImportId, item::Item, procedure::ListMode};

/// Which items of a file.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Take only this item, such as address-book (`decide --list-items` has them all); may be given again
    #[arg(long, value_name = "ITEM")]
    item: Vec<Item>,
    /// Import: the user to whom rows without an owner go. Export: only this user's list
    #[arg(long, value_name = "NAME", conflicts_with = "group")]
    user: Option<String>,
    /// Import: the group to which rows without an owner go. Export: only this group's list
    #[arg(long, value_name = "ID")]
    group: Option<String>,
}

/// What an import does with a list that has entries.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Mode {
    Append,
    Overwrite,
    Replace,
}

impl From<Mode> for ListMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Append => Self::Append,
            Mode::Overwrite => Self::Overwrite,
            Mode::Replace => Self::Replace,
        }
    }
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file
    #[arg(required_unless_present_any = ["undo", "cancel", "list"], conflicts_with_all = ["undo", "cancel", "list"])]
    file: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
    /// append: beside what is there (one-touch buttons go by their numbers); overwrite: in the place of what has the same
    /// list and number; replace: in the place of the whole list, entries that are the same keep their ids
    #[arg(long, value_enum, default_value = "append")]
    mode: Mode,
    /// Let a file without entries empty the list that it replaces
    #[arg(long)]
    allow_empty: bool,
    /// Pass over items that a rule refuses; otherwise one refused item refuses all
    #[arg(long)]
    skip_refused: bool,
    /// Pass over entries whose values don't fit; otherwise one of them refuses all
    #[arg(long)]
    skip_unfit: bool,
    /// As a batch: what a bundle holds belongs together, and the rules of batches are asked. So is a bundle of which no
    /// item is named
    #[arg(long)]
    batch: bool,
    /// The file whose first line is the pass phrase of an encrypted bundle
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// The file whose first line is the security policy password, to prove that it is both machines'
    #[arg(long, value_name = "FILE")]
    policy_password_file: Option<PathBuf>,
    /// The format of an address book file, where its content leaves doubt; `convert --list-formats` names them
    #[arg(long, value_name = "FORMAT", value_parser = convert::format_named)]
    from: Option<Format>,
    /// The encoding of an address book file, such as utf-8, shift_jis or windows-1252; otherwise it is found
    #[arg(long, value_name = "ENCODING")]
    encoding: Option<String>,
    /// A column mapping, as `convert --save-mapping` writes one, or fujitsu or oki: the file is read as plain CSV
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Show what would happen, and write nothing
    #[arg(long, conflicts_with_all = ["cancel", "list"])]
    plan: bool,
    /// Apply exactly the plan that --plan showed under this name, or nothing
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["plan", "cancel", "list"])]
    apply_plan: Option<String>,
    /// Take an import back, or an undo; the last import that is not undone, where none is named
    #[arg(long, value_name = "ID", num_args = 0..=1, conflicts_with_all = ["cancel", "list"])]
    undo: Option<Option<ImportId>>,
    /// Take back also what somebody changed since
    #[arg(long, requires = "undo")]
    force: bool,
    /// Cancel the import that runs
    #[arg(long, conflicts_with = "list")]
    cancel: bool,
    /// List all imports of this machine
    #[arg(long)]
    list: bool,
}

impl Import {
    pub(super) fn command(self) -> Result<Command> {
        Ok(match self {
            Self { cancel: true, .. } => Command::ImportCancel,
            Self { list: true, .. } => Command::ImportList,
            Self { undo: Some(import), force, plan, apply_plan, .. } => {
                Command::ImportUndo(UndoOrder { import, force, plan, apply: apply_plan })
            }
            // clap does not say so beside a file.
            Self { force: true, .. } => {
                return Err(Error::WrongCommand("--force goes with --undo".into()));
            }
            Self { file: None, .. } => {
                return Err(Error::WrongCommand("name the file that is to be imported".into()));
            }
            Self {
                file: Some(file),
                which: Which { item: items, user, group },
                mode,
                allow_empty,
                skip_refused,
                skip_unfit,
                batch,
                passphrase_file,
                policy_password_file,
                from,
                encoding,
                mapping,
                plan,
                apply_plan: apply,
                ..
            } => {
                let (file, mode) = (whole(&file)?, mode.into());
                let secret = |file: Option<PathBuf>| file.as_deref().map(read_secret).transpose();
                let secrets = FileSecrets {
                    pass_phrase: secret(passphrase_file)?.map(Secret),
                    policy_password: secret(policy_password_file)?.map(Secret),
                };
                Command::Import(ImportOrder {
                    file,
                    items,
                    user,
                    group,
                    mode,
                    allow_empty,
                    skip_refused,
                    plan,
                    apply,
                    skip_unfit,
                    batch,
                    secrets,
                    from,
                    encoding,
                    mapping: mapping.as_deref().map(convert::mapping_named).transpose()?,
                })
            }
        })
    }
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The file; `-` for the standard output. An existing one is replaced whole
    #[arg(required_unless_present = "cancel", conflicts_with = "cancel")]
    file: Option<PathBuf>,
    #[command(flatten)]
    which: Which,
    /// Export in a batch: all items of one, or those named
    #[arg(long)]
    batch: bool,
    /// Encrypt the file with the pass phrase in the first line of this one
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Encrypt the file with a pass phrase that is asked for at the terminal
    #[arg(long, conflicts_with = "passphrase_file")]
    encrypt: bool,
    /// The format of an address book [default: canon-csv]; `convert --list-formats` names them
    #[arg(long, value_name = "FORMAT", value_parser = convert::format_named)]
    to: Option<Format>,
    /// A column mapping, as `convert --save-mapping` writes one, or fujitsu or oki: which columns are written
    #[arg(long, value_name = "FILE", requires = "to")]
    mapping: Option<PathBuf>,
    /// Write readable passwords too; an encrypted file has them in any case
    #[arg(long)]
    with_passwords: bool,
    /// Pass over items that a rule refuses; otherwise one refused item refuses all
    #[arg(long)]
    skip_refused: bool,
    /// Cancel the export that runs
    #[arg(long)]
    cancel: bool,
}

impl Export {
    pub(super) fn command(self) -> Result<Command> {
        Ok(match self {
            Self { cancel: true, .. } => Command::ImportCancel,
            Self { file: None, .. } => {
                return Err(Error::WrongCommand("name the file that is to be written".into()));
            }
            Self {
                file: Some(file),
                which: Which { item: items, user, group },
                batch,
                passphrase_file,
                encrypt,
                to,
                mapping,
                with_passwords,
                skip_refused,
                cancel: false,
            } => {
                let file = if file == Path::new("-") { None } else { Some(whole(&file)?) };
                let lock = match &passphrase_file {
                    Some(file) => passphrase::from_file(file)?,
                    None if encrypt => passphrase::ask(true)?,
                    None => Lock::Plain,
                };
                let secrets = FileSecrets { pass_phrase: passphrase::text(&lock), ..FileSecrets::default() };
                Command::Export(ExportOrder {
                    file,
                    items,
                    user,
                    group,
                    with_passwords,
                    skip_refused,
                    batch,
                    secrets,
                    to,
                    mapping: mapping.as_deref().map(convert::mapping_named).transpose()?,
                })
            }
        })
    }
}
