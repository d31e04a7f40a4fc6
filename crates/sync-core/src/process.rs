//! What runs on a machine beside an import or export, as the interlock of rule 7 speaks of it.

use crate::names::named;
use alloc::vec::Vec;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

named! {
    /// An operation or process of a machine that may exclude an import or export (rule 7).
    #[non_exhaustive]
    pub enum Process, "process" {
        /// Sending.
        Send = "send",
        /// Forwarding of what was received.
        Forwarding = "forwarding",
        /// Fax.
        Fax = "fax",
        /// Internet fax.
        IFax = "i-fax",
        /// Printing of a report.
        ReportPrint = "report-print",
        /// Scan and store; only while it scans or stores.
        ScanAndStore = "scan-and-store",
        /// Import or export of one item.
        ImportExport = "import-export",
        /// Import or export in a batch.
        BatchImportExport = "batch-import-export",
        /// Distribution of device information.
        DeviceInformationDistribution = "device-information-distribution",
        /// Backup of the mail boxes.
        MailBoxBackup = "mail-box-backup",
        /// Import or export of workflows.
        WorkflowImportExport = "workflow-import-export",
        /// Import or export of Personal and Shared buttons.
        ButtonsImportExport = "buttons-import-export",
        /// Transfer by address book management software.
        AddressBookTransfer = "address-book-transfer",
        /// Update of the machine's software.
        SoftwareUpdate = "software-update",
        /// Another machine reads the address book over the network.
        RemoteAddressBook = "remote-address-book",
        /// Synchronization of personalized data; a machine whose sync state says so counts as running it.
        Synchronization = "synchronization",
        /// Somebody works at the control panel.
        ControlPanel = "control-panel",
        /// A session of the remote user interface, other than the one that runs the import or export.
        RemoteUi = "remote-ui",
        /// The browser shows web content.
        WebAccessContent = "web-access-content",
        /// The browser shows its error screen.
        WebAccessErrorScreen = "web-access-error-screen",
        /// Sleep.
        Sleep = "sleep",
        /// Shutdown.
        Shutdown = "shutdown",
        /// The machine displays an error code.
        ErrorCodeDisplay = "error-code-display",
    }
}

impl Process {
    /// How many there are.
    pub const COUNT: usize = Self::ALL.len();

    /// Its name for people, as a sentence has it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Send => "sending",
            Self::Forwarding => "forwarding",
            Self::Fax => "a fax job",
            Self::IFax => "an I-fax job",
            Self::ReportPrint => "the printing of a report",
            Self::ScanAndStore => "scan and store",
            Self::ImportExport => "an individual import or export",
            Self::BatchImportExport => "a batch import or export",
            Self::DeviceInformationDistribution => "a device information distribution",
            Self::MailBoxBackup => "a mail box backup",
            Self::WorkflowImportExport => "a workflow import or export",
            Self::ButtonsImportExport => "an import or export of Personal and Shared buttons",
            Self::AddressBookTransfer => "a transfer by address book management software",
            Self::SoftwareUpdate => "a software update",
            Self::RemoteAddressBook => "the remote address book",
            Self::Synchronization => "synchronization of personalized data",
            Self::ControlPanel => "the use of the control panel",
            Self::RemoteUi => "a remote UI session",
            Self::WebAccessContent => "web access content",
            Self::WebAccessErrorScreen => "the web access error screen",
            Self::Sleep => "sleep",
            Self::Shutdown => "a shutdown",
            Self::ErrorCodeDisplay => "the display of an error code",
        }
    }

    /// Whether somebody ends it, as a session or a display. What is no such thing does its work to the end, and is
    /// waited for.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        matches!(
            self,
            Self::RemoteAddressBook
                | Self::ControlPanel
                | Self::RemoteUi
                | Self::WebAccessContent
                | Self::WebAccessErrorScreen
                | Self::Sleep
                | Self::ErrorCodeDisplay
        )
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

const _: () = assert!(Process::COUNT <= 32);

/// A set of processes. It allocates nothing.
///
/// ```
/// use sync_core::process::{Process, Processes};
/// let running = Processes::EMPTY.with(Process::Send).with(Process::ControlPanel);
/// assert!(running.contains(Process::Send) && !running.contains(Process::Fax));
/// assert_eq!(running.without(Process::Send).iter().collect::<Vec<_>>(), [Process::ControlPanel]);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Processes(u32);

impl Processes {
    /// None.
    pub const EMPTY: Self = Self(0);

    /// These and one more.
    #[must_use]
    pub const fn with(self, process: Process) -> Self {
        Self(self.0 | process.bit())
    }

    /// These without one.
    #[must_use]
    pub const fn without(self, process: Process) -> Self {
        Self(self.0 & !process.bit())
    }

    /// Those that are in both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the process is among them.
    #[must_use]
    pub const fn contains(self, process: Process) -> bool {
        self.0 & process.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// One by one, in the order of [`Process::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Process> {
        Process::ALL.iter().copied().filter(move |process| self.contains(*process))
    }
}

impl FromIterator<Process> for Processes {
    fn from_iter<T: IntoIterator<Item = Process>>(processes: T) -> Self {
        processes.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl fmt::Debug for Processes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

/// As the list of their names.
impl Serialize for Processes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for Processes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<Process>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_in() {
        for process in Process::ALL {
            let one = Processes::EMPTY.with(*process);
            assert!(one.iter().eq([*process]));
            assert!(one.without(*process).is_empty());
        }
        let all: Processes = Process::ALL.iter().copied().collect();
        assert_eq!(all.iter().count(), Process::COUNT);
        let json = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Processes>(&json).unwrap(), all);
        assert!(serde_json::from_str::<Processes>(r#"["printing"]"#).is_err());
    }
}
