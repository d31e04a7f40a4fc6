//! The command line of the server.

mod distribution;

use crate::{
    folder::Folder,
    remote::{Remote, RemoteError},
    restore::{RestoreError, restore},
    server::{Config, Ready, Server, ServerError},
};
use clap::{ArgGroup, Args, Parser, Subcommand, error::ErrorKind};
use serde::Serialize;
use serde_json::{Value, json};
use std::{ffi::OsString, io::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode};
use sync_core::{
    api::{
        self, BackupAnswer, BackupRequest, BringBackAnswer, BringBackRequest, CodeAnswer, CodeRequest,
        DeleteAnswer, DeleteRequest, EndProcedureRequest, MachineInfo, RemoveMachineRequest, ScopeAnswer,
        ScopeInfo, ScopeRequest, SnapshotInfo, Source, SpaceInfo, StepAnswer,
    },
    id::{ProcedureId, SnapshotId},
    protocol::{Limits, RestoreMode},
    server::Scope,
    sharing::SharingScope,
    space::SpaceName,
};
use tokio::signal::unix::{SignalKind, signal};

/// The server of a fleet's personalized data: one program, one data folder, TLS on port 8443.
#[derive(Debug, Parser)]
#[command(
    name = "sync-server",
    version,
    after_help = "Examples:
  # The first start makes the folder, a certificate, and the administrator's token in it.
  sync-server serve --data /var/lib/sync-server &

  # A code for one machine to enrol with, and the fingerprint that it must be told.
  sync-server enroll --data /var/lib/sync-server

  # Back up while it serves; bring one person's data back from that, as new changes.
  sync-server backup --data /var/lib/sync-server --name before.db
  sync-server restore --data /var/lib/sync-server --space user/alice --from before.db --as-changes

  # One address book to every machine; who has it by now.
  sync-server distribute --data /var/lib/sync-server lists.csv --item address-book
  sync-server distributions --data /var/lib/sync-server
  # Let each machine have its own number of copies, while the fleet runs.
  sync-server scope set copy.copies device-specific --data /var/lib/sync-server

All commands but `serve` and a whole `restore` ask the running server over HTTPS, with the token
in the data folder. Exit status: 0 done, 1 refused or failed, 2 a wrong question. With --json
there is one JSON value on the standard output."
)]
struct Cli {
    /// The data folder
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    /// What is logged to the standard error: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", global = true, default_value = "warn")]
    log: tracing::Level,
    #[command(subcommand)]
    words: Words,
}

#[derive(Debug, Subcommand)]
enum Words {
    /// Serve until SIGTERM or SIGINT; then finish what is in progress
    Serve(Serve),
    /// Make a one-time code for a machine to enrol with
    Enroll {
        /// Bound the machine to these groups and the personal data of their members [default: everything]
        #[arg(long, value_name = "ID", value_delimiter = ',')]
        groups: Vec<String>,
        /// For how long the code can be used, such as 30m, 24h or 7d
        #[arg(long, value_name = "TIME", default_value = "24h", value_parser = seconds)]
        valid_for: u64,
    },
    /// Back the store up while it serves, into the `backups` folder of the data folder
    Backup {
        /// The file's name [default: made from the time]
        #[arg(long)]
        name: Option<String>,
    },
    /// Bring back: one space or one snapshot as new changes while it serves, or the whole store on a closed folder
    #[command(after_help = "Three ways:
  restore --space user/alice --from NAME --as-changes
      one space of a backup, while the server serves; what stands beside it stays
  restore --snapshot ID --as-changes
      what a deletion or a bringing back set aside, while the server serves
  restore --from FILE --rollback | --recover
      the whole store; stop the server first. Machines and snapshots stay as they are")]
    Restore(Restore),
    /// Delete the data of users and groups; each is kept as a snapshot
    #[command(group = ArgGroup::new("what").args(["user", "group"]).multiple(true).required(true))]
    Delete {
        /// A user; may be given several times
        #[arg(long, value_name = "NAME")]
        user: Vec<String>,
        /// A group; may be given several times
        #[arg(long, value_name = "ID")]
        group: Vec<String>,
    },
    /// End a machine's procedure, and lift its reservations: where the machine itself can't any more
    EndProcedure {
        /// Its id; `spaces --json` says for which one a space is reserved
        id: ProcedureId,
    },
    /// Show or change which settings are shared across all devices, and which are device-specific
    Scope {
        #[command(subcommand)]
        words: ScopeWords,
    },
    /// List the machines, or remove one
    Machines {
        /// Withdraw this machine's enrolment: its place is free, and its token no longer works. What it has not sent stays
        /// on it
        #[arg(long, value_name = "NAME|ID")]
        remove: Option<String>,
    },
    /// List the users and groups that have data, or had
    Spaces,
    /// List what was set aside, newest first
    Snapshots,
    /// Bring one file to many machines, at once or at a set time; each imports it by its own plan
    Distribute(distribution::Distribute),
    /// List the distributions, or show how one stands on each machine; cancel or undo one
    Distributions(distribution::Which),
}

#[derive(Debug, Subcommand)]
enum ScopeWords {
    /// List all settings, and the types of personal records, with their sharing scope
    List,
    /// Change the sharing scope of a setting, or of the timeline, while the fleet runs; every machine takes it up at its next contact
    #[command(
        after_help = "A setting that becomes device-specific is brought level on every machine once more, and then
goes its own way there. One that becomes shared takes the value that the fleet had before; what
a machine had of its own is kept as superseded at the machines. The timeline (timeline-entry)
goes as a whole, and what a machine had of its own is kept there as a snapshot."
    )]
    Set {
        /// The setting or type of records, as `scope list` names it
        setting: String,
        /// shared or device-specific
        scope: SharingScope,
    },
}

#[derive(Debug, Args)]
struct Serve {
    /// Where to listen with TLS [default: every address of this host, port 8443]
    #[arg(long, value_name = "HOST:PORT")]
    listen: Option<String>,
    /// The file of users and groups [default: users.toml in the data folder]
    #[arg(long, value_name = "FILE")]
    users: Option<PathBuf>,
    /// Serve plain HTTP too, on a loopback address: for measuring, and for a proxy on the same host
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// The limits of a machine that acts as server: 10 machines, 1,000 users
    #[arg(long)]
    limits_of_a_machine: bool,
    /// At most so many machines
    #[arg(long, value_name = "N")]
    max_machines: Option<u64>,
    /// At most so many users with data
    #[arg(long, value_name = "N")]
    max_users: Option<u64>,
    /// At most so many groups with data
    #[arg(long, value_name = "N")]
    max_groups: Option<u64>,
    /// How long until a machine that was busy is offered a distribution again; doubled each time, up to half an hour
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = seconds)]
    retry_busy: u64,
    /// How long the report of a distribution is kept after it was over
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = seconds)]
    keep_distributions: u64,
    /// How long deletions are remembered at least; longer as long as a machine has not read of them, or a backup in the
    /// `backups` folder is older
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = seconds)]
    keep_deletions: u64,
}

#[derive(Debug, Args)]
struct Restore {
    /// One space, such as user/alice or group/sales
    #[arg(long, value_name = "SPACE", requires_all = ["from", "as_changes"], conflicts_with_all = ["rollback", "recover"])]
    space: Option<String>,
    /// A snapshot
    #[arg(long, value_name = "ID", requires = "as_changes", conflicts_with_all = ["space", "from", "rollback", "recover"])]
    snapshot: Option<SnapshotId>,
    /// The backup: its name in the `backups` folder; for the whole store also any other file
    #[arg(long, value_name = "BACKUP", required_unless_present = "snapshot")]
    from: Option<PathBuf>,
    /// As new changes, while the server serves
    #[arg(long)]
    as_changes: bool,
    /// The whole store: what came after the backup is set aside
    #[arg(long, conflicts_with_all = ["recover", "as_changes"])]
    rollback: bool,
    /// The whole store: the disk was lost
    #[arg(long, conflicts_with = "as_changes")]
    recover: bool,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error("{0}")]
    Usage(String),
    #[error("the program cannot run: {0}")]
    Runtime(#[from] std::io::Error),
}

impl Failure {
    fn code(&self) -> &str {
        match self {
            Self::Server(error) => error.code(),
            Self::Remote(error) => error.code(),
            Self::Restore(error) => error.code(),
            Self::Usage(_) => "usage",
            Self::Runtime(_) => "runtime",
        }
    }

    fn status(&self) -> u8 {
        if matches!(self, Self::Usage(_)) { 2 } else { 1 }
    }
}

/// What a command answers: the same for scripts and for people.
struct Output {
    json: Value,
    text: String,
}

impl Output {
    fn new(answer: &impl Serialize, text: String) -> Self {
        Self { json: serde_json::to_value(answer).unwrap_or_default(), text }
    }
}

/// Runs one command line; the whole program, also for those who embed it.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return wrong_question(&error, args.iter().any(|arg| arg == "--json")),
    };
    let (json, level) = (cli.json, cli.log);
    // A second server in one process keeps the first one's log.
    let _ = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).try_init();
    match carry_out(cli) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(output)) => {
            print(&if json { output.json.to_string() } else { output.text });
            ExitCode::SUCCESS
        }
        Err(failure) => {
            if json {
                let error = json!({"code": failure.code(), "message": failure.to_string()});
                print(&json!({"error": error}).to_string());
            } else {
                eprintln!("sync-server: {failure}");
            }
            ExitCode::from(failure.status())
        }
    }
}

/// Whoever reads may have gone; that is no reason to fail.
fn print(text: &str) {
    if !text.is_empty() {
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

fn wrong_question(error: &clap::Error, json: bool) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    if json {
        let text = error.render().to_string();
        let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        print(&json!({"error": {"code": "usage", "message": message, "remedy": "see --help"}}).to_string());
    } else {
        let _ = error.print();
    }
    ExitCode::from(2)
}

fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time: write 90s, 30m, 24h or 7d");
    let unit = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let each = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(each)).ok_or_else(wrong)
}

fn carry_out(cli: Cli) -> Result<Option<Output>, Failure> {
    let Cli { data, json, log: _, words } = cli;
    let data = data.ok_or_else(|| Failure::Usage("name the data folder: --data DIR".into()))?;
    let folder = Folder::new(&data);
    match words {
        Words::Serve(options) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve(config(data, options), json))?;
            Ok(None)
        }
        Words::Restore(Restore { from: Some(from), as_changes: false, rollback, recover, .. }) => {
            let mode = match (rollback, recover) {
                (true, _) => RestoreMode::Rollback,
                (_, true) => RestoreMode::Recover,
                _ => {
                    return Err(Failure::Usage(
                        "say what the restore is for: --rollback or --recover for the whole store, --as-changes for a \
                         space or a snapshot"
                            .into(),
                    ));
                }
            };
            let named = folder.backups().join(&from);
            let from = if !from.exists() && named.exists() { named } else { from };
            let done = restore(&folder, &from, mode)?;
            let kept = done.replaced.as_ref().map_or_else(String::new, |path| {
                format!(" What was there before is kept in {}.", path.display())
            });
            let text = format!("The store is restored, in epoch {}.{kept}", done.epoch);
            Ok(Some(Output::new(&done, text)))
        }
        words => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(ask(&folder, words)).map(Some)
        }
    }
}

fn config(data: PathBuf, options: Serve) -> Config {
    let Serve { listen, users, http, limits_of_a_machine, max_machines, max_users, max_groups, .. } = options;
    let limits = if limits_of_a_machine { Limits::OF_A_MACHINE } else { Limits::default() };
    Config {
        data,
        listen,
        http,
        users,
        limits: Limits {
            machines: max_machines.or(limits.machines),
            users: max_users.or(limits.users),
            groups: max_groups.or(limits.groups),
        },
        distributions: distribution::settings(options.retry_busy, options.keep_distributions),
        keep_deletions: core::time::Duration::from_secs(options.keep_deletions),
    }
}

async fn serve(config: Config, json: bool) -> Result<(), Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let server = Server::open(config).await?;
    say_ready(server.ready(), json);
    server
        .serve(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
        .await;
    Ok(())
}

fn say_ready(ready: &Ready, json: bool) {
    if json {
        let mut event = serde_json::to_value(ready).unwrap_or_default();
        event["event"] = "ready".into();
        event["process"] = std::process::id().into();
        print(&event.to_string());
    } else {
        let http = ready.http.as_ref().map_or_else(String::new, |http| format!(" and http://{http}"));
        print(&format!(
            "sync-server serves https://{}{http} from {}\nSHA-256 of its certificate: {}",
            ready.address,
            ready.data.display(),
            ready.fingerprint
        ));
    }
}

/// No message, for a `GET`.
const NOTHING: Option<&()> = None;

async fn ask(folder: &Folder, words: Words) -> Result<Output, Failure> {
    let remote = Remote::of(folder)?;
    Ok(match words {
        Words::Enroll { groups, valid_for } => {
            let scope = if groups.is_empty() { Scope::All } else { Scope::Groups(groups) };
            let made: CodeAnswer = remote.ask(api::CODES, Some(&CodeRequest { scope, valid_for })).await?;
            let text = format!(
                "Code {}  (once, until {})\nFingerprint {}\n\nAt the machine:\n  sync-client --data DIR enroll --server \
                 HOST:PORT --code {} --fingerprint {}",
                made.code, made.expires, made.fingerprint, made.code, made.fingerprint
            );
            Output::new(&made, text)
        }
        Words::Backup { name } => {
            let made: BackupAnswer = remote.ask(api::BACKUP, Some(&BackupRequest { name })).await?;
            let text = format!("{}  {} bytes  SHA-256 {}", made.name, made.bytes, made.sha256);
            Output::new(&made, text)
        }
        Words::Restore(Restore { space, snapshot, from, .. }) => {
            let from = source(&remote, space, snapshot, from).await?;
            let done: BringBackAnswer = remote.ask(api::BRING_BACK, Some(&BringBackRequest { from })).await?;
            let kept = done
                .snapshot
                .map_or_else(String::new, |id| format!(" What stood before is kept as snapshot {id}."));
            let text = format!("{}: {} records were brought back.{kept}", done.space, done.changes);
            Output::new(&done, text)
        }
        Words::Delete { user, group } => {
            let realm = remote_realm(&remote).await?;
            let users = user.iter().map(|name| SpaceName::user(&realm, name));
            let spaces = users.chain(group.iter().map(|id| SpaceName::group(&realm, id))).collect();
            let done: DeleteAnswer = remote.ask(api::DELETE, Some(&DeleteRequest { spaces })).await?;
            let lines = done.deleted.iter().map(|deleted| match deleted.snapshot {
                Some(id) => {
                    format!("{}: {} records, kept as snapshot {id}", deleted.space, deleted.records)
                }
                None => format!("{}: there was nothing", deleted.space),
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            Output::new(&done, text)
        }
        Words::EndProcedure { id: procedure } => {
            let ended: StepAnswer =
                remote.ask(api::END_PROCEDURE, Some(&EndProcedureRequest { procedure })).await?;
            let text = match &ended {
                StepAnswer::Cancelled { deleted: Some(deleted) } => {
                    let names: Vec<String> = deleted.iter().map(|one| one.space.to_string()).collect();
                    format!(
                        "The procedure is ended. It had deleted {}; sync-server snapshots lists what was kept.",
                        names.join(", ")
                    )
                }
                _ => "The procedure is ended; it had deleted nothing.".to_string(),
            };
            Output::new(&ended, text)
        }
        Words::Scope { words: ScopeWords::List } => {
            let scopes: Vec<ScopeInfo> = remote.ask(api::SHARING_SCOPES, NOTHING).await?;
            let lines = scopes.iter().map(|info| {
                let fixed = if info.selectable { "" } else { " (always)" };
                format!("{:<30} {}{fixed}", info.setting, info.scope)
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            Output::new(&scopes, text)
        }
        Words::Scope { words: ScopeWords::Set { setting, scope } } => {
            let request = ScopeRequest { setting, scope };
            let done: ScopeAnswer = remote.ask(api::SET_SHARING_SCOPE, Some(&request)).await?;
            let text = if done.changed {
                format!(
                    "{} is {} from now on; every machine takes it up at its next contact.",
                    done.setting, done.scope
                )
            } else {
                format!("{} is {} already.", done.setting, done.scope)
            };
            Output::new(&done, text)
        }
        Words::Machines { remove: Some(machine) } => {
            let removed: MachineInfo =
                remote.ask(api::REMOVE_MACHINE, Some(&RemoveMachineRequest { machine })).await?;
            let text = format!("{} ({}) is no longer enrolled.", removed.name, removed.machine);
            Output::new(&removed, text)
        }
        Words::Machines { remove: None } => {
            let machines: Vec<MachineInfo> = remote.ask(api::MACHINES, NOTHING).await?;
            let lines = machines.iter().map(|machine| {
                let contact = machine.last_contact.map_or_else(|| "never".into(), |time| time.to_string());
                format!(
                    "{}  {:<24} {} spaces, last contact {contact}",
                    machine.machine,
                    machine.name,
                    machine.spaces.len()
                )
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            Output::new(&machines, text)
        }
        Words::Spaces => {
            let spaces: Vec<SpaceInfo> = remote.ask(api::SPACES, NOTHING).await?;
            let lines = spaces.iter().map(|space| {
                let held = space.reserved_until.map_or_else(String::new, |until| {
                    let whose =
                        space.reserved_for.map_or_else(String::new, |id| format!(" for the procedure {id}"));
                    format!(", reserved until {until}{whose}")
                });
                format!("{:<32} {} records{held}", space.space.to_string(), space.records)
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            Output::new(&spaces, text)
        }
        Words::Snapshots => {
            let snapshots: Vec<SnapshotInfo> = remote.ask(api::SNAPSHOTS, NOTHING).await?;
            let lines = snapshots.iter().map(|snapshot| {
                format!(
                    "{}  {}  {:<12} {}  {} records",
                    snapshot.id,
                    snapshot.time,
                    snapshot.reason.as_str(),
                    snapshot.space,
                    snapshot.records
                )
            });
            let text = lines.collect::<Vec<_>>().join("\n");
            Output::new(&snapshots, text)
        }
        Words::Distribute(order) => distribution::distribute(&remote, order).await?,
        Words::Distributions(which) => distribution::distributions(&remote, &which).await?,
        Words::Serve(_) => return Err(Failure::Usage("serve is not asked of a running server".into())),
    })
}

async fn remote_realm(remote: &Remote) -> Result<String, Failure> {
    let health: api::Health = remote.ask(api::ADMINISTRATOR, NOTHING).await?;
    Ok(health.realm)
}

async fn source(
    remote: &Remote,
    space: Option<String>,
    snapshot: Option<SnapshotId>,
    from: Option<PathBuf>,
) -> Result<Source, Failure> {
    if let Some(id) = snapshot {
        return Ok(Source::Snapshot(id));
    }
    let (Some(space), Some(from)) = (space, from) else {
        return Err(Failure::Usage("name the space: --space user/NAME or group/ID".into()));
    };
    let realm = remote_realm(remote).await?;
    let space = SpaceName::parse_in(&realm, &space).map_err(|error| Failure::Usage(error.to_string()))?;
    let name = from.to_str().ok_or_else(|| Failure::Usage("the backup's name is not UTF-8".into()))?;
    Ok(Source::Backup { name: name.into(), space })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read() {
        assert_eq!(seconds("90"), Ok(90));
        assert_eq!(seconds("30m"), Ok(1_800));
        assert_eq!(seconds("2d"), Ok(172_800));
        for wrong in ["", "h", "1w", "-1", "99999999999999999999h", "99999999999999999d"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
