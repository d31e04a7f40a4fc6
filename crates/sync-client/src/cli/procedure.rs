//! The whole way of a file into the fleet, and the preparation of an export.

use super::{files::Mode, read_secret, whole};
use crate::{
    command::Command,
    error::{Error, Result},
    import::FileSecrets,
    prepare::PrepareOrder,
    procedure::{Patience, ProcedureOrder},
};
use clap::Args;
use core::time::Duration;
use std::path::PathBuf;
use sync_core::{address::Secret, id::ProcedureId, item::Item};

#[derive(Debug, Args)]
pub(super) struct Prepare {
    /// A user; may be given again [default: with no user and no group, all that the server has]
    #[arg(long, value_name = "NAME")]
    user: Vec<String>,
    /// A group; may be given again
    #[arg(long, value_name = "ID")]
    group: Vec<String>,
    /// How long it may take, in seconds
    #[arg(long, value_name = "S", default_value_t = 300)]
    wait: u64,
}

impl Prepare {
    pub(super) fn command(self) -> Command {
        let Self { user, group, wait } = self;
        Command::Prepare(PrepareOrder { users: user, groups: group, patience: Duration::from_secs(wait) })
    }
}

#[derive(Debug, Args)]
pub(super) struct Procedure {
    /// The file
    #[arg(required_unless_present_any = ["resume", "cancel", "list", "show", "undo"], conflicts_with_all = ["resume", "cancel", "list", "show", "undo"])]
    file: Option<PathBuf>,
    /// Take only this item; may be given again [default: personal-address-list and user-group-address-list]
    #[arg(long, value_name = "ITEM", conflicts_with_all = ["resume", "cancel", "list"])]
    item: Vec<Item>,
    /// The user to whom rows without an owner go
    #[arg(long, value_name = "NAME", conflicts_with_all = ["group", "resume", "cancel", "list"])]
    user: Option<String>,
    /// The group to which rows without an owner go
    #[arg(long, value_name = "ID", conflicts_with_all = ["resume", "cancel", "list"])]
    group: Option<String>,
    /// replace: the file's entries take the place of the lists'; append: they come beside them; overwrite: each takes the
    /// place of the one with the same list and number
    #[arg(long, value_enum, default_value = "replace", conflicts_with_all = ["resume", "cancel", "list"])]
    mode: Mode,
    /// The file whose first line is the pass phrase of an encrypted bundle; whoever resumes names it again
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cancel", "list"])]
    passphrase_file: Option<PathBuf>,
    /// Go on with the one that is not over
    #[arg(long, conflicts_with_all = ["cancel", "list"])]
    resume: bool,
    /// End the one that is not over where it stands
    #[arg(long, conflicts_with = "list")]
    cancel: bool,
    /// Take one back to where it began: the one named, else the one that is not over, else the newest
    #[arg(long, value_name = "ID", num_args = 0..=1, conflicts_with_all = ["item", "user", "group", "mode", "resume", "cancel", "list", "show"])]
    undo: Option<Option<ProcedureId>>,
    /// Show what would happen, and change nothing; alone with a file, or with --undo
    #[arg(long, conflicts_with_all = ["resume", "cancel", "list", "show"])]
    plan: bool,
    /// List all of this machine
    #[arg(long)]
    list: bool,
    /// Show one, with what each step left as evidence
    #[arg(long, value_name = "ID", conflicts_with_all = ["resume", "cancel", "list"])]
    show: Option<ProcedureId>,
    /// How long the stop sends what waits, in seconds
    #[arg(long, value_name = "S", default_value_t = 10)]
    deadline: u64,
    /// How long the server keeps the deleted lists free for this machine, in seconds
    #[arg(long, value_name = "S", default_value_t = 3600)]
    reserve: u64,
    /// How long the start may take, in seconds; it goes on in the background after that
    #[arg(long, value_name = "S", default_value_t = 60)]
    wait: u64,
}

impl Procedure {
    pub(super) fn command(self) -> Result<Command> {
        let Self {
            file,
            item,
            user,
            group,
            mode,
            resume,
            cancel,
            undo,
            plan,
            list,
            show,
            passphrase_file,
            deadline,
            reserve,
            wait,
        } = self;
        let pass_phrase = passphrase_file.as_deref().map(read_secret).transpose()?.map(Secret);
        let secrets = FileSecrets { pass_phrase, policy_password: None };
        let patience = Patience {
            stop: Duration::from_secs(deadline),
            reserve: Duration::from_secs(reserve),
            start: Duration::from_secs(wait),
        };
        Ok(match (file, show) {
            (Some(file), _) => {
                let (file, mode) = (whole(&file)?, mode.into());
                let order = ProcedureOrder { file, items: item, user, group, mode, secrets };
                Command::Procedure { order, patience, plan }
            }
            (None, Some(id)) => Command::ProcedureShow { id },
            (None, None) if undo.is_some() => Command::ProcedureUndo { id: undo.flatten(), patience, plan },
            (None, None) if resume => Command::ProcedureResume { patience, secrets },
            (None, None) if cancel => Command::ProcedureCancel,
            (None, None) if list => Command::ProcedureList,
            (None, None) => {
                return Err(Error::WrongCommand("name the file that is to be brought in".into()));
            }
        })
    }
}
