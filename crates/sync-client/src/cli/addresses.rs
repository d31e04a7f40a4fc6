//! Address lists, and what was kept of them.

use crate::{
    addresses::{Entry, ListOf},
    command::Command,
};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Whose {
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

#[derive(Debug, Args)]
pub(super) struct Fields {
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
pub(super) enum AddressWords {
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

impl AddressWords {
    pub(super) fn command(self) -> Command {
        match self {
            Self::Add { whose, fields } => Command::AddressAdd { list: whose.list(), entry: fields.entry() },
            Self::List { whose } => Command::AddressList { list: whose.list() },
            Self::Edit { id, whose, fields } => {
                Command::AddressEdit { list: whose.list(), id, entry: fields.entry() }
            }
            Self::Remove { id, whose } => Command::AddressRemove { list: whose.list(), id },
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum SupersededWords {
    /// List them
    List,
    /// Take one after all, as a new change
    Take {
        /// Its number in the list
        id: i64,
    },
}

impl SupersededWords {
    pub(super) fn command(self) -> Command {
        match self {
            Self::List => Command::SupersededList,
            Self::Take { id } => Command::SupersededTake { id },
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum SnapshotsWords {
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

impl SnapshotsWords {
    pub(super) fn command(self) -> Command {
        match self {
            Self::List => Command::SnapshotsList,
            Self::Show { id } => Command::SnapshotsShow { id },
            Self::Restore { id } => Command::SnapshotsRestore { id },
        }
    }
}
