//! Rule 7's table, as data: what may run beside an import or export.

use crate::{
    names::named,
    process::{Process, Processes},
};

named! {
    /// Whether an import or export may begin while a process runs.
    pub enum Begin, "answer" {
        /// It may.
        Yes = "yes",
        /// It may not.
        No = "no",
        /// Rule 6 says so for personalized data; everything else may. Of synchronization alone.
        ByRule6 = "by-rule-6",
    }
}

named! {
    /// Whether a process may run during an import or export.
    pub enum During, "answer" {
        /// It may; nobody can hold it back.
        Yes = "yes",
        /// It waits.
        No = "no",
        /// It pauses for personalized data and resumes after; beside everything else it runs. Of synchronization alone.
        Paused = "paused",
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InterlockRow {
    /// The processes that it speaks of.
    pub processes: &'static [Process],
    /// Whether they may run during an import or export.
    pub during: During,
    /// Whether an import or export may begin while they run.
    pub begin: Begin,
}

/// The default table, row by row as the vendor's manuals have it.
#[rustfmt::skip]
pub const DEFAULT_INTERLOCK: &[InterlockRow] = &[
    InterlockRow {
        processes: &[
            Process::Send, Process::Forwarding, Process::Fax, Process::IFax, Process::ReportPrint, Process::ScanAndStore,
        ],
        during: During::No, begin: Begin::No,
    },
    InterlockRow {
        processes: &[
            Process::ImportExport, Process::BatchImportExport, Process::DeviceInformationDistribution,
            Process::MailBoxBackup, Process::WorkflowImportExport, Process::ButtonsImportExport,
            Process::AddressBookTransfer, Process::SoftwareUpdate,
        ],
        during: During::No, begin: Begin::No,
    },
    InterlockRow { processes: &[Process::RemoteAddressBook], during: During::No, begin: Begin::No },
    InterlockRow { processes: &[Process::Synchronization], during: During::Paused, begin: Begin::ByRule6 },
    InterlockRow {
        processes: &[
            Process::ControlPanel, Process::RemoteUi, Process::WebAccessContent, Process::WebAccessErrorScreen,
        ],
        during: During::No, begin: Begin::Yes,
    },
    InterlockRow { processes: &[Process::Sleep], during: During::No, begin: Begin::Yes },
    InterlockRow {
        processes: &[Process::Shutdown, Process::ErrorCodeDisplay],
        during: During::Yes, begin: Begin::No,
    },
];

/// The table, process by process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interlock {
    cells: [(Begin, During); Process::COUNT],
    /// Those during which nothing may begin.
    blocking: Processes,
}

impl Interlock {
    /// A table of rows that name every process once.
    ///
    /// # Panics
    /// In a constant's evaluation, where a process is missing or stands twice.
    #[must_use]
    pub(super) const fn of(rows: &[InterlockRow]) -> Self {
        let mut table = Self { cells: [(Begin::No, During::No); Process::COUNT], blocking: Processes::EMPTY };
        let mut named = Processes::EMPTY;
        let mut row = 0;
        while row < rows.len() {
            let InterlockRow { processes, during, begin } = rows[row];
            let mut i = 0;
            while i < processes.len() {
                assert!(!named.contains(processes[i]), "a process stands in two rows");
                named = named.with(processes[i]);
                table = table.with(processes[i], begin, during);
                i += 1;
            }
            row += 1;
        }
        let mut i = 0;
        while i < Process::COUNT {
            assert!(named.contains(Process::ALL[i]), "a process stands in no row");
            i += 1;
        }
        table
    }

    /// The same with another row for one process. `by-rule-6` and `paused` have a meaning for synchronization alone;
    /// elsewhere they are taken as `no`.
    #[must_use]
    pub const fn with(mut self, process: Process, begin: Begin, during: During) -> Self {
        let of_synchronization = matches!(process, Process::Synchronization);
        let begin = if matches!(begin, Begin::ByRule6) && !of_synchronization { Begin::No } else { begin };
        let during =
            if matches!(during, During::Paused) && !of_synchronization { During::No } else { during };
        self.cells[process as usize] = (begin, during);
        self.blocking = match begin {
            Begin::No => self.blocking.with(process),
            Begin::Yes | Begin::ByRule6 => self.blocking.without(process),
        };
        self
    }

    /// Whether an import or export may begin while the process runs.
    #[must_use]
    pub const fn begin(&self, process: Process) -> Begin {
        self.cells[process as usize].0
    }

    /// Whether the process may run during an import or export.
    #[must_use]
    pub const fn during(&self, process: Process) -> During {
        self.cells[process as usize].1
    }

    /// The processes during which no import or export may begin.
    #[must_use]
    pub const fn blocking(&self) -> Processes {
        self.blocking
    }
}
