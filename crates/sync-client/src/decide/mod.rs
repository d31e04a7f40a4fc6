//! `sync-client decide`: "may this run now, and if not, what must be done first?", without any machine.

mod lists;

use core::{fmt::Write as _, iter, str::FromStr, time::Duration};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};
use sync_core::{
    item::Item,
    machine::{DestinationAddress, Machine, PolicyPassword, Role, SyncState},
    names::UnknownName,
    process::Process,
    profile::{Limit, Profile},
    rules::{Denied, Operation, Question, Verdict, decide},
    time::Timestamp,
};

/// Asks whether an import or export may run on a machine in a given state, and what must be done first if not.
///
/// Nothing is changed, and nothing is read but the profile. What a question leaves out is taken as an office machine mostly
/// is: it has a Home screen, nothing runs on it, it has no security policy password, nothing was prepared, and the file
/// says nothing of its source. The exit status is 0 for allowed, 1 for denied and 2 for a wrong question.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "Examples:
  sync-client decide --role client --state in-progress --operation import \\
      --item user-group-address-list --administrator
  sync-client decide --role server-with-client --state in-progress --destination localhost:8443 \\
      --operation export-batch --item personal-settings --administrator --json
  sync-client decide --role client --state stopped --operation import-batch --item home \\
      --administrator --running send --running fax
  sync-client decide --list-items
  sync-client decide --print-profile > our-model.toml

With --json the answer is one object:
  {\"verdict\": \"allowed\"}
  {\"verdict\": \"denied\", \"code\", \"rule\", \"message\", \"ways\": [titles],
   \"remedy\": [{\"way\": 1, \"code\", \"text\", \"by\", \"command\", ...}, ...],
   \"lengths\": [{\"way\": 1, \"steps\"}, ...]}
  {\"verdict\": \"denied\", ..., \"ways\": [], \"remedy\": [], \"nothing_does\": {\"reason\", \"text\"}}
  {\"verdict\": \"wrong-question\", \"code\", \"message\"}
The steps of one way, in order, lead to allowed; of several ways one is enough.")]
pub struct Args {
    // Texts, not parsed values: a wrong one has to be answered as JSON too, where that is asked for.
    /// The machine's role: client, server or server-with-client
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// The sync state of its client function: stopped, starting, in-progress, paused or stopping. A server without a
    /// client function has none, and ignores it
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Its destination server address, such as server.example:8443; only localhost:8443 means its own server function.
    /// Blank or left out: the server is found automatically
    #[arg(long, value_name = "ADDRESS", default_value = "", allow_hyphen_values = true)]
    pub destination: String,
    /// What is to be done: import, import-batch, export or export-batch
    #[arg(long, value_name = "OPERATION")]
    pub operation: Option<String>,
    /// With which item; --list-items prints them all
    #[arg(long, value_name = "ITEM")]
    pub item: Option<String>,
    /// The one who asks has administrator privileges
    #[arg(long)]
    pub administrator: bool,
    /// The display language of the machine that the file comes from; without it the file does not say
    #[arg(long, value_name = "LANGUAGE")]
    pub source_language: Option<String>,
    /// The display language of this machine
    #[arg(long, value_name = "LANGUAGE")]
    pub language: Option<String>,
    /// This runs on the machine; may be given again. --list-processes prints them all [default: nothing runs]
    #[arg(long, value_name = "PROCESS")]
    pub running: Vec<String>,
    /// The import or export is run from a remote UI session, which does not stand in its own way
    #[arg(long)]
    pub from_remote_ui: bool,
    /// The machine has a Home screen; so it is taken where nothing is said
    #[arg(long, conflicts_with = "no_home_screen")]
    pub home_screen: bool,
    /// The machine has no Home screen
    #[arg(long)]
    pub no_home_screen: bool,
    /// The machine's model
    #[arg(long, value_name = "MODEL")]
    pub model: Option<String>,
    /// The model of the machine that the file comes from; without it the file does not say
    #[arg(long, value_name = "MODEL")]
    pub source_model: Option<String>,
    /// The machine's security policy password, as its stored salted hash. Blank or left out: it has none
    #[arg(long, value_name = "HASH", allow_hyphen_values = true)]
    pub policy_password: Option<String>,
    /// That of the machine that the file comes from, as a salted hash. Blank: it has none; left out: the file does not say
    #[arg(long, value_name = "HASH", allow_hyphen_values = true)]
    pub source_policy_password: Option<String>,
    /// One typed password was checked against both hashes
    #[arg(long)]
    pub policy_password_proved: bool,
    /// The personalized data of this machine was prepared just now
    #[arg(long, conflicts_with = "prepared_ago")]
    pub prepared: bool,
    /// It was prepared so many seconds ago [default: never]
    #[arg(long, value_name = "SECONDS", allow_hyphen_values = true)]
    pub prepared_ago: Option<String>,
    /// How many of something the machine would hold after the import, such as addresses=1700; may be given again.
    /// --list-limits prints them all
    #[arg(long, value_name = "LIMIT=N")]
    pub would_hold: Vec<String>,
    /// The personal address list is that of the one who asks
    #[arg(long)]
    pub own_list: bool,
    /// What the vendor set of the rules, as TOML [default: the profile of a machine, which --print-profile prints]
    #[arg(long, value_name = "FILE")]
    pub profile: Option<PathBuf>,
    /// Print every item with what can be done with it, and ask nothing
    #[arg(long)]
    pub list_items: bool,
    /// Print every process with the interlock's answers, and ask nothing
    #[arg(long)]
    pub list_processes: bool,
    /// Print every limit with its figure, and ask nothing
    #[arg(long)]
    pub list_limits: bool,
    /// Print the profile as TOML, and ask nothing
    #[arg(long)]
    pub print_profile: bool,
    /// Answer in JSON
    #[arg(long)]
    pub json: bool,
}

/// What the command prints, and its exit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 0 allowed, 1 denied, 2 a wrong question.
    pub status: u8,
    /// For the standard output.
    pub output: String,
    /// For the standard error.
    pub error: String,
}

/// Answers on the standard output.
#[must_use]
pub fn run(args: &Args) -> ExitCode {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(Timestamp::default(), |since| Timestamp::default().plus(since));
    let answer = answer(args, now);
    // A reader that has gone away is no reason to fail: the exit status is the answer.
    let _ = std::io::stdout().write_all(answer.output.as_bytes());
    let _ = std::io::stderr().write_all(answer.error.as_bytes());
    ExitCode::from(answer.status)
}

/// The answer to one question.
#[must_use]
pub fn answer(args: &Args, now: Timestamp) -> Answer {
    let output = |status, output| Answer { status, output, error: String::new() };
    if args.list_items {
        return output(0, lists::items(args.json));
    }
    let verdict = profile(args).and_then(|profile| {
        Ok(if args.list_processes {
            Err(lists::processes(&profile, args.json))
        } else if args.list_limits {
            Err(lists::limits(&profile, args.json))
        } else if args.print_profile {
            Err(profile.to_toml())
        } else {
            Ok(ask(args, &profile, now)?)
        })
    });
    match verdict {
        Ok(Err(list)) => output(0, list),
        Ok(Ok(verdict)) => output(
            u8::from(verdict.is_err()),
            match &verdict {
                _ if args.json => line(&json!(Verdict::from(&verdict))),
                Ok(()) => "allowed\n".into(),
                Err(denied) => explain(denied),
            },
        ),
        Err(wrong) if args.json => output(2, line(&wrong.form())),
        Err(wrong) => Answer {
            status: 2,
            output: String::new(),
            error: format!("error: {} ({})\n", wrong.message, wrong.code),
        },
    }
}

/// Why a question can't be answered.
struct WrongQuestion {
    code: &'static str,
    message: String,
    /// The line of the profile that is wrong.
    line: Option<usize>,
}

impl WrongQuestion {
    const fn new(code: &'static str, message: String) -> Self {
        Self { code, message, line: None }
    }

    fn form(&self) -> Value {
        let mut form = json!({"verdict": "wrong-question", "code": self.code, "message": self.message});
        if let Some(line) = self.line {
            form["line"] = line.into();
        }
        form
    }
}

/// What the vendor set: the file's, or a machine's.
fn profile(args: &Args) -> Result<Profile, WrongQuestion> {
    let Some(path) = &args.profile else {
        return Ok(Profile::default());
    };
    let named = |what: &dyn core::fmt::Display| format!("--profile {}: {what}", path.display());
    let text = fs::read_to_string(path).map_err(|error| WrongQuestion::new("file", named(&error)))?;
    Profile::from_toml(&text).map_err(|bad| WrongQuestion {
        code: bad.code(),
        message: named(&bad),
        line: Some(bad.line),
    })
}

fn machine(args: &Args, now: Timestamp) -> Result<Machine, WrongQuestion> {
    let role: Role = required("--role", args.role.as_deref(), "unknown_role")?;
    let state: SyncState = match &args.state {
        // A machine without a client function has no sync state to name.
        None if !role.has_client() => SyncState::Stopped,
        state => required("--state", state.as_deref(), "unknown_state")?,
    };
    let destination: DestinationAddress =
        args.destination.parse().map_err(|error: sync_core::machine::AddressError| {
            WrongQuestion::new(error.code(), format!("--destination: {error}"))
        })?;
    let running = args
        .running
        .iter()
        .map(|name| required::<Process>("--running", Some(name), "unknown_process"))
        .collect::<Result<_, _>>()?;
    let mut machine = Machine::new(role, state, destination)
        .with_administrator(args.administrator)
        .with_home_screen(!args.no_home_screen)
        .with_running(running)
        .with_policy_password(match args.policy_password.as_deref().map(str::trim) {
            None | Some("") => PolicyPassword::NotSet,
            Some(hash) => PolicyPassword::Set(hash.into()),
        });
    machine.display_language.clone_from(&args.language);
    machine.model.clone_from(&args.model);
    let ago = match &args.prepared_ago {
        Some(seconds) => Some(number("--prepared-ago", seconds)?),
        None => args.prepared.then_some(0),
    };
    machine.prepared = ago.map(|seconds| {
        let since = Duration::from_secs(seconds).as_millis();
        Timestamp(now.0.saturating_sub(i64::try_from(since).unwrap_or(i64::MAX)))
    });
    Ok(machine)
}

fn ask(args: &Args, profile: &Profile, now: Timestamp) -> Result<Result<(), Denied>, WrongQuestion> {
    let machine = machine(args, now)?;
    let operation: Operation = required("--operation", args.operation.as_deref(), "unknown_operation")?;
    let item: Item = required("--item", args.item.as_deref(), "unknown_item")?;
    let mut question = Question::new(operation, item, now)
        .with_profile(profile)
        .with_own(args.own_list)
        .with_from_remote_ui(args.from_remote_ui)
        .with_policy_password_proved(args.policy_password_proved)
        .with_source_policy_password(match args.source_policy_password.as_deref().map(str::trim) {
            None => PolicyPassword::NotKnown,
            Some("") => PolicyPassword::NotSet,
            Some(hash) => PolicyPassword::Set(hash),
        });
    if let Some(source) = &args.source_language {
        if args.language.is_none() {
            return Err(missing(
                "--language, the display language of this machine, beside --source-language",
            ));
        }
        question = question.with_source_language(source);
    }
    if let Some(model) = &args.source_model {
        question = question.with_source_model(model);
    }
    for stated in &args.would_hold {
        let (limit, held) = stated.split_once('=').ok_or_else(|| {
            WrongQuestion::new("would_hold", format!("--would-hold: `{stated}` is no LIMIT=N"))
        })?;
        let limit: Limit = required("--would-hold", Some(limit), "unknown_limit")?;
        question = question.with_would_hold(limit, number("--would-hold", held)?);
    }
    Ok(decide(&machine, &question))
}

fn number(option: &str, text: &str) -> Result<u64, WrongQuestion> {
    text.parse().map_err(|_| {
        WrongQuestion::new("not_a_number", format!("{option}: `{text}` is no whole number from 0 on"))
    })
}

fn required<T: FromStr<Err = UnknownName>>(
    option: &str,
    text: Option<&str>,
    code: &'static str,
) -> Result<T, WrongQuestion> {
    let text = text.ok_or_else(|| missing(option))?;
    text.parse().map_err(|error| WrongQuestion::new(code, format!("{option}: {error}")))
}

fn missing(what: &str) -> WrongQuestion {
    WrongQuestion::new("missing_option", format!("the question lacks {what}"))
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

fn explain(denied: &Denied) -> String {
    let mut text = format!("denied: {denied}\n  code: {}\n  rule: {}\n", denied.code, denied.rule);
    if let Some(reason) = denied.nothing_does {
        let _ = writeln!(text, "  {} ({reason})", reason.text());
    }
    for (before, way) in iter::once("either").chain(iter::repeat("or")).zip(&denied.remedy) {
        let before = if denied.remedy.len() == 1 { "instead" } else { before };
        let _ = writeln!(text, "  {before} {}:", way.title);
        for (number, step) in (1..).zip(&way.steps) {
            let _ = writeln!(text, "    {number}. {}", step.text());
            if let Some(command) = step.command() {
                let _ = writeln!(text, "       {}", command.join(" "));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests;
