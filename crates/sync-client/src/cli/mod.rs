//! The command line of one machine.

mod addresses;
mod files;
mod machine;
mod procedure;

use crate::{
    bundle,
    command::{Command, Output},
    convert, decide, distribution,
    error::{Error, Result},
    items::{self, ItemCommand},
    machine::{Machine, Options},
    owner,
    settings::without_keys,
    tell::Teller,
};
use clap::{Parser, Subcommand, error::ErrorKind};
use core::{future::pending, pin::Pin, time::Duration};
use serde_json::json;
use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};
use tokio::signal::unix::{SignalKind, signal};

/// Synchronizes the personalized data of one machine of the fleet: the personal settings and address lists of the people
/// who log in at it, and the address lists of their groups.
#[derive(Debug, Parser)]
#[command(
    name = "sync-client",
    version,
    after_help = "Examples:
  # The server's administrator made a code; the machine enrols with it and starts.
  sync-client --data DIR enroll --server server.example:8443 --code CODE --fingerprint HEX
  sync-client --data DIR --administrator-token admin.token start
  sync-client --data DIR run &

  # Somebody logs in, and finds their settings.
  sync-client --data DIR login alice
  sync-client --data DIR set display-language de
  sync-client --data DIR address add --name 'Front desk' --mail desk@office.example

  # What was overwritten is never lost.
  sync-client --data DIR superseded list
  sync-client --data DIR snapshots list

Exit status: 0 done, 1 refused or failed, 2 a wrong question. With --json there is one JSON value
on the standard output; an error is {\"error\": {\"code\", \"message\", \"remedy\"}}; where a rule
refuses, with its number under \"rule\" and the remedy as a list of steps."
)]
struct Cli {
    /// The machine's data folder; made where there is none
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    /// Do not tell how far a long command is
    #[arg(long, global = true)]
    quiet: bool,
    /// A file that holds the administrator's token, where a command needs administrator privileges
    #[arg(long, value_name = "FILE", global = true)]
    administrator_token: Option<PathBuf>,
    #[command(subcommand)]
    words: Words,
}

#[derive(Debug, Subcommand)]
enum Words {
    /// Own the folder and synchronize in the background, until it is ended
    Run(machine::Run),
    /// Enrol the machine at a server, with a code that its administrator made
    Enroll(machine::Enroll),
    /// Start the client function: machine and server compare what they have (administrator)
    Start {
        /// How long to wait until the machine is level, in seconds; it goes on in the background after that
        #[arg(long, value_name = "S", default_value_t = 30)]
        wait: u64,
    },
    /// Stop the client function; what waits is sent first (administrator)
    Stop {
        /// How long to send, in seconds
        #[arg(long, value_name = "S", default_value_t = 10)]
        deadline: u64,
    },
    /// Show where the machine stands
    Status,
    /// Synchronize now, until nothing is left to send or to fetch
    Sync,
    /// A person logs in
    Login {
        /// The user name
        user: String,
    },
    /// The person logs out
    Logout,
    /// Show settings
    Get {
        /// Which; all where none is named
        setting: Option<String>,
        /// Whose, where it is not whoever is logged in
        #[arg(long)]
        user: Option<String>,
    },
    /// Change a setting
    Set {
        /// Which
        setting: String,
        /// To what
        #[arg(required_unless_present = "unset", conflicts_with = "unset", allow_hyphen_values = true)]
        value: Option<String>,
        /// Leave it to the default again
        #[arg(long)]
        unset: bool,
        /// Whose, where it is not whoever is logged in
        #[arg(long)]
        user: Option<String>,
    },
    /// Address lists: a person's own, a group's, the machine's 1 to 10
    Address {
        #[command(subcommand)]
        words: addresses::AddressWords,
    },
    /// Show what the rules look at on this machine, and with options state it anew (an administrator)
    Machine(machine::Statements),
    /// Set the security policy password, or take it away (an administrator); only its salted hash is kept
    PolicyPassword(machine::PolicyPassword),
    /// Tell the process that owns the folder what runs on the machine (rule 7), as its firmware does
    Process {
        #[command(subcommand)]
        words: machine::ProcessWords,
    },
    /// Set the destination server address (administrator)
    SetDestination {
        /// Host and port, such as server.example:8443; only localhost:8443 means the machine's own server function
        #[arg(allow_hyphen_values = true)]
        address: String,
        /// Connect here instead; the destination stays what the address says
        #[arg(long, value_name = "HOST:PORT")]
        connect_to: Option<String>,
    },
    /// Values that lost against somebody else's, kept
    Superseded {
        #[command(subcommand)]
        words: addresses::SupersededWords,
    },
    /// What was set aside as a whole, kept
    Snapshots {
        #[command(subcommand)]
        words: addresses::SnapshotsWords,
    },
    /// Import an address book file of any format, or a bundle, into personal lists, group lists and the machine's own, or take an import
    /// back (administrator)
    #[command(after_help = "Examples:
  sync-client --data DIR --administrator-token FILE import lists.csv --item user-group-address-list
  sync-client --data DIR --administrator-token FILE import desk.csv --user alice
  sync-client --data DIR --administrator-token FILE import lists.csv --mode replace --plan
  sync-client --data DIR --administrator-token FILE import lists.csv --mode replace --apply-plan PLAN
  sync-client --data DIR --administrator-token FILE import --undo

Only the rows that belong to the item are taken, by their owner columns; what stays out is
counted. All of it is written at once, or nothing. Until then Ctrl-C or --cancel ends it and
nothing was changed; after it --undo takes it back, also after other edits: what somebody
changed since stays, unless --force is given. An undo is undone by its own id.")]
    Import(files::Import),
    /// Export items into a file: address lists as Canon CSV, everything else as a bundle (administrator)
    #[command(after_help = "Examples:
  sync-client --data DIR --administrator-token FILE export lists.csv
  sync-client --data DIR --administrator-token FILE export printer.bundle --item printer-settings
  sync-client --data DIR --administrator-token FILE export all.bundle --batch --passphrase-file phrase

A batch holds everything that a batch can, or the items that are named. Keys, PINs and keychains
leave the machine only in an encrypted file. The file is there whole or not at all: until then
Ctrl-C or --cancel ends the export, and a file that was there is as it was. Where the machine's profile says export-own-list, who
is logged in exports their own list without an administrator: --item personal-address-list --user ME.")]
    Export(files::Export),
    /// Bring this machine's copy level with its own server for users and groups, so that an export from here is complete
    /// (administrator)
    #[command(after_help = "Examples:
  sync-client --data DIR --administrator-token FILE prepare
  sync-client --data DIR --administrator-token FILE prepare --user alice --group sales
  sync-client --data DIR --administrator-token FILE export lists.csv --user alice

Only on a machine that is server and client and whose destination is localhost:8443.")]
    Prepare(procedure::Prepare),
    /// Bring a file's personal and group lists into the fleet: stop here, back up and delete on the server, import here,
    /// start here (administrator)
    #[command(after_help = "Examples:
  sync-client --data DIR --administrator-token FILE procedure lists.csv
  sync-client --data DIR --administrator-token FILE procedure --resume
  sync-client --data DIR --administrator-token FILE procedure lists.csv --plan
  sync-client --data DIR --administrator-token FILE procedure --undo
  sync-client --data DIR procedure --list

Each step is kept in a journal before it runs. After a failure, or a crash of either side,
--resume goes on where it was. From its delete to its start the server keeps the lists concerned
free for this machine. --undo takes a procedure back to where it began, whether it is finished,
failed or cancelled; what somebody has edited since stays.")]
    Procedure(procedure::Procedure),
    /// What an item of import and export holds: its settings and records
    #[command(after_help = items::EXAMPLES)]
    Item {
        #[command(subcommand)]
        words: ItemCommand,
    },
    /// Show or set what this machine receives of the server's distributions (to set it: administrator)
    #[command(after_help = "Examples:
  sync-client --data DIR receiving
  sync-client --data DIR --administrator-token FILE receiving off
  sync-client --data DIR --administrator-token FILE receiving address-book forwarding

What a machine does not receive is left out and reported to the server as refused.")]
    Receiving {
        /// `on`: everything; `off`: nothing; or the items that are received
        #[arg(value_name = "on|off|ITEM")]
        set: Vec<String>,
    },
    /// Show the communication log
    Log {
        /// How many lines, the newest
        #[arg(long, value_name = "N", default_value_t = 100)]
        lines: u32,
    },
    /// What a batch bundle says of itself, and whether it is whole; without any machine
    Bundle {
        #[command(subcommand)]
        words: bundle::show::Words,
    },
    /// Turn an address book of one format into another, and say what is lost; without any machine
    Convert(convert::ConvertArgs),
    /// Say what an address book file is and holds, and what is odd about it; without any machine
    Inspect(convert::InspectArgs),
    /// May an import or export run? Asked without any machine
    Decide(decide::Args),
}

/// Runs one command line; the whole program, also for those who embed it.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let cli = match Cli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => return wrong_question(&error, &args),
    };
    let json = cli.json;
    if let Words::Decide(mut asked) = cli.words {
        asked.json |= json;
        return decide::run(&asked);
    }
    match &cli.words {
        Words::Convert(asked) => return convert::run(asked, json),
        Words::Inspect(asked) => return convert::inspect(asked, json),
        _ => {}
    }
    match carry_out(cli) {
        Ok(None) => ExitCode::SUCCESS,
        Ok(Some(output)) => {
            let text = if json { output.json.to_string() } else { output.text };
            print(&text);
            ExitCode::SUCCESS
        }
        Err(error) => {
            if json {
                print(&json!({"error": error.report().to_json()}).to_string());
            } else {
                eprintln!("sync-client: {error}\n  {}", error.remedy());
            }
            ExitCode::from(if matches!(error, Error::WrongCommand(_)) { 2 } else { 1 })
        }
    }
}

/// Whoever reads may have gone; that is no reason to fail.
pub(crate) fn print(text: &str) {
    if text.ends_with('\n') {
        // A file, byte for byte.
        let _ = write!(std::io::stdout(), "{text}");
    } else if !text.is_empty() {
        let _ = writeln!(std::io::stdout(), "{text}");
    }
}

fn wrong_question(error: &clap::Error, args: &[OsString]) -> ExitCode {
    let has = |word: &str| args.iter().any(|arg| arg == word);
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let words: Vec<String> = args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let said = error.render().to_string();
    let text = without_keys(&said, &words);
    if has("--json") {
        let reason = text.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        let message = reason.split_whitespace().collect::<Vec<_>>().join(" ");
        let report = if has("decide") {
            json!({"verdict": "wrong-question", "code": "usage", "message": message})
        } else {
            json!({"error": {"code": "usage", "message": message, "remedy": "see --help"}})
        };
        print(&report.to_string());
    } else if text == said {
        let _ = error.print();
    } else {
        let _ = write!(std::io::stderr(), "{text}");
    }
    ExitCode::from(2)
}

fn carry_out(cli: Cli) -> Result<Option<Output>> {
    let Cli { data, json, quiet, administrator_token, words } = cli;
    if let Words::Bundle { words } = &words {
        return bundle::show::run(words).map(Some);
    }
    let folder =
        data.ok_or_else(|| Error::WrongCommand("name the machine's data folder: --data DIR".into()))?;
    let administrator = administrator_token.as_deref().map(read_token).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|source| Error::Folder { path: folder.clone(), source })?;
    let done = match words {
        Words::Run(words) => {
            let options = Options { pace: words.pace(), ..Options::default() };
            let ready = |machine: &Machine| say_ready(machine, json);
            runtime.block_on(async {
                let end = ended(&folder)?;
                owner::own(&folder, options, ready, end).await
            })?;
            None
        }
        words => {
            let command = command(words)?;
            let teller = Teller::new(quiet, json);
            let done = runtime.block_on(async {
                // Only imports and exports take a Ctrl-C as their cancel; everything else just ends.
                let interrupt: Pin<Box<dyn Future<Output = ()>>> =
                    if command.can_be_cancelled() { Box::pin(ended(&folder)?) } else { Box::pin(pending()) };
                let say = |told: &_| teller.tell(told);
                owner::ask_telling(&folder, Options::default(), command, administrator, say, interrupt).await
            });
            teller.close();
            Some(done?)
        }
    };
    // A name that is still being looked up must not hold the program.
    runtime.shutdown_background();
    Ok(done)
}

fn command(words: Words) -> Result<Command> {
    Ok(match words {
        Words::Enroll(words) => words.command(),
        Words::Start { wait } => Command::Start { patience: Duration::from_secs(wait) },
        Words::Stop { deadline } => Command::Stop { deadline: Duration::from_secs(deadline) },
        Words::Status => Command::Status,
        Words::Sync => Command::Sync,
        Words::Login { user } => Command::Login { user },
        Words::Logout => Command::Logout,
        Words::Get { setting, user } => Command::Get { setting, user },
        Words::Set { setting, value, unset: _, user } => Command::Set { setting, value, user },
        Words::Address { words } => words.command(),
        Words::SetDestination { address, connect_to } => {
            Command::SetDestination { destination: address, connect_to }
        }
        Words::Machine(words) => words.command()?,
        Words::PolicyPassword(words) => words.command()?,
        Words::Process { words } => words.command()?,
        Words::Superseded { words } => words.command(),
        Words::Snapshots { words } => words.command(),
        Words::Import(words) => words.command()?,
        Words::Export(words) => words.command()?,
        Words::Prepare(words) => words.command(),
        Words::Procedure(words) => words.command()?,
        Words::Item { words } => Command::Item(words.with_files()?),
        Words::Receiving { set } => Command::Receiving { set: distribution::parse(&set)? },
        Words::Log { lines } => Command::Log { most: lines },
        Words::Run(_) | Words::Bundle { .. } | Words::Convert(_) | Words::Inspect(_) | Words::Decide(_) => {
            return Err(Error::WrongCommand("this command is not for the owner of the folder".into()));
        }
    })
}

/// The path as any process can use it: the one that owns the folder may run elsewhere.
fn whole(file: &Path) -> Result<PathBuf> {
    std::path::absolute(file).map_err(|source| Error::File { path: file.into(), source })
}

fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })
}

fn read_token(path: &Path) -> Result<String> {
    Ok(read_text(path)?.trim().to_string())
}

/// The first line of a file; blanks belong to it.
fn read_secret(path: &Path) -> Result<String> {
    Ok(read_text(path)?.lines().next().unwrap_or_default().to_string())
}

/// The end of `run`: a signal. What was written is durable, so nothing else has to be done.
fn ended(folder: &Path) -> Result<impl Future<Output = ()> + use<>> {
    let failed = |source| Error::Folder { path: folder.into(), source };
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

fn say_ready(machine: &Machine, json: bool) {
    let state = machine.state();
    // What cannot be read now is told by the next that asks.
    let interrupted = machine.interrupted_imports().unwrap_or_default();
    for remark in &interrupted {
        eprintln!("sync-client: {}", remark.text);
    }
    if json {
        print(
            &json!({
                "ready": true,
                "process": std::process::id(),
                "state": state.as_str(),
                "data": machine.folder(),
                "interrupted_imports": interrupted,
            })
            .to_string(),
        );
    } else {
        print(&format!(
            "sync-client owns {} and is ready; the client function is {state}.",
            machine.folder().display()
        ));
    }
}
