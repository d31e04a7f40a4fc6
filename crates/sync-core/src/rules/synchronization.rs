//! Rule 6: what waits while the client function synchronizes.

use super::{Code, Finding, Operation, Question, Step, Way, preparation, shape::individual_part};
use crate::{
    item::Item,
    machine::{Machine, Role},
    process::Process,
};
use alloc::{boxed::Box, format, string::String, vec, vec::Vec};

/// Which destination server addresses a row speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// Any, `localhost:8443` included.
    Any,
    /// Exactly `localhost:8443`.
    OwnServer,
    /// Everything else, the blank address included.
    NotOwnServer,
}

/// What a cell of the table says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell {
    /// It may run although the client function synchronizes.
    Allowed,
    /// It waits until the client function is stopped.
    Denied,
    /// There is no such individual item (rule 2); the item's shape has already refused it.
    NotIndividual,
}

/// One row of rule 6's table. It holds in every sync state but `Stopped`, for a machine with a client function; an
/// item in no row is never restricted by synchronization.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The machine's role.
    pub role: Role,
    /// Its destination server address.
    pub destination: Destination,
    /// The items.
    pub items: &'static [Item],
    /// Import individually.
    pub import: Cell,
    /// Import in batch. Of the personal address lists it speaks as a part of Personal Setting Information.
    pub import_batch: Cell,
    /// Export individually.
    pub export: Cell,
    /// Export in batch.
    pub export_batch: Cell,
}

use Cell::{Allowed, Denied, NotIndividual};

/// Rule 6, cell by cell.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    Row {
        role: Role::Client, destination: Destination::Any,
        items: &[Item::PersonalSettings, Item::PersonalAddressList, Item::UserGroupAddressList],
        import: Denied, import_batch: Denied, export: Denied, export_batch: Denied,
    },
    Row {
        role: Role::ServerWithClient, destination: Destination::NotOwnServer,
        items: &[Item::PersonalSettings, Item::PersonalAddressList, Item::UserGroupAddressList],
        import: Denied, import_batch: Denied, export: Denied, export_batch: Denied,
    },
    Row {
        role: Role::ServerWithClient, destination: Destination::OwnServer,
        items: &[Item::PersonalAddressList, Item::UserGroupAddressList],
        import: Allowed, import_batch: Denied, export: Allowed, export_batch: Allowed,
    },
    Row {
        role: Role::ServerWithClient, destination: Destination::OwnServer,
        items: &[Item::PersonalSettings],
        import: NotIndividual, import_batch: Denied, export: NotIndividual, export_batch: Allowed,
    },
];

impl Row {
    /// The cell of an operation.
    #[must_use]
    pub const fn cell(&self, operation: Operation) -> Cell {
        match operation {
            Operation::Import => self.import,
            Operation::ImportBatch => self.import_batch,
            Operation::Export => self.export,
            Operation::ExportBatch => self.export_batch,
        }
    }
}

/// The table's cell for a machine that synchronizes; `None` where no row speaks of the item.
fn look_up(role: Role, own_server: bool, operation: Operation, item: Item) -> Option<Cell> {
    TABLE
        .iter()
        .find(|row| {
            row.role == role
                && match row.destination {
                    Destination::Any => true,
                    Destination::OwnServer => own_server,
                    Destination::NotOwnServer => !own_server,
                }
                && row.items.contains(&item)
        })
        .map(|row| row.cell(operation))
}

/// Whether it may run while this machine synchronizes. Fails closed: personalized data without a row waits.
pub(super) fn allows(machine: &Machine, question: &Question<'_>) -> bool {
    let Question { operation, item, .. } = *question;
    look_up(machine.role, machine.destination.is_own_server(), operation, item) == Some(Allowed)
}

pub(super) fn ask(machine: &Machine, question: &Question<'_>) -> Option<Box<Finding>> {
    let Question { operation, item, .. } = *question;
    if !machine.synchronizes() || !item.is_personalized() || allows(machine, question) {
        return None;
    }
    // The exact form would have been accepted: say so, since 127.0.0.1:8443 looks right to a person.
    let by_form = machine.role == Role::ServerWithClient
        && look_up(machine.role, true, operation, item) == Some(Allowed);
    Some(Finding::new(
        if by_form { Code::DestinationNotLocalhost } else { Code::Synchronizing },
        message(machine, operation, item, by_form),
        ways(machine, question),
    ))
}

fn message(machine: &Machine, operation: Operation, item: Item, by_form: bool) -> String {
    let mut text = format!(
        "{} can't be {} while the client function of this machine synchronizes ({})",
        item.title(),
        operation.participle(),
        if machine.state.in_progress() {
            format!("sync state `{}`", machine.state)
        } else {
            format!(
                "the process `{}` is said to run, although the sync state is said to be `{}`: what runs counts",
                Process::Synchronization,
                machine.state
            )
        }
    );
    let own = machine.destination.is_own_server();
    match machine.role {
        Role::ServerWithClient if !own => {
            text += &if machine.destination.is_automatic() {
                String::from("; the destination server address is blank")
            } else {
                format!("; the destination server address is `{}`", machine.destination)
            };
            text += if by_form {
                ", and only the exact form `localhost:8443` (this machine's own server function) would have been accepted"
            } else {
                ", and even with the exact form `localhost:8443` only an individual import would have been accepted"
            };
        }
        Role::ServerWithClient => {
            text += "; with the destination server address `localhost:8443` only an individual import is accepted";
        }
        Role::Client if own => {
            text += "; a machine without a server function gains nothing from the destination server address `localhost:8443`";
        }
        Role::Client | Role::Server => {}
    }
    text
}

/// Both ways out: stop here (for an import, with the whole procedure of rule 11, or the server's data would stand at
/// the next start), or do it on the server machine whose destination is `localhost:8443`.
fn ways(machine: &Machine, question: &Question<'_>) -> Vec<Way> {
    let Question { operation, item, .. } = *question;
    let mut ways = Vec::with_capacity(3);
    ways.push(if operation.is_import() {
        Way::new(
            "by the procedure, for data from a machine outside",
            vec![
                Step::StopSynchronization,
                Step::BackUpOnServer,
                Step::DeleteOnServer,
                Step::Transfer(operation, item),
                Step::StartSynchronization,
            ],
        )
    } else {
        Way::new(
            "with synchronization stopped",
            vec![Step::StopSynchronization, Step::Transfer(operation, item)],
        )
    });

    // What may run on a machine that is its own server, and how it has to be asked for there.
    let on_own_server = |operation, item| {
        look_up(Role::ServerWithClient, true, operation, item) == Some(Allowed)
            && !question.profile.unsupported.contains(item)
    };
    let (mut ask_for, mut transfer, mut only) = (None, (operation, item), String::new());
    if !on_own_server(operation, item) {
        let (alone, part) = individual_part(operation, item);
        if !on_own_server(alone, part) {
            return ways;
        }
        if part != item {
            only = format!(", for the {} alone", part.title());
        }
        (ask_for, transfer) = (Some(Step::AskFor(alone, part)), (alone, part));
    }
    let steps = |before: Option<Step>, prepare: bool| {
        before
            .into_iter()
            .chain(ask_for.clone())
            .chain(prepare.then(|| preparation::step(question.profile)))
            .chain([Step::Transfer(transfer.0, transfer.1)])
            .collect()
    };
    if machine.is_its_own_server() {
        ways.push(Way::new(
            format!("individually, here on the server machine whose destination is localhost:8443{only}"),
            steps(None, preparation::is_missing(machine, question)),
        ));
        return ways;
    }
    // What was prepared elsewhere, or under another destination, does not count there.
    let prepare = question.profile.preparation.required;
    if machine.role == Role::ServerWithClient {
        ways.push(Way::new(
            format!(
                "with the destination localhost:8443, where this machine's own server function is meant{only}"
            ),
            steps(Some(Step::SetDestinationToOwnServer), prepare),
        ));
    }
    ways.push(Way::new(
        format!("on the server machine whose destination is localhost:8443{only}"),
        steps(Some(Step::GoToServerMachine), prepare),
    ));
    ways
}
