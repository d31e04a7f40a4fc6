//! Who carries a command out: the process that owns the data folder. `sync-client run` owns it and listens on a socket in
//! it; every other command opens the folder itself, or, where it is owned, passes its words over the socket.

use crate::{
    command::{Command, Output},
    error::{Error, ErrorReport, Result},
    facts::ProcessWord,
    import::{Progress, Stage, Told},
    machine::{Machine, Options},
};
use core::{
    future::pending,
    pin::{Pin, pin},
    time::Duration,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File, Permissions},
    io,
    os::{fd::AsRawFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{UnixListener, UnixStream, unix::OwnedWriteHalf},
    sync::{broadcast, watch},
    time::{Instant, sleep},
};

/// The socket's name in the data folder.
const SOCKET: &str = "socket";
/// The longest path that fits a socket's address everywhere.
const SHORT: usize = 100;
/// No command and no reply is longer.
const MOST_BYTES: u64 = 64 * 1024 * 1024;
/// How long a command waits for another one, which owns the folder for a moment.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long the end of the owner waits for an export to end.
const LAST_MOMENT: Duration = Duration::from_secs(5);

/// What goes over the socket, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Asked {
    command: Command,
    administrator: Option<String>,
}

/// What comes back, as one line of JSON.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answered {
    /// How far it is; more lines follow.
    Told(Told),
    Ok(Output),
    Error(ErrorReport),
}

/// Carries a command out: in this process where nobody owns the folder, else in the one that does.
///
/// # Errors
/// The command's own, or [`Error::FolderInUse`] where the owner does not listen.
pub async fn ask(
    folder: &Path,
    options: Options,
    command: Command,
    administrator: Option<String>,
) -> Result<Output> {
    ask_telling(folder, options, command, administrator, |_| {}, pending()).await
}

/// The same; a long command tells `say` meanwhile how far it is. Where `interrupt` comes first, an import or export is
/// cancelled; the answer is its own in any case.
///
/// # Errors
/// The command's own, [`Error::FolderInUse`] where the owner does not listen, or [`Error::OwnerGone`] where it ended before
/// it answered.
pub async fn ask_telling(
    folder: &Path,
    options: Options,
    command: Command,
    administrator: Option<String>,
    say: impl Fn(&Told),
    interrupt: impl Future<Output = ()>,
) -> Result<Output> {
    let until = Instant::now() + PATIENCE;
    loop {
        match Machine::open(folder, options) {
            // What runs is known only as long as somebody owns the folder.
            Ok(_) if matches!(command, Command::Process(ProcessWord::Begin(_))) => {
                return Err(Error::Denied {
                    code: "nobody_runs".into(),
                    message: "no process owns the data folder that could remember what runs".into(),
                    remedy: "start it: sync-client run; then tell it again".into(),
                });
            }
            Ok(machine) => {
                let cancel = async {
                    interrupt.await;
                    let _ = machine.cancel_import().await;
                };
                let work = here_telling(&machine, command, administrator.as_deref(), say);
                return beside(work, cancel).await;
            }
            Err(in_use @ Error::FolderInUse(_)) => {
                let asked = Asked { command: command.clone(), administrator: administrator.clone() };
                match UnixStream::connect(socket(folder)?.path).await {
                    Ok(stream) => {
                        let cancel = async {
                            interrupt.await;
                            let _ = cancel_there(folder).await;
                        };
                        return beside(there(stream, &asked, folder, say), cancel).await;
                    }
                    // The owner is about to listen, about to end, or does a single command.
                    Err(_) if Instant::now() < until => sleep(Duration::from_millis(20)).await,
                    Err(_) => return Err(in_use),
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Does the work; the other meanwhile, which may never end.
async fn beside<T>(work: impl Future<Output = T>, other: impl Future<Output = ()>) -> T {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        done = &mut work => done,
        () = other => work.await,
    }
}

async fn cancel_there(folder: &Path) -> Result<Output> {
    let failed = |source| Error::Folder { path: folder.join(SOCKET), source };
    let stream = UnixStream::connect(socket(folder)?.path).await.map_err(failed)?;
    there(stream, &Asked { command: Command::ImportCancel, administrator: None }, folder, |_| {}).await
}

/// Carries a command out in this process, with the client function beside it where the command needs that.
///
/// # Errors
/// The command's own.
pub async fn here(machine: &Machine, command: Command, administrator: Option<&str>) -> Result<Output> {
    here_telling(machine, command, administrator, |_| {}).await
}

/// The same; a long command tells `say` meanwhile how far it is.
///
/// # Errors
/// The command's own.
pub async fn here_telling(
    machine: &Machine,
    command: Command,
    administrator: Option<&str>,
    say: impl Fn(&Told),
) -> Result<Output> {
    let needs_client_function = command.needs_client_function();
    let mut work = Work::begin(machine, command, administrator);
    let done = async {
        loop {
            match work.next().await {
                Next::Told(told) => say(&told),
                Next::Done(done) => return done,
            }
        }
    };
    if !needs_client_function {
        return done.await;
    }
    tokio::select! {
        biased;
        done = done => done,
        ended = machine.run() => match ended {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
    }
}

/// A command that is carried out, and what it tells meanwhile.
struct Work<'a> {
    lines: broadcast::Receiver<String>,
    progress: watch::Receiver<Option<Progress>>,
    tells: bool,
    work: Pin<Box<dyn Future<Output = Result<Output>> + Send + 'a>>,
    done: Option<Result<Output>>,
}

enum Next {
    Told(Told),
    Done(Result<Output>),
}

impl<'a> Work<'a> {
    fn begin(machine: &'a Machine, command: Command, administrator: Option<&'a str>) -> Self {
        Self {
            lines: machine.procedures.listen(),
            progress: machine.imports.listen(),
            tells: command.tells(),
            work: Box::pin(machine.execute(command, administrator)),
            done: None,
        }
    }

    async fn next(&mut self) -> Next {
        loop {
            // Lines that were told before the end come before it.
            if let Some(done) = self.done.take() {
                return match self.lines.try_recv() {
                    Ok(line) if self.tells => {
                        self.done = Some(done);
                        Next::Told(Told::Line(line))
                    }
                    _ => Next::Done(done),
                };
            }
            tokio::select! {
                biased;
                // Of a slow listener's lines the oldest are lost; the work is not.
                line = self.lines.recv(), if self.tells => if let Ok(line) = line {
                    return Next::Told(Told::Line(line));
                },
                // Of an import only how far it is now matters to a slow listener.
                Ok(()) = self.progress.changed(), if self.tells => {
                    let now = *self.progress.borrow_and_update();
                    if let Some(now) = now {
                        return Next::Told(Told::Progress(now));
                    }
                }
                done = &mut self.work => self.done = Some(done),
            }
        }
    }
}

async fn there(stream: UnixStream, asked: &Asked, folder: &Path, say: impl Fn(&Told)) -> Result<Output> {
    let broken = |error: io::Error| match error.kind() {
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Error::OwnerGone(folder.into()),
        _ => Error::Folder { path: folder.join(SOCKET), source: error },
    };
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_vec(asked).map_err(|error| broken(error.into()))?;
    line.push(b'\n');
    write.write_all(&line).await.map_err(broken)?;
    let mut replies = BufReader::new(read.take(MOST_BYTES));
    loop {
        let mut reply = String::new();
        replies.read_line(&mut reply).await.map_err(broken)?;
        if !reply.ends_with('\n') {
            return Err(Error::OwnerGone(folder.into()));
        }
        match serde_json::from_str(&reply).map_err(|error| broken(error.into()))? {
            Answered::Told(told) => say(&told),
            Answered::Ok(output) => return Ok(output),
            Answered::Error(report) => return Err(Error::Told(report)),
        }
    }
}

/// Owns the folder: synchronizes in the background and carries out what comes over the socket, until `end`. `ready` is
/// called when it listens.
///
/// # Errors
/// [`Error::FolderInUse`], or what the disk says.
pub async fn own(
    folder: &Path,
    options: Options,
    ready: impl FnOnce(&Machine),
    end: impl Future<Output = ()>,
) -> Result<()> {
    let until = Instant::now() + PATIENCE;
    let machine = loop {
        match Machine::open(folder, options) {
            Ok(machine) => break Arc::new(machine),
            Err(Error::FolderInUse(_))
                if Instant::now() < until && UnixStream::connect(socket(folder)?.path).await.is_err() =>
            {
                sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(error),
        }
    };
    let listener = listen(folder)?;
    ready(&machine);
    let serve = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(serve(machine.clone(), stream));
                }
                // Too many open files, for example: it passes.
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    };
    let ended = tokio::select! {
        ended = machine.run() => match ended {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
        ended = machine.receive() => match ended {
            Ok(never) => match never {},
            Err(error) => Err(error),
        },
        () = serve => Ok(()),
        () = end => Ok(()),
    };
    if machine.imports.running().is_some_and(|now| now.stage == Stage::Exporting) {
        // So that its half file goes; a moment is enough, and the next export of the same file takes away what is left.
        let _ = tokio::time::timeout(LAST_MOMENT, machine.cancel_import()).await;
    }
    let _ = fs::remove_file(folder.join(SOCKET));
    ended
}

async fn serve(machine: Arc<Machine>, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    if BufReader::new(read.take(MOST_BYTES)).read_line(&mut line).await.is_err() || line.is_empty() {
        return;
    }
    let answered = match serde_json::from_str::<Asked>(&line) {
        Ok(asked) => {
            let mut work = Work::begin(&machine, asked.command, asked.administrator.as_deref());
            loop {
                match work.next().await {
                    Next::Told(told) => reply(&mut write, &Answered::Told(told)).await,
                    Next::Done(done) => break done,
                }
            }
        }
        Err(error) => Err(Error::WrongCommand(format!("the command cannot be read: {error}"))),
    };
    let answered = match answered {
        Ok(output) => Answered::Ok(output),
        Err(error) => Answered::Error(error.report()),
    };
    reply(&mut write, &answered).await;
}

/// Whoever asked may be gone; what was done stands.
async fn reply(write: &mut OwnedWriteHalf, answered: &Answered) {
    if let Ok(mut reply) = serde_json::to_vec(answered) {
        reply.push(b'\n');
        let _ = write.write_all(&reply).await;
    }
}

struct Socket {
    path: PathBuf,
    /// Keeps the short path alive.
    _folder: Option<File>,
}

/// The socket's path, which must be short: a long one goes through an open handle of the folder.
fn socket(folder: &Path) -> Result<Socket> {
    short(folder, SOCKET)
}

fn short(folder: &Path, name: &str) -> Result<Socket> {
    let path = folder.join(name);
    if path.as_os_str().len() < SHORT {
        return Ok(Socket { path, _folder: None });
    }
    let handle = File::open(folder).map_err(|source| Error::Folder { path: folder.into(), source })?;
    let path = PathBuf::from(format!("/proc/self/fd/{}/{name}", handle.as_raw_fd()));
    Ok(Socket { path, _folder: Some(handle) })
}

/// Listens in a folder that this process owns: whatever socket is there is a dead process's.
fn listen(folder: &Path) -> Result<UnixListener> {
    const FRESH: &str = "socket.new";
    let failed = |source| Error::Folder { path: folder.join(SOCKET), source };
    let _ = fs::remove_file(folder.join(FRESH));
    let fresh = short(folder, FRESH)?;
    let listener = UnixListener::bind(&fresh.path).map_err(failed)?;
    fs::set_permissions(folder.join(FRESH), Permissions::from_mode(0o600)).map_err(failed)?;
    // Only now under its name: nobody could connect before its mode was set.
    fs::rename(folder.join(FRESH), folder.join(SOCKET)).map_err(failed)?;
    Ok(listener)
}
