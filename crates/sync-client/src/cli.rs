//! The command line of one machine.

use crate::{
    addresses::{Entry, ListOf},
    bundle::{self, Lock, passphrase},
    command::{Command, Output},
    convert, decide, distribution,
    error::{Error, Result},
    export::ExportOrder,
    facts::{ProcessWord, Statement},
    import::{FileSecrets, ImportOrder, UndoOrder},
    items::{self, ItemCommand},
    machine::{Machine, Options},
    owner,
    prepare::PrepareOrder,
    procedure::{Patience, ProcedureOrder},
    settings::without_keys,
    tell::Teller,
};
use clap::{Args, Parser, Subcommand, error::ErrorKind};
use core::{future::pending, pin::Pin, time::Duration};
use serde_json::json;
use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};
use sync_core::{
    address::Secret,
    files::Format,
    id::{ImportId, ProcedureId},
    item::Item,
    machine::Role,
    procedure::ListMode,
    process::Process,
    replica::Pace,
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
    Run {
        /// How long from one poll with nothing new to the next, in milliseconds
        #[arg(long, value_name = "MS", default_value_t = 5_000)]
        poll_interval: u64,
        /// The longest wait after failures, and for what the server lets wait, in milliseconds
        #[arg(long, value_name = "MS", default_value_t = 60_000)]
        longest_wait: u64,
    },
    /// Enrol the machine at a server, with a code that its administrator made
    Enroll {
        /// The server: host and port, such as server.example:8443; it becomes the destination
        #[arg(long, value_name = "ADDRESS")]
        server: String,
        /// The one-time code
        #[arg(long)]
        code: String,
        /// The SHA-256 of the server's certificate, as the server shows it
        #[arg(long, value_name = "HEX")]
        fingerprint: String,
        /// Connect here instead; the destination stays what --server says
        #[arg(long, value_name = "HOST:PORT")]
        connect_to: Option<String>,
        /// What people call the machine [default: the computer's name]
        #[arg(long)]
        name: Option<String>,
        /// client, or server-with-client where the machine has a server function too [default: client]
        #[arg(long)]
        role: Option<Role>,
    },
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
        words: AddressWords,
    },
    /// Show what the rules look at on this machine, and with options state it anew (an administrator)
    Machine {
        /// Its model; blank takes it back
        #[arg(long, value_name = "MODEL")]
        model: Option<String>,
        /// Whether it has a Home screen
        #[arg(long, value_name = "YES|NO", value_parser = yes_or_no)]
        home_screen: Option<bool>,
        /// Its display language, such as en or ja
        #[arg(long, value_name = "LANGUAGE")]
        display_language: Option<String>,
        /// What its vendor set of the rules, as TOML (`decide --print-profile` shows a whole one)
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
        /// Take the vendor's profile back
        #[arg(long, conflicts_with = "profile")]
        default_profile: bool,
    },
    /// Set the security policy password, or take it away (an administrator); only its salted hash is kept
    PolicyPassword {
        /// The file whose first line is the password
        #[arg(long, value_name = "FILE", required_unless_present = "remove")]
        password_file: Option<PathBuf>,
        /// Take it away
        #[arg(long, conflicts_with = "password_file")]
        remove: bool,
    },
    /// Tell the process that owns the folder what runs on the machine (rule 7), as its firmware does
    Process {
        #[command(subcommand)]
        words: ProcessWords,
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
        words: SupersededWords,
    },
    /// What was set aside as a whole, kept
    Snapshots {
        #[command(subcommand)]
        words: SnapshotsWords,
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
    Import {
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
    },
    /// Export items into a file: address lists as Canon CSV, everything else as a bundle (administrator)
    #[command(after_help = "Examples:
  sync-client --data DIR --administrator-token FILE export lists.csv
  sync-client --data DIR --administrator-token FILE export printer.bundle --item printer-settings
  sync-client --data DIR --administrator-token FILE export all.bundle --batch --passphrase-file phrase

A batch holds everything that a batch can, or the items that are named. Keys, PINs and keychains
leave the machine only in an encrypted file. The file is there whole or not at all: until then
Ctrl-C or --cancel ends the export, and a file that was there is as it was. Where the machine's profile says export-own-list, who
is logged in exports their own list without an administrator: --item personal-address-list --user ME.")]
    Export {
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
        /// Write readable passwords too; an encrypted file has them in any case
        #[arg(long)]
        with_passwords: bool,
        /// Pass over items that a rule refuses; otherwise one refused item refuses all
        #[arg(long)]
        skip_refused: bool,
        /// Cancel the export that runs
        #[arg(long)]
        cancel: bool,
    },
    /// Bring this machine's copy level with its own server for users and groups, so that an export from here is complete
    /// (administrator)
    #[command(after_help = "Examples:
  sync-client --data DIR --administrator-token FILE prepare
  sync-client --data DIR --administrator-token FILE prepare --user alice --group sales
  sync-client --data DIR --administrator-token FILE export lists.csv --user alice

Only on a machine that is server and client and whose destination is localhost:8443.")]
    Prepare {
        /// A user; may be given again [default: with no user and no group, all that the server has]
        #[arg(long, value_name = "NAME")]
        user: Vec<String>,
        /// A group; may be given again
        #[arg(long, value_name = "ID")]
        group: Vec<String>,
        /// How long it may take, in seconds
        #[arg(long, value_name = "S", default_value_t = 300)]
        wait: u64,
    },
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
    Procedure {
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
    },
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

#[derive(Debug, Args)]
#[group(multiple = false)]
struct Whose {
    /// A person's own list, where it is not that of whoever is logged in
    #[arg(long)]
    user: Option<String>,
    /// A user group's list
    #[arg(long, value_name = "ID")]
    group: Option<String>,
    /// A list of the machine: 1 to 10, or 11 for the one-touch list; others are what a file called its lists
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(0..))]
    list: Option<i64>,
    /// All lists of the machine
    #[arg(long)]
    lists: bool,
}

impl Whose {
    fn list(self) -> ListOf {
        match (self.user, self.group, self.list) {
            (Some(user), ..) => ListOf::User(user),
            (_, Some(group), _) => ListOf::Group(group),
            (.., Some(list)) => ListOf::Machine(list),
            _ if self.lists => ListOf::Lists,
            _ => ListOf::Me,
        }
    }
}

/// Which items of a file.
#[derive(Debug, Args)]
struct Which {
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
enum Mode {
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
struct Fields {
    /// Its name
    #[arg(long)]
    name: Option<String>,
    /// email, fax, ifax, ipfax, folder or group [default: email, or fax where only a number is given]
    #[arg(long)]
    kind: Option<String>,
    /// The e-mail address
    #[arg(long)]
    mail: Option<String>,
    /// The fax number
    #[arg(long)]
    fax: Option<String>,
    /// How the name is read aloud and sorted
    #[arg(long)]
    reading: Option<String>,
    /// Its number in the list
    #[arg(long)]
    number: Option<i64>,
}

impl Fields {
    fn entry(self) -> Entry {
        let Self { name, kind, mail, fax, reading, number } = self;
        Entry { name, kind, mail, fax, reading, number }
    }
}

#[derive(Debug, Subcommand)]
enum AddressWords {
    /// Add an entry
    Add {
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        fields: Fields,
    },
    /// List the entries
    List {
        #[command(flatten)]
        whose: Whose,
    },
    /// Change an entry: what is not named stays
    Edit {
        /// Its id
        id: String,
        #[command(flatten)]
        whose: Whose,
        #[command(flatten)]
        fields: Fields,
    },
    /// Remove an entry
    Remove {
        /// Its id
        id: String,
        #[command(flatten)]
        whose: Whose,
    },
}

#[derive(Debug, Subcommand)]
enum SupersededWords {
    /// List them
    List,
    /// Take one after all, as a new change
    Take {
        /// Its number in the list
        id: i64,
    },
}

#[derive(Debug, Subcommand)]
enum ProcessWords {
    /// One began
    Begin {
        /// Which; `decide --list-processes` prints them all
        process: Process,
    },
    /// One is over
    End {
        /// Which
        process: Process,
        /// Not one: all that run of it. Of sessions and displays
        #[arg(long)]
        all: bool,
    },
    /// What runs
    List,
}

#[derive(Debug, Subcommand)]
enum SnapshotsWords {
    /// List them
    List,
    /// Show what one holds
    Show {
        /// Its id
        id: String,
    },
    /// Bring one back, as new changes over what stands
    Restore {
        /// Its id
        id: String,
    },
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
        Words::Run { poll_interval, longest_wait } => {
            let longest = Duration::from_millis(longest_wait.max(1));
            let retry = Pace::default().retry.min(longest);
            let poll = Duration::from_millis(poll_interval.max(1));
            let options = Options { pace: Pace { poll, retry, longest }, ..Options::default() };
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
        Words::Enroll { server, code, fingerprint, connect_to, name, role } => {
            Command::Enroll { server, code, fingerprint, connect_to, name, role }
        }
        Words::Start { wait } => Command::Start { patience: Duration::from_secs(wait) },
        Words::Stop { deadline } => Command::Stop { deadline: Duration::from_secs(deadline) },
        Words::Status => Command::Status,
        Words::Sync => Command::Sync,
        Words::Login { user } => Command::Login { user },
        Words::Logout => Command::Logout,
        Words::Get { setting, user } => Command::Get { setting, user },
        Words::Set { setting, value, unset: _, user } => Command::Set { setting, value, user },
        Words::Address { words } => match words {
            AddressWords::Add { whose, fields } => {
                Command::AddressAdd { list: whose.list(), entry: fields.entry() }
            }
            AddressWords::List { whose } => Command::AddressList { list: whose.list() },
            AddressWords::Edit { id, whose, fields } => {
                Command::AddressEdit { list: whose.list(), id, entry: fields.entry() }
            }
            AddressWords::Remove { id, whose } => Command::AddressRemove { list: whose.list(), id },
        },
        Words::SetDestination { address, connect_to } => {
            Command::SetDestination { destination: address, connect_to }
        }
        Words::Machine { model, home_screen, display_language, profile, default_profile } => {
            let profile = match profile {
                Some(file) => Some(read_text(&file)?),
                None => default_profile.then(String::new),
            };
            Command::Machine(Statement { model, home_screen, profile, display_language })
        }
        Words::PolicyPassword { password_file, remove: _ } => {
            Command::PolicyPassword { password: password_file.as_deref().map(read_secret).transpose()? }
        }
        Words::Process { words } => Command::Process(match words {
            ProcessWords::Begin { process } => ProcessWord::Begin(process),
            ProcessWords::End { process, all: false } => ProcessWord::End(process),
            ProcessWords::End { process, all: true } if process.is_ended() => ProcessWord::EndAll(process),
            ProcessWords::End { process, all: true } => {
                return Err(Error::WrongCommand(format!(
                    "{process} is waited for: each that runs ends alone"
                )));
            }
            ProcessWords::List => ProcessWord::List,
        }),
        Words::Superseded { words: SupersededWords::List } => Command::SupersededList,
        Words::Superseded { words: SupersededWords::Take { id } } => Command::SupersededTake { id },
        Words::Snapshots { words: SnapshotsWords::List } => Command::SnapshotsList,
        Words::Snapshots { words: SnapshotsWords::Show { id } } => Command::SnapshotsShow { id },
        Words::Snapshots { words: SnapshotsWords::Restore { id } } => Command::SnapshotsRestore { id },
        Words::Import { cancel: true, .. } => Command::ImportCancel,
        Words::Import { list: true, .. } => Command::ImportList,
        Words::Import { undo: Some(import), force, plan, apply_plan, .. } => {
            Command::ImportUndo(UndoOrder { import, force, plan, apply: apply_plan })
        }
        // clap does not say so beside a file.
        Words::Import { force: true, .. } => {
            return Err(Error::WrongCommand("--force goes with --undo".into()));
        }
        Words::Import { file: None, .. } => {
            return Err(Error::WrongCommand("name the file that is to be imported".into()));
        }
        Words::Import {
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
            })
        }
        Words::Export { cancel: true, .. } => Command::ImportCancel,
        Words::Export { file: None, .. } => {
            return Err(Error::WrongCommand("name the file that is to be written".into()));
        }
        Words::Export {
            file: Some(file),
            which: Which { item: items, user, group },
            batch,
            passphrase_file,
            encrypt,
            to,
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
            })
        }
        Words::Prepare { user, group, wait } => {
            Command::Prepare(PrepareOrder { users: user, groups: group, patience: Duration::from_secs(wait) })
        }
        Words::Procedure {
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
        } => {
            let pass_phrase = passphrase_file.as_deref().map(read_secret).transpose()?.map(Secret);
            let secrets = FileSecrets { pass_phrase, policy_password: None };
            let patience = Patience {
                stop: Duration::from_secs(deadline),
                reserve: Duration::from_secs(reserve),
                start: Duration::from_secs(wait),
            };
            match (file, show) {
                (Some(file), _) => {
                    let (file, mode) = (whole(&file)?, mode.into());
                    let order = ProcedureOrder { file, items: item, user, group, mode, secrets };
                    Command::Procedure { order, patience, plan }
                }
                (None, Some(id)) => Command::ProcedureShow { id },
                (None, None) if undo.is_some() => {
                    Command::ProcedureUndo { id: undo.flatten(), patience, plan }
                }
                (None, None) if resume => Command::ProcedureResume { patience, secrets },
                (None, None) if cancel => Command::ProcedureCancel,
                (None, None) if list => Command::ProcedureList,
                (None, None) => {
                    return Err(Error::WrongCommand("name the file that is to be brought in".into()));
                }
            }
        }
        Words::Item { words } => Command::Item(words.with_files()?),
        Words::Receiving { set } => Command::Receiving { set: distribution::parse(&set)? },
        Words::Log { lines } => Command::Log { most: lines },
        Words::Run { .. }
        | Words::Bundle { .. }
        | Words::Convert(_)
        | Words::Inspect(_)
        | Words::Decide(_) => {
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

fn yes_or_no(text: &str) -> core::result::Result<bool, String> {
    match text {
        "yes" | "on" | "true" => Ok(true),
        "no" | "off" | "false" => Ok(false),
        _ => Err("write yes or no".into()),
    }
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
