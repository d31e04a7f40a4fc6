//! Whole servers over real TLS, on ports that the system chooses: first start, restart, stop, and the restore of a
//! whole store.
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use sync_core::{
    api::{
        self, BackupAnswer, BackupRequest, BringBackAnswer, BringBackRequest, CodeAnswer, CodeRequest,
        DeleteAnswer, DeleteRequest, MachineInfo, Source, SpaceInfo,
    },
    change::{Author, Change, Context, Operation},
    id::{Incarnation, MachineId, Opening, RecordId},
    protocol::{
        EnrollRequest, Enrolled, LoginRequest, Membership, Reply, RestoreMode, SpaceRequest, SyncAnswer,
        SyncRequest,
    },
    server::Scope,
    space::SpaceName,
    value::Value,
};
use sync_server::{
    folder::Folder,
    remote::Remote,
    restore::restore,
    server::{Config, Ready, Server},
    store::inspect,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::oneshot,
    task::JoinHandle,
};
use uuid::Uuid;

const USERS: &str =
    "realm = \"office\"\n[[group]]\nid = \"sales\"\n[[user]]\nname = \"alice\"\ngroups = [\"sales\"]\n";
const NOTHING: Option<&()> = None;

fn alice() -> SpaceName {
    SpaceName::user("office", "alice")
}

/// A folder with Alice and her group in it.
fn data() -> (tempfile::TempDir, Folder) {
    let parent = tempfile::tempdir().unwrap();
    let path = parent.path().join("data");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("users.toml"), USERS).unwrap();
    (parent, Folder::new(path))
}

fn config(folder: &Folder) -> Config {
    Config { listen: Some("127.0.0.1:0".into()), ..Config::new(folder.path()) }
}

struct Running {
    ready: Ready,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Running {
    async fn with(config: Config) -> Self {
        let server = Server::open(config).await.unwrap();
        let ready = server.ready().clone();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
        Self { ready, stop, serving }
    }

    async fn over(folder: &Folder) -> Self {
        Self::with(config(folder)).await
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.serving.await.unwrap();
    }
}

/// The code with which a server does not open.
async fn refused(config: Config) -> &'static str {
    match Server::open(config).await {
        Ok(_) => panic!("it opened"),
        Err(error) => {
            assert!(!error.to_string().is_empty());
            error.code()
        }
    }
}

fn token(n: u128) -> String {
    format!("the-token-of-machine-{n}-which-is-long-enough")
}

/// A machine: it asks the way that the command line does, with its own token.
struct Machine {
    remote: Remote,
    n: u128,
    _folder: tempfile::TempDir,
}

impl Machine {
    fn of(folder: &Folder, n: u128) -> Self {
        let own = tempfile::tempdir().unwrap();
        for name in ["address", "certificate.pem"] {
            fs::copy(folder.path().join(name), own.path().join(name)).unwrap();
        }
        fs::write(own.path().join("administrator-token"), token(n)).unwrap();
        Self { remote: Remote::of(&Folder::new(own.path())).unwrap(), n, _folder: own }
    }

    /// Enrols with a code and lets Alice log in.
    async fn enrol(folder: &Folder, n: u128, code: &str) -> Self {
        let machine = Self::of(folder, n);
        let request = EnrollRequest {
            code: code.into(),
            machine: MachineId(Uuid::from_u128(n)),
            token: token(n),
            name: format!("Machine {n}"),
        };
        let _: Enrolled = machine.remote.ask(api::ENROLL, Some(&request)).await.unwrap();
        let login = LoginRequest { user: "alice".into() };
        let membership: Membership = machine.remote.ask(api::LOGIN, Some(&login)).await.unwrap();
        assert_eq!(membership.spaces, [alice(), SpaceName::group("office", "sales")]);
        machine
    }

    async fn sync(&self, of_space: impl FnOnce(&mut SpaceRequest)) -> SyncAnswer {
        let mut request = SpaceRequest::new(alice());
        of_space(&mut request);
        let request = SyncRequest {
            opening: Opening(Uuid::from_u128(1)),
            incarnation: Incarnation(Uuid::from_u128(self.n)),
            polled: None,
            person: Some("alice".into()),
            asks: Vec::new(),
            spaces: vec![request],
            limit: 0,
        };
        self.remote.ask(api::SYNC, Some(&request)).await.unwrap()
    }

    /// Writes one record.
    async fn write(&self, number: u64) {
        let change = Change {
            id: (Incarnation(Uuid::from_u128(self.n)), number).into(),
            record: RecordId(Uuid::from_u128(u128::from(number) + (self.n << 64))),
            context: Context::default(),
            operation: Operation::Edit([("name".to_string(), Some(Value::from("x")))].into()),
            author: Author::default(),
        };
        let answer = self.sync(|space| space.changes = vec![change]).await;
        assert!(matches!(answer.spaces[0].reply, Reply::Ok(_)), "{answer:?}");
    }

    /// How many records it pulls, and the answer.
    async fn pull(&self) -> (usize, SyncAnswer) {
        let answer = self.sync(|_| ()).await;
        let Reply::Ok(page) = &answer.spaces[0].reply else { panic!("{answer:?}") };
        (page.page.len(), answer)
    }
}

async fn code(remote: &Remote) -> String {
    let request = CodeRequest { scope: Scope::All, valid_for: 600 };
    let made: CodeAnswer = remote.ask(api::CODES, Some(&request)).await.unwrap();
    made.code
}

async fn back_up(remote: &Remote, name: &str) -> BackupAnswer {
    remote.ask(api::BACKUP, Some(&BackupRequest { name: Some(name.into()) })).await.unwrap()
}

#[tokio::test]
async fn an_administrator_asks_the_running_server() {
    let (_parent, folder) = data();
    let running = Running::over(&folder).await;
    assert_eq!(folder.read(&folder.address()).unwrap(), running.ready.address);
    let remote = Remote::of(&folder).unwrap();
    let request = CodeRequest { scope: Scope::All, valid_for: 600 };
    let made: CodeAnswer = remote.ask(api::CODES, Some(&request)).await.unwrap();
    assert_eq!(made.fingerprint, running.ready.fingerprint);
    let machine = Machine::enrol(&folder, 1, &made.code).await;
    machine.write(1).await;
    let machines: Vec<MachineInfo> = remote.ask(api::MACHINES, NOTHING).await.unwrap();
    // Alice's, her group's, and the sharing scopes'.
    assert_eq!((machines.len(), machines[0].spaces.len()), (1, 3));
    let made = back_up(&remote, "before.db").await;
    inspect(&folder.backups().join(made.name)).unwrap();
    let request = DeleteRequest { spaces: vec![alice()] };
    let done: DeleteAnswer = remote.ask(api::DELETE, Some(&request)).await.unwrap();
    assert_eq!(done.deleted[0].records, 1);
    assert_eq!(machine.pull().await.0, 0);
    let from = Source::Backup { name: "before.db".into(), space: alice() };
    let done: BringBackAnswer = remote.ask(api::BRING_BACK, Some(&BringBackRequest { from })).await.unwrap();
    assert_eq!(done.changes, 1);
    assert_eq!(machine.pull().await.0, 1);
    let spaces: Vec<SpaceInfo> = remote.ask(api::SPACES, NOTHING).await.unwrap();
    assert_eq!((spaces.len(), spaces[0].generation, spaces[0].records), (1, 2, 1));
    // A refusal comes as its code.
    let again = BackupRequest { name: Some("before.db".into()) };
    let error = remote.ask::<BackupAnswer>(api::BACKUP, Some(&again)).await.unwrap_err();
    assert_eq!(error.code(), "exists");
    running.stop().await;
    let error = remote.ask::<Vec<SpaceInfo>>(api::SPACES, NOTHING).await.unwrap_err();
    assert_eq!(error.code(), "server_not_reachable");
    assert_eq!(Remote::of(&folder).unwrap_err().code(), "folder_missing");
}

#[tokio::test]
async fn a_server_with_another_certificate_is_not_spoken_to() {
    let ((_one, folder), (_other, elsewhere)) = (data(), data());
    let (running, other) = (Running::over(&folder).await, Running::over(&elsewhere).await);
    assert_ne!(running.ready.fingerprint, other.ready.fingerprint);
    assert_ne!(running.ready.server, other.ready.server);
    // The other's address, in a folder that has its own certificate.
    let own = fs::read(folder.address()).unwrap();
    fs::write(folder.address(), &other.ready.address).unwrap();
    let remote = Remote::of(&folder).unwrap();
    let error = remote.ask::<Vec<SpaceInfo>>(api::SPACES, NOTHING).await.unwrap_err();
    assert_eq!(error.code(), "server_not_reachable");
    assert!(error.to_string().contains("certificate"), "{error}");
    // The other's certificate with the own token: spoken to, and refused.
    fs::copy(elsewhere.certificate(), folder.certificate()).unwrap();
    let remote = Remote::of(&folder).unwrap();
    let error = remote.ask::<Vec<SpaceInfo>>(api::SPACES, NOTHING).await.unwrap_err();
    assert_eq!(error.code(), "not_an_administrator");
    fs::write(folder.address(), own).unwrap();
    running.stop().await;
    other.stop().await;
}

#[tokio::test]
async fn what_a_start_made_stands_at_the_next() {
    let (_parent, folder) = data();
    let running = Running::over(&folder).await;
    let first = running.ready.clone();
    let remote = Remote::of(&folder).unwrap();
    let machine = Machine::enrol(&folder, 1, &code(&remote).await).await;
    machine.write(1).await;
    running.stop().await;
    let token = folder.read(&folder.administrator_token()).unwrap();
    // A token that was moved away stays good.
    fs::remove_file(folder.administrator_token()).unwrap();
    let running = Running::over(&folder).await;
    assert_eq!((&running.ready.server, &running.ready.fingerprint), (&first.server, &first.fingerprint));
    assert!(!folder.administrator_token().exists());
    assert_eq!(Machine::of(&folder, 1).pull().await.0, 1);
    fs::write(folder.administrator_token(), &token).unwrap();
    let remote = Remote::of(&folder).unwrap();
    assert_eq!(remote.ask::<Vec<SpaceInfo>>(api::SPACES, NOTHING).await.unwrap().len(), 1);
    running.stop().await;
    // Another that was written into its file takes its place; one that is too weak is replaced.
    for (written, stands) in [("another-token-of-forty-characters-or-more", true), ("weak", false)] {
        fs::write(folder.administrator_token(), written).unwrap();
        let running = Running::over(&folder).await;
        let error = remote_with(&folder, &token).ask::<Vec<SpaceInfo>>(api::SPACES, NOTHING).await;
        assert!(error.is_err());
        let now = folder.read(&folder.administrator_token()).unwrap();
        assert_eq!(now == written, stands);
        let spaces: Vec<SpaceInfo> = remote_with(&folder, &now).ask(api::SPACES, NOTHING).await.unwrap();
        assert_eq!(spaces.len(), 1);
        running.stop().await;
    }
}

fn remote_with(folder: &Folder, token: &str) -> Remote {
    let own = tempfile::tempdir().unwrap();
    for name in ["address", "certificate.pem"] {
        fs::copy(folder.path().join(name), own.path().join(name)).unwrap();
    }
    fs::write(own.path().join("administrator-token"), token).unwrap();
    Remote::of(&Folder::new(own.path())).unwrap()
}

#[tokio::test]
async fn a_request_in_progress_is_finished_at_the_stop() {
    let (_parent, folder) = data();
    let loopback = "127.0.0.1:0".parse().unwrap();
    let running = Running::with(Config { http: Some(loopback), ..config(&folder) }).await;
    let address = running.ready.http.clone().unwrap();
    let administrator = folder.read(&folder.administrator_token()).unwrap();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let body = "{\"name\": \"last.db\"}";
    let head = format!(
        "POST /v1/backup HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {administrator}\r\ncontent-type: \
         application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It asks for the body: the request is in progress.
    let mut said = vec![0; 25];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(said, b"HTTP/1.1 100 Continue\r\n\r\n");
    running.stop.send(()).unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    running.serving.await.unwrap();
    inspect(&folder.backups().join("last.db")).unwrap();
    assert!(!folder.address().exists());
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
    // The folder is free, and the store in one file.
    folder.lock().unwrap();
    assert!(!folder.path().join("store.db-wal").exists());
}

#[tokio::test]
async fn what_is_no_tls_and_no_http_does_no_harm() {
    let (_parent, folder) = data();
    let loopback = "127.0.0.1:0".parse().unwrap();
    let running = Running::with(Config { http: Some(loopback), ..config(&folder) }).await;
    for address in [running.ready.address.clone(), running.ready.http.clone().unwrap()] {
        for bytes in
            [&b""[..], b"\0", b"GET / HTTP/1.1\r\n\r\n", b"nonsense \xff\xfe\r\n\r\n", &[0x16; 2_000]]
        {
            let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    }
    let remote = Remote::of(&folder).unwrap();
    assert_eq!(remote.ask::<Vec<SpaceInfo>>(api::SPACES, NOTHING).await.unwrap().len(), 0);
    running.stop().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_started_says_why() {
    let (parent, folder) = data();
    let running = Running::over(&folder).await;
    assert_eq!(refused(config(&folder)).await, "folder_in_use");
    // The second one took nothing from the first.
    assert!(Remote::of(&folder).is_ok());
    let (_other, elsewhere) = data();
    let taken = Config { listen: Some(running.ready.address.clone()), ..config(&elsewhere) };
    assert_eq!(refused(taken).await, "address_in_use");
    running.stop().await;
    // Plain HTTP for others, on whatever address.
    for wrong in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let fresh = parent.path().join("fresh");
        let open = Config { http: Some(wrong.parse().unwrap()), ..Config::new(&fresh) };
        assert_eq!(refused(open).await, "not_loopback");
        assert!(!fresh.exists());
    }
    let unnamed = Config { users: Some(parent.path().join("none.toml")), ..config(&folder) };
    assert_eq!(refused(unnamed).await, "users_unreadable");
    fs::write(folder.users(), "realm = \"office\"\n[[user]]\nname = \"a\"\ngroups = [\"x\"]\n").unwrap();
    let error = Server::open(config(&folder)).await.err().unwrap();
    assert_eq!(error.code(), "users_wrong");
    assert!(error.to_string().contains("line 4"), "{error}");
    fs::write(folder.users(), USERS).unwrap();
    let (certificate, store) = (fs::read(folder.certificate()).unwrap(), fs::read(folder.store()).unwrap());
    fs::write(folder.certificate(), "no certificate").unwrap();
    assert_eq!(refused(config(&folder)).await, "certificate");
    fs::write(folder.certificate(), certificate).unwrap();
    fs::write(folder.store(), "no store ".repeat(1_000)).unwrap();
    assert_eq!(refused(config(&folder)).await, "foreign_store");
    fs::write(folder.store(), store).unwrap();
    // And nothing of that is in the way of the next start.
    Running::over(&folder).await.stop().await;
}

/// Every file of a folder with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

#[tokio::test]
async fn a_whole_store_goes_back_and_its_members_stay() {
    let (_parent, folder) = data();
    let running = Running::over(&folder).await;
    let remote = Remote::of(&folder).unwrap();
    let first = Machine::enrol(&folder, 1, &code(&remote).await).await;
    first.write(1).await;
    first.write(2).await;
    let backup = folder.backups().join(back_up(&remote, "monday.db").await.name);
    // After the backup: more data, another machine, and a code that nobody has used yet.
    first.write(3).await;
    let second = Machine::enrol(&folder, 2, &code(&remote).await).await;
    second.write(1).await;
    let unused = code(&remote).await;
    let (count, before) = second.pull().await;
    assert_eq!(count, 4);
    let error = restore(&folder, &backup, RestoreMode::Rollback).unwrap_err();
    assert_eq!(error.code(), "folder_in_use");
    running.stop().await;
    let identity = folder.read(&folder.administrator_token()).unwrap();

    let mut epochs = vec![before.polled.epoch];
    let mut position = before.polled.position;
    for mode in [RestoreMode::Rollback, RestoreMode::Recover] {
        let done = restore(&folder, &backup, mode).unwrap();
        assert_eq!(done.mode, mode);
        assert!(!epochs.contains(&done.epoch));
        assert_eq!(done.epoch.restores, epochs.last().unwrap().restores + 1);
        epochs.push(done.epoch);
        inspect(&done.replaced.unwrap()).unwrap();
        assert_eq!(folder.read(&folder.administrator_token()).unwrap(), identity);

        let running = Running::over(&folder).await;
        assert_eq!(running.ready.server, before.server);
        let mut reached = 0;
        for machine in [Machine::of(&folder, 1), Machine::of(&folder, 2)] {
            let (count, answer) = machine.pull().await;
            assert_eq!((count, answer.polled.epoch), (2, done.epoch));
            assert!(answer.polled.position > position);
            assert_eq!(answer.moved.len(), 3);
            let Reply::Ok(page) = &answer.spaces[0].reply else { panic!() };
            let lineage = page.lineage.as_ref().unwrap();
            assert_eq!(lineage.len(), 1);
            assert_eq!((lineage[0].epoch, lineage[0].mode), (before.polled.epoch, mode));
            assert_eq!((lineage[0].generation, lineage[0].head), (1, 2));
            // What speaks of the epoch before is told how far both go together.
            let answer = machine
                .sync(|space| (space.epoch, space.generation) = (Some(before.polled.epoch), Some(1)))
                .await;
            let Reply::Epoch { stands, common, shared, rollback } = &answer.spaces[0].reply else {
                panic!("{answer:?}")
            };
            assert_eq!((stands.epoch, stands.head, *common), (done.epoch, 2, 2));
            assert_eq!((*shared, *rollback), (Some(before.polled.epoch), mode == RestoreMode::Rollback));
            reached = answer.polled.position;
        }
        position = reached;
        let remote = Remote::of(&folder).unwrap();
        let machines: Vec<MachineInfo> = remote.ask(api::MACHINES, NOTHING).await.unwrap();
        assert_eq!(machines.iter().map(|machine| machine.spaces.len()).collect::<Vec<_>>(), [3, 3]);
        running.stop().await;
    }
    assert_eq!(fs::read_dir(folder.replaced()).unwrap().count(), 2);
    // A restored store is backed up and restored like any other: the lineage grows.
    let running = Running::over(&folder).await;
    let remote = Remote::of(&folder).unwrap();
    Machine::enrol(&folder, 3, &unused).await.write(1).await;
    let later = folder.backups().join(back_up(&remote, "tuesday.db").await.name);
    running.stop().await;
    restore(&folder, &later, RestoreMode::Rollback).unwrap();
    let running = Running::over(&folder).await;
    let (count, answer) = Machine::of(&folder, 3).pull().await;
    assert_eq!(count, 3);
    let Reply::Ok(page) = &answer.spaces[0].reply else { panic!() };
    let lineage: Vec<_> =
        page.lineage.iter().flatten().map(|past| (past.epoch, past.mode, past.head)).collect();
    assert_eq!(lineage, [(epochs[0], RestoreMode::Recover, 2), (epochs[2], RestoreMode::Rollback, 3)]);
    running.stop().await;
}

#[tokio::test]
async fn what_is_no_backup_leaves_the_folder_as_it_was() {
    let (parent, folder) = data();
    let running = Running::over(&folder).await;
    let remote = Remote::of(&folder).unwrap();
    let machine = Machine::enrol(&folder, 1, &code(&remote).await).await;
    for number in 1..=50 {
        machine.write(number).await;
    }
    let backup = folder.backups().join(back_up(&remote, "monday.db").await.name);
    running.stop().await;
    let whole = fs::read(&backup).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 3..].fill(0xa5);
    let before = files(folder.path());
    let wrong = parent.path().join("wrong.db");
    for (bytes, code) in [
        (&b"no store"[..], "foreign_store"),
        (&b"x".repeat(100_000), "foreign_store"),
        (&damaged, "store_damaged"),
        (&whole[..whole.len() / 2], "store_damaged"),
        (b"", "foreign_store"),
    ] {
        fs::write(&wrong, bytes).unwrap();
        let error = restore(&folder, &wrong, RestoreMode::Recover).unwrap_err();
        assert_eq!(error.code(), code, "{} bytes", bytes.len());
        assert!(files(folder.path()) == before);
    }
    restore(&folder, &parent.path().join("none.db"), RestoreMode::Recover).unwrap_err();
    restore(&folder, folder.path(), RestoreMode::Recover).unwrap_err();
    assert!(files(folder.path()) == before);
    assert!(!parent.path().join("none.db").exists());
    restore(&folder, &backup, RestoreMode::Recover).unwrap();
    assert_eq!(fs::read(&backup).unwrap(), whole);
}

#[tokio::test]
async fn a_lost_store_comes_back_with_the_members_of_the_backup() {
    let (parent, folder) = data();
    let running = Running::over(&folder).await;
    let remote = Remote::of(&folder).unwrap();
    Machine::enrol(&folder, 1, &code(&remote).await).await.write(1).await;
    let made = back_up(&remote, "monday.db").await;
    let kept = parent.path().join("kept.db");
    fs::copy(folder.backups().join(made.name), &kept).unwrap();
    Machine::enrol(&folder, 2, &code(&remote).await).await.write(1).await;
    let server = running.ready.server;
    running.stop().await;
    for unreadable in [false, true] {
        if unreadable {
            fs::write(folder.store(), "no store ".repeat(1_000)).unwrap();
        } else {
            fs::remove_file(folder.store()).unwrap();
        }
        let done = restore(&folder, &kept, RestoreMode::Recover).unwrap();
        assert_eq!(done.replaced.is_some(), unreadable);
        let running = Running::over(&folder).await;
        assert_eq!(running.ready.server, server);
        let (count, answer) = Machine::of(&folder, 1).pull().await;
        assert_eq!((count, answer.polled.epoch), (1, done.epoch));
        // Who enrolled after the backup is not known any more, and enrols again.
        let stranger = Machine::of(&folder, 2).remote;
        let login = LoginRequest { user: "alice".into() };
        let error = stranger.ask::<Membership>(api::LOGIN, Some(&login)).await.unwrap_err();
        assert_eq!(error.code(), "unauthorized");
        Machine::enrol(&folder, 2, &code(&Remote::of(&folder).unwrap()).await).await.write(1).await;
        running.stop().await;
    }
}
