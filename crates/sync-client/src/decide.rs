//! `sync-client decide`: "may this run now, and if not, what must be done first?", without any machine.

use core::{fmt::Write as _, iter, str::FromStr};
use serde_json::{Value, json};
use std::{
    io::Write as _,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};
use sync_core::{
    item::{Item, ItemRow, TABLE},
    machine::{DestinationAddress, Machine, Role, SyncState},
    names::UnknownName,
    rules::{Denied, Operation, Question, Verdict, decide},
    time::Timestamp,
};

/// Asks whether an import or export may run on a machine in a given state, and what must be done first if not.
///
/// Nothing is read or changed. The exit status is 0 for allowed, 1 for denied and 2 for a wrong question.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = "Examples:
  sync-client decide --role client --state in-progress --operation import \\
      --item user-group-address-list --administrator
  sync-client decide --role server-with-client --state in-progress --destination localhost:8443 \\
      --operation export-batch --item personal-settings --administrator --json
  sync-client decide --list-items

With --json the answer is one object:
  {\"verdict\": \"allowed\"}
  {\"verdict\": \"denied\", \"code\", \"rule\", \"message\", \"ways\": [titles],
   \"remedy\": [{\"way\": 1, \"code\", \"text\", ...}, ...]}
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
    /// Print every item with what can be done with it, and ask nothing
    #[arg(long)]
    pub list_items: bool,
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
    if args.list_items {
        return Answer { status: 0, output: list_items(args.json), error: String::new() };
    }
    match ask(args, now) {
        Ok(verdict) => Answer {
            status: u8::from(verdict.is_err()),
            output: match &verdict {
                _ if args.json => line(&json!(Verdict::from(&verdict))),
                Ok(()) => "allowed\n".into(),
                Err(denied) => explain(denied),
            },
            error: String::new(),
        },
        Err(wrong) if args.json => Answer {
            status: 2,
            output: line(&json!({
                "verdict": "wrong-question", "code": wrong.code, "message": wrong.message,
            })),
            error: String::new(),
        },
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
}

fn ask(args: &Args, now: Timestamp) -> Result<Result<(), Denied>, WrongQuestion> {
    let role: Role = required("--role", args.role.as_deref(), "unknown_role")?;
    let state: SyncState = match &args.state {
        // A machine without a client function has no sync state to name.
        None if !role.has_client() => SyncState::Stopped,
        state => required("--state", state.as_deref(), "unknown_state")?,
    };
    let destination: DestinationAddress =
        args.destination.parse().map_err(|error: sync_core::machine::AddressError| WrongQuestion {
            code: error.code(),
            message: format!("--destination: {error}"),
        })?;
    let operation: Operation = required("--operation", args.operation.as_deref(), "unknown_operation")?;
    let item: Item = required("--item", args.item.as_deref(), "unknown_item")?;

    let mut machine = Machine::new(role, state, destination).with_administrator(args.administrator);
    if let Some(language) = &args.language {
        machine = machine.with_display_language(language);
    }
    let mut question = Question::new(operation, item, now);
    if let Some(source) = &args.source_language {
        if args.language.is_none() {
            return Err(missing(
                "--language, the display language of this machine, beside --source-language",
            ));
        }
        question = question.with_source_language(source);
    }
    Ok(decide(&machine, &question))
}

fn required<T: FromStr<Err = UnknownName>>(
    option: &str,
    text: Option<&str>,
    code: &'static str,
) -> Result<T, WrongQuestion> {
    let text = text.ok_or_else(|| missing(option))?;
    text.parse().map_err(|error| WrongQuestion { code, message: format!("{option}: {error}") })
}

fn missing(what: &str) -> WrongQuestion {
    WrongQuestion { code: "missing_option", message: format!("the question lacks {what}") }
}

fn line(value: &Value) -> String {
    format!("{value}\n")
}

fn explain(denied: &Denied) -> String {
    let mut text = format!("denied: {denied}\n  code: {}\n  rule: {}\n", denied.code, denied.rule);
    for (before, way) in iter::once("either").chain(iter::repeat("or")).zip(&denied.remedy) {
        let before = if denied.remedy.len() == 1 { "instead" } else { before };
        let _ = writeln!(text, "  {before} {}:", way.title);
        for (number, step) in (1..).zip(&way.steps) {
            let _ = writeln!(text, "    {number}. {}", step.text());
        }
    }
    text
}

fn list_items(json: bool) -> String {
    if json {
        return line(&TABLE.iter().map(item_form).collect());
    }
    let width = TABLE.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for row in TABLE {
        let mut can: Vec<&str> = Vec::new();
        for (is, word) in [
            (row.individual, "individually"),
            (row.batch, "in batch"),
            (row.distributable, "distributed"),
            (row.personalized, "personalized data"),
        ] {
            if is {
                can.push(word);
            }
        }
        let _ = writeln!(text, "{:width$}  {} ({})", row.name, row.title, can.join(", "));
    }
    text
}

fn item_form(row: &ItemRow) -> Value {
    json!({
        "name": row.name,
        "title": row.title,
        "individual": row.individual,
        "batch": row.batch,
        "distributable": row.distributable,
        "personalized": row.personalized,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn asked(arguments: &str) -> Answer {
        // `_` stands for an empty argument.
        let arguments = arguments.split(' ').map(|word| if word == "_" { "" } else { word });
        let command = Command::try_parse_from(["decide"].into_iter().chain(arguments)).unwrap();
        answer(&command.args, Timestamp(0))
    }

    fn json(arguments: &str) -> (u8, Value) {
        let answer = asked(&format!("{arguments} --json"));
        assert_eq!(answer.error, "");
        (answer.status, serde_json::from_str(&answer.output).unwrap())
    }

    const GROUP: &str =
        "--operation import --item user-group-address-list --administrator --state in-progress";

    #[test]
    fn allowed_denied_and_why() {
        let own = "--role server-with-client --destination localhost:8443";
        assert_eq!(json(&format!("{own} {GROUP}")), (0, json!({"verdict": "allowed"})));
        assert_eq!(asked(&format!("{own} {GROUP}")).output, "allowed\n");

        for destination in ["127.0.0.1:8443", "_"] {
            let (status, answer) =
                json(&format!("--role server-with-client --destination {destination} {GROUP}"));
            assert_eq!(status, 1);
            assert_eq!(answer["code"], "destination_not_localhost");
            assert_eq!(answer["rule"], "6");
            assert!(answer["message"].as_str().unwrap().contains("localhost:8443"));
            assert_eq!(answer["remedy"][0]["code"], "stop");
        }

        let text = asked(&format!("--role client {GROUP}"));
        assert_eq!(text.status, 1);
        for part in ["denied: ", "code: synchronizing", "rule: 6", "1. Stop", "localhost:8443"] {
            assert!(text.output.contains(part), "{part}: {}", text.output);
        }
    }

    #[test]
    fn the_shape_comes_first_then_the_administrator() {
        let client = "--role client --state in-progress --operation";
        assert_eq!(json(&format!("{client} export --item personal-settings")).1["code"], "not_individual");
        let (_, answer) =
            json(&format!("{client} import-batch --item personal-address-list --administrator"));
        assert_eq!(answer["code"], "not_batch");
        assert_eq!(answer["remedy"][0]["item"], "personal-settings");
        assert_eq!(json(&format!("{client} export --item address-book")).1["code"], "administrator_required");
    }

    #[test]
    fn languages_are_compared_where_the_file_says_one() {
        let import = "--role client --state stopped --operation import-batch --item home --administrator";
        assert_eq!(json(&format!("{import} --language en")).0, 0);
        assert_eq!(json(&format!("{import} --language en --source-language en")).0, 0);
        let (status, answer) = json(&format!("{import} --language en --source-language ja"));
        assert_eq!((status, &answer["rule"]), (1, &json!("4")));
        assert_eq!(json(&format!("{import} --source-language ja")).1["code"], "missing_option");
    }

    #[test]
    fn wrong_questions_are_answered_in_the_form_that_was_asked_for() {
        let good = "--role client --state paused --operation export --item address-book";
        for (wrong, code) in [
            (good.replace("client", "master"), "unknown_role"),
            (good.replace("paused", "sleeping"), "unknown_state"),
            (good.replace("export", "exports"), "unknown_operation"),
            (good.replace("address-book", "adress-book"), "unknown_item"),
            (format!("{good} --destination https://localhost:8443"), "address_has_scheme"),
            (format!("{good} --destination localhost:99999"), "address_port"),
            ("--role client --state paused --operation export".into(), "missing_option"),
            ("--role client --operation export --item home".into(), "missing_option"),
        ] {
            let (status, answer) = json(&wrong);
            assert_eq!(status, 2, "{wrong}");
            assert_eq!(answer["verdict"], "wrong-question");
            assert_eq!(answer["code"], code, "{answer}");
            let text = asked(&wrong);
            assert_eq!((text.status, text.output.as_str()), (2, ""));
            assert!(text.error.contains(code));
        }
        // A server without a client function has no sync state.
        assert_eq!(json("--role server --operation export --item home").1["code"], "not_individual");
    }

    #[test]
    fn the_items_are_listed() {
        let text = asked("--list-items");
        assert_eq!((text.status, text.output.lines().count()), (0, TABLE.len()));
        let (_, list) = json("--list-items");
        assert_eq!(list.as_array().unwrap().len(), TABLE.len());
        assert_eq!(list[0]["name"], "address-book");
    }
}
