//! How far an import is, who may hear of it, and how it is cancelled.

use crate::{
    error::{Error, Result},
    store::Store,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use sync_core::id::ImportId;
use tokio::sync::watch;

/// Where an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// It asks the rules and proves the administrator.
    Asking,
    /// The file is read.
    Reading,
    /// The machine becomes a member of the spaces, and fetches them.
    Fetching,
    /// What it does is planned, record by record.
    Planning,
    /// The records are written. Until the last one is, it can be cancelled.
    Writing,
    /// Of an export: the records go into the file. Until the last one is in it, it can be cancelled.
    Exporting,
}

/// How far an import, an undo or an export is: what is done, of how much. A total that is not known yet is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// The import's id; of an export, one that is kept nowhere.
    pub import: ImportId,
    /// Where it is.
    pub stage: Stage,
    /// Items that are written whole.
    pub items: u64,
    /// Of so many.
    pub items_total: u64,
    /// Records that are written.
    pub records: u64,
    /// Of so many that change.
    pub records_total: u64,
    /// Bytes of the file that are read; of an export, those that are written.
    pub bytes: u64,
    /// Of so many.
    pub bytes_total: u64,
}

impl Progress {
    fn new(import: ImportId) -> Self {
        Self {
            import,
            stage: Stage::Asking,
            items: 0,
            items_total: 0,
            records: 0,
            records_total: 0,
            bytes: 0,
            bytes_total: 0,
        }
    }

    /// In hundredths of the whole, as a bar shows it.
    #[must_use]
    pub fn percent(&self) -> u64 {
        match self.stage {
            Stage::Asking | Stage::Reading | Stage::Fetching | Stage::Planning => 0,
            Stage::Writing => (self.records * 100).checked_div(self.records_total).unwrap_or(100),
            Stage::Exporting => (self.bytes * 100).checked_div(self.bytes_total).unwrap_or(0),
        }
    }

    /// For people.
    #[must_use]
    pub fn text(&self) -> String {
        match self.stage {
            Stage::Asking => "asking whether it may run".into(),
            Stage::Reading => format!("reading {} of {} bytes", self.bytes, self.bytes_total),
            Stage::Fetching => "fetching the lists concerned".into(),
            Stage::Planning => "planning".into(),
            Stage::Writing => {
                let Self { records, records_total, items, items_total, .. } = self;
                format!("{records} of {records_total} records, {items} of {items_total} items")
            }
            Stage::Exporting => {
                let Self { bytes, bytes_total, items, items_total, .. } = self;
                format!("{bytes} of {bytes_total} bytes, {items} of {items_total} items")
            }
        }
    }
}

/// What a command tells while it is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    /// A line for people.
    Line(String),
    /// How far an import is.
    Progress(Progress),
}

/// Who wants to hear how far an import is. It is called from the task that awaits the import.
pub type Watch<'a> = &'a (dyn Fn(&Progress) + Sync);

/// The imports and exports of one machine: one at a time.
#[derive(Debug, Default)]
pub(crate) struct Imports(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The one that runs.
    running: watch::Sender<Option<Progress>>,
    /// Whether it is to end.
    cancel: watch::Sender<bool>,
    /// Whether it holds the store, and where the machine stood when it took it.
    holds: watch::Sender<bool>,
    standing: Mutex<Option<Value>>,
    /// The last export whose file is in its place.
    exported: Mutex<Option<ImportId>>,
}

impl Default for Shared {
    fn default() -> Self {
        Self {
            running: watch::Sender::new(None),
            cancel: watch::Sender::new(false),
            holds: watch::Sender::new(false),
            standing: Mutex::new(None),
            exported: Mutex::new(None),
        }
    }
}

impl Imports {
    /// Begins one.
    ///
    /// # Errors
    /// `import_running`, while another one runs.
    pub(crate) fn begin(&self, id: ImportId) -> Result<Arc<Running>> {
        let begun = self.0.running.send_if_modified(|running| {
            let free = running.is_none();
            if free {
                *running = Some(Progress::new(id));
            }
            free
        });
        if !begun {
            return Err(Error::Denied {
                code: "import_running".into(),
                message: "another import, undo or export runs at this machine".into(),
                remedy: "wait for it, or cancel it: sync-client import --cancel".into(),
            });
        }
        self.0.cancel.send_replace(false);
        Ok(Arc::new(Running(self.0.clone())))
    }

    /// One that is only shown: nobody waits for it, and several may be under way.
    pub(crate) fn aside(id: ImportId) -> Arc<Running> {
        let shared = Shared::default();
        shared.running.send_replace(Some(Progress::new(id)));
        Arc::new(Running(Arc::new(shared)))
    }

    /// How far the one that runs is; `None` where none does.
    pub(crate) fn running(&self) -> Option<Progress> {
        *self.0.running.borrow()
    }

    /// Hears how far it is, from now on.
    pub(crate) fn listen(&self) -> watch::Receiver<Option<Progress>> {
        self.0.running.subscribe()
    }

    /// Asks the one that runs to end, and waits until it has; says which it was.
    pub(crate) async fn cancel(&self) -> Option<ImportId> {
        let id = self.running()?.import;
        self.0.cancel.send_replace(true);
        let mut running = self.listen();
        // The sender lives as long as this.
        let _ = running.wait_for(|now| now.is_none_or(|now| now.import != id)).await;
        Some(id)
    }

    /// Whether an export came to its end.
    pub(crate) fn is_exported(&self, id: ImportId) -> bool {
        *self.0.exported.lock() == Some(id)
    }

    /// Waits while an import holds the store, so that no thread is blocked by it that others need: that of a cancel, above
    /// all. What is done without it is right too, only later.
    pub(crate) async fn store_is_free(&self) {
        let _ = self.0.holds.subscribe().wait_for(|holds| !holds).await;
    }

    /// Where the machine stands while an import holds the store: as it stood then, since nothing else can change it.
    pub(crate) fn standing(&self) -> Option<Value> {
        if *self.0.holds.borrow() { self.0.standing.lock().clone() } else { None }
    }
}

/// The import that runs, until the last holder of it is gone.
#[derive(Debug)]
pub(crate) struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.running.send_replace(None);
    }
}

impl Running {
    /// How far it is.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.0.running.send_modify(|now| {
            if let Some(now) = now {
                change(now);
            }
        });
    }

    /// Where it stands now.
    pub(crate) fn now(&self) -> Option<Progress> {
        *self.0.running.borrow()
    }

    pub(crate) fn stage(&self, stage: Stage) {
        self.update(|now| now.stage = stage);
    }

    /// Whether it is to go on.
    ///
    /// # Errors
    /// `cancelled`, where somebody cancelled it.
    pub(crate) fn go_on(&self) -> Result<()> {
        if *self.0.cancel.borrow() { Err(cancelled()) } else { Ok(()) }
    }

    /// The export's file is in its place.
    pub(crate) fn exported(&self) {
        let id = self.0.running.borrow().map(|now| now.import);
        *self.0.exported.lock() = id;
    }

    /// Returns when somebody cancels it.
    pub(crate) async fn cancelled(&self) -> Error {
        let _ = self.0.cancel.subscribe().wait_for(|cancel| *cancel).await;
        cancelled()
    }

    /// Cancels it where the future that holds this is dropped before its end.
    pub(crate) fn unless_dropped(&self) -> UnlessDropped {
        UnlessDropped(self.0.clone())
    }

    /// Runs what takes long on a thread of its own, and tells meanwhile how far it is.
    pub(crate) async fn work<T: Send + 'static>(
        self: &Arc<Self>,
        watch: Watch<'_>,
        job: impl FnOnce(&Self) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (shared, mut news) = (self.clone(), self.0.running.subscribe());
        let tell = |now: &Option<Progress>| now.iter().for_each(watch);
        tell(&news.borrow_and_update().clone());
        let mut job = tokio::task::spawn_blocking(move || job(&shared));
        loop {
            tokio::select! {
                biased;
                done = &mut job => {
                    let done = done.unwrap_or_else(|error| match error.try_into_panic() {
                        Ok(panic) => std::panic::resume_unwind(panic),
                        // The runtime ends.
                        Err(_) => Err(cancelled()),
                    });
                    if news.has_changed().unwrap_or(false) {
                        tell(&news.borrow().clone());
                    }
                    return done;
                }
                Ok(()) = news.changed() => tell(&news.borrow_and_update().clone()),
            }
        }
    }

    /// From now on it holds the store, until what is given back is dropped.
    pub(crate) fn hold(&self, standing: Value) -> Holding {
        *self.0.standing.lock() = Some(standing);
        self.0.holds.send_replace(true);
        Holding(self.0.clone())
    }
}

/// While it lives, the store is held.
#[derive(Debug)]
pub(crate) struct Holding(Arc<Shared>);

impl Drop for Holding {
    fn drop(&mut self) {
        self.0.holds.send_replace(false);
        *self.0.standing.lock() = None;
    }
}

/// The line of the journal that says that an import began: it goes where the import ends before it holds the store.
pub(crate) struct Begun(Option<(Arc<Mutex<Store>>, ImportId)>);

impl Begun {
    /// It is journalled already.
    pub(crate) fn new(store: Arc<Mutex<Store>>, id: ImportId) -> Self {
        Self(Some((store, id)))
    }

    /// What is only shown is in no journal.
    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    /// Whoever holds the store sees to it from now on.
    pub(crate) fn let_go(&mut self) {
        self.0 = None;
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        let Some((store, id)) = self.0.take() else { return };
        // Where the disk says no, the next opening says of it that it did not happen, which is true.
        let _ = store.lock().import_ends(id);
    }
}

#[derive(Debug)]
pub(crate) struct UnlessDropped(Arc<Shared>);

impl Drop for UnlessDropped {
    fn drop(&mut self) {
        self.0.cancel.send_replace(true);
    }
}

fn cancelled() -> Error {
    Error::Denied {
        code: "cancelled".into(),
        message: "the import was cancelled; nothing was changed".into(),
        remedy: "import again when you wish".into(),
    }
}
