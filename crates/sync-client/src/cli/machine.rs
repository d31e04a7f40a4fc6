//! The machine: its enrolment, what the rules look at, what runs on it.

use super::{read_secret, read_text};
use crate::{
    command::Command,
    error::{Error, Result},
    facts::{ProcessWord, Statement},
};
use clap::{Args, Subcommand};
use core::time::Duration;
use std::path::PathBuf;
use sync_core::{machine::Role, process::Process, replica::Pace};

#[derive(Debug, Args)]
pub(super) struct Run {
    /// How long from one poll with nothing new to the next, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 5_000)]
    poll_interval: u64,
    /// The longest wait after failures, and for what the server lets wait, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 60_000)]
    longest_wait: u64,
}

impl Run {
    /// How often it asks the server.
    pub(super) fn pace(&self) -> Pace {
        let longest = Duration::from_millis(self.longest_wait.max(1));
        let retry = Pace::default().retry.min(longest);
        Pace { poll: Duration::from_millis(self.poll_interval.max(1)), retry, longest }
    }
}

#[derive(Debug, Args)]
pub(super) struct Enroll {
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
}

impl Enroll {
    pub(super) fn command(self) -> Command {
        let Self { server, code, fingerprint, connect_to, name, role } = self;
        Command::Enroll { server, code, fingerprint, connect_to, name, role }
    }
}

#[derive(Debug, Args)]
pub(super) struct Statements {
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
}

impl Statements {
    pub(super) fn command(self) -> Result<Command> {
        let Self { model, home_screen, display_language, profile, default_profile } = self;
        let profile = match profile {
            Some(file) => Some(read_text(&file)?),
            None => default_profile.then(String::new),
        };
        Ok(Command::Machine(Statement { model, home_screen, profile, display_language }))
    }
}

fn yes_or_no(text: &str) -> core::result::Result<bool, String> {
    match text {
        "yes" | "on" | "true" => Ok(true),
        "no" | "off" | "false" => Ok(false),
        _ => Err("write yes or no".into()),
    }
}

#[derive(Debug, Args)]
pub(super) struct PolicyPassword {
    /// The file whose first line is the password
    #[arg(long, value_name = "FILE", required_unless_present = "remove")]
    password_file: Option<PathBuf>,
    /// Take it away
    #[arg(long, conflicts_with = "password_file")]
    remove: bool,
}

impl PolicyPassword {
    pub(super) fn command(self) -> Result<Command> {
        Ok(Command::PolicyPassword { password: self.password_file.as_deref().map(read_secret).transpose()? })
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ProcessWords {
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

impl ProcessWords {
    pub(super) fn command(self) -> Result<Command> {
        Ok(Command::Process(match self {
            Self::Begin { process } => ProcessWord::Begin(process),
            Self::End { process, all: false } => ProcessWord::End(process),
            Self::End { process, all: true } if process.is_ended() => ProcessWord::EndAll(process),
            Self::End { process, all: true } => {
                return Err(Error::WrongCommand(format!(
                    "{process} is waited for: each that runs ends alone"
                )));
            }
            Self::List => ProcessWord::List,
        }))
    }
}
