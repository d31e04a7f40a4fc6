//! A server in this process, on plain HTTP over loopback, with as many machines and spaces as a measurement wants; and a
//! client that sends the same bytes again and again over connections that stay open.

use std::{net::SocketAddr, sync::Arc, thread, time::Instant};
use sync_core::{
    change::{Author, Change, Context, Operation},
    id::{ChangeId, Incarnation, MachineId, Opening, RecordId},
    protocol::{Polled, SpaceRequest, SyncRequest},
    record::FieldName,
    server::{Code, Request, Scope},
    space::SpaceName,
    time::Timestamp,
    value::Value,
    wire,
};
use sync_server::{
    auth,
    directory::FileDirectory,
    http::{Interface, Parts, serve},
    store::{SqliteOptions, SqliteStore, Store},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::watch,
};
use uuid::Uuid;

/// What goes wrong with a measurement ends it.
pub type Failure = Box<dyn std::error::Error>;

/// A server under measurement.
pub struct Served {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its machines, with their tokens.
    pub machines: Vec<(MachineId, String)>,
    /// The store's file.
    pub file: std::path::PathBuf,
    interface: Arc<Interface<SqliteStore>>,
    stop: watch::Sender<bool>,
}

/// A runtime with one worker, as both servers of a comparison have it; the load comes from another thread.
///
/// # Errors
/// What the system says.
pub fn one_worker() -> std::io::Result<Runtime> {
    Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// A machine's id.
#[must_use]
pub fn machine_id(n: usize) -> MachineId {
    MachineId(Uuid::from_u128(0x4d00_0000 + n as u128))
}

/// A user's space.
#[must_use]
pub fn space(n: usize) -> SpaceName {
    SpaceName::user("office", &format!("user-{n:05}"))
}

/// A change that makes a record of about 130 bytes, as an address has them.
#[must_use]
pub fn change(incarnation: Incarnation, number: u64) -> Change {
    let text = |text: String| Some(Value::Text(text));
    let fields: [(FieldName, Option<Value>); 4] = [
        ("type".into(), text("address".into())),
        ("name".into(), text(format!("Desk {number:06}"))),
        ("mail".into(), text(format!("desk{number:06}@branch.example"))),
        ("number".into(), Some(Value::Int(i64::try_from(number).unwrap_or(0)))),
    ];
    Change {
        id: ChangeId { incarnation, number },
        record: RecordId::fresh(Timestamp(1_700_000_000_000 + i64::try_from(number).unwrap_or(0)), [7; 10]),
        context: Context::default(),
        operation: Operation::Edit(fields.into()),
        author: Author::default(),
    }
}

/// A machine's push to one space that it was never answered for.
#[must_use]
pub fn push(space: SpaceName, incarnation: Incarnation, changes: Vec<Change>) -> SyncRequest {
    SyncRequest {
        opening: Opening(Uuid::from_u128(1)),
        incarnation,
        polled: None,
        person: None,
        asks: Vec::new(),
        spaces: vec![SpaceRequest { known: vec![(incarnation, 0)], changes, ..SpaceRequest::new(space) }],
        limit: 4 << 20,
    }
}

impl Served {
    /// Starts a server with so many machines and spaces; each space has one record, and each machine is a member of
    /// its share of them.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub fn start(
        runtime: &Runtime,
        folder: &std::path::Path,
        machines: usize,
        spaces: usize,
    ) -> Result<Self, Failure> {
        std::fs::write(folder.join("users.toml"), "realm = \"office\"\n")?;
        let file = folder.join("store.db");
        let store = SqliteStore::open(&file, SqliteOptions::default())?;
        let tokens: Vec<(MachineId, String)> =
            (0..machines).map(|n| (machine_id(n), format!("token-of-machine-number-{n:010}"))).collect();
        runtime.block_on(fill(&store, &tokens, spaces))?;
        let parts = Parts {
            directory: Arc::new(FileDirectory::open(&folder.join("users.toml"))?),
            administrator: auth::prove("not used here, and long enough to be one")?,
            fingerprint: String::new(),
            backups: folder.join("backups"),
        };
        let interface = Arc::new(Interface::new(store, parts));
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        let (stop, stopped) = watch::channel(false);
        runtime.spawn(serve(Arc::clone(&interface), listener, None, stopped));
        Ok(Self { address, machines: tokens, file, interface, stop })
    }

    /// Makes every machine a member of the first `spaces` spaces.
    ///
    /// # Errors
    /// What the store says.
    pub fn join_all(&self, runtime: &Runtime, spaces: usize) -> Result<(), Failure> {
        let requests = self.machines.iter().map(|(machine, _)| Request::Membership {
            machine: *machine,
            login: None,
            join: (0..spaces).map(space).collect(),
            leave: Vec::new(),
            now: Timestamp(1),
        });
        runtime.block_on(self.interface.store().commit(requests.collect()))?;
        Ok(())
    }

    /// Where a machine's poll stands now.
    #[must_use]
    pub fn polled(&self, machine: MachineId) -> Polled {
        self.interface.store().known(|known| known.heads().poll(machine, None).0)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.stop.send(true);
    }
}

async fn fill(store: &SqliteStore, machines: &[(MachineId, String)], spaces: usize) -> Result<(), Failure> {
    let now = Timestamp(1);
    let mut requests = Vec::new();
    for (n, (machine, token)) in machines.iter().enumerate() {
        let hash = auth::hash(&format!("code {n}"));
        requests.push(Request::MakeCode(Code {
            hash,
            scope: Scope::All,
            expires: Timestamp(i64::MAX),
            used_by: None,
        }));
        let (machine, token) = (*machine, auth::hash(token));
        requests.push(Request::Enroll { code: hash, machine, token, name: format!("Machine {n}"), now });
    }
    store.commit(requests).await?;
    for (n, (machine, _)) in machines.iter().enumerate() {
        let join = (0..spaces).filter(|s| s % machines.len() == n).map(space).collect();
        store
            .commit(vec![Request::Membership {
                machine: *machine,
                login: None,
                join,
                leave: Vec::new(),
                now,
            }])
            .await?;
    }
    for first in (0..spaces).step_by(500) {
        let requests = (first..spaces.min(first + 500)).map(|s| {
            let incarnation = Incarnation(Uuid::from_u128(0x1_0000 + s as u128));
            let push = push(space(s), incarnation, vec![change(incarnation, 1)]);
            Request::Sync {
                machine: machine_id(s % machines.len()),
                incarnation,
                person: None,
                limit: 1,
                request: push.spaces.into_iter().next().unwrap_or_else(|| unreachable!("one was pushed")),
                now,
            }
        });
        store.commit(requests.collect()).await?;
    }
    Ok(())
}

/// The bytes of a request as HTTP/1.1 carries them.
///
/// # Errors
/// Where the message cannot be encoded.
pub fn http_request(token: &str, message: &SyncRequest) -> Result<Vec<u8>, Failure> {
    let body = wire::encode(message)?;
    let mut bytes = format!(
        "POST /v1/sync HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\ncontent-type: {media}\r\n\
         accept: {media}\r\ncontent-length: {}\r\n\r\n",
        body.len(),
        media = sync_core::protocol::MEDIA_TYPE,
    )
    .into_bytes();
    bytes.extend(body);
    Ok(bytes)
}

/// Sends a request over an open connection and reads the answer: its status and body.
///
/// # Errors
/// What the connection says.
pub async fn exchange(stream: &mut TcpStream, request: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    stream.write_all(request).await?;
    let mut answer = Vec::with_capacity(1024);
    loop {
        let mut chunk = [0; 16 * 1024];
        let n = stream.read(&mut chunk).await?;
        if n == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&chunk[..n]);
        let Some(end) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase();
        let field = |name: &str| head.lines().find_map(|line| line.strip_prefix(name).map(str::trim));
        let length: usize = field("content-length:").and_then(|text| text.parse().ok()).unwrap_or(0);
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or(0);
        let body = end + 4;
        while answer.len() < body + length {
            let n = stream.read(&mut chunk).await?;
            if n == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            answer.extend_from_slice(&chunk[..n]);
        }
        return Ok((status, answer.split_off(body)));
    }
}

/// How many answers a second `requests` get, each sent again and again over a connection of its own for a while.
///
/// # Errors
/// What a connection says, or an answer that is not 200.
pub fn load(address: SocketAddr, requests: Vec<Vec<u8>>, seconds: f64) -> Result<f64, String> {
    let run = move || -> Result<f64, String> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
        runtime.block_on(async move {
            let begun = Instant::now();
            let connections = requests.into_iter().map(|request| {
                tokio::spawn(async move {
                    let mut stream = TcpStream::connect(address).await.map_err(|e| e.to_string())?;
                    stream.set_nodelay(true).map_err(|e| e.to_string())?;
                    let mut answers = 0_u32;
                    while begun.elapsed().as_secs_f64() < seconds {
                        let (status, _) = exchange(&mut stream, &request).await.map_err(|e| e.to_string())?;
                        if status != 200 {
                            return Err(format!("HTTP status {status}"));
                        }
                        answers += 1;
                    }
                    Ok::<u32, String>(answers)
                })
            });
            let mut answers = 0;
            for connection in connections.collect::<Vec<_>>() {
                answers += connection.await.map_err(|e| e.to_string())??;
            }
            Ok(f64::from(answers) / begun.elapsed().as_secs_f64())
        })
    };
    thread::spawn(run).join().map_err(|_| "the load failed".to_string())?
}
