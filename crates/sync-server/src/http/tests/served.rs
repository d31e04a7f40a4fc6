//! An interface over a fresh store, with a directory of three people, and short words for asking it.

use super::super::{Interface, Parts};
use crate::{
    auth,
    directory::FileDirectory,
    store::{MemoryStore, SpaceContent, SqliteOptions, SqliteStore, Store},
};
use bytes::Bytes;
use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Request, body::Frame};
use serde::{Serialize, de::DeserializeOwned};
use std::{path::PathBuf, sync::Arc};
use sync_core::{
    api::{self, Caller, CodeAnswer, CodeRequest, MachineInfo, Route, SnapshotInfo, SpaceInfo},
    change::{Author, Change, Context as Seen, Operation},
    id::{Epoch, Incarnation, MachineId, Opening, RecordId, ServerId},
    protocol::{
        EnrollRequest, Enrolled, LoginRequest, MEDIA_TYPE, MEDIA_TYPE_JSON, Membership, Problem,
        SpaceRequest, SyncAnswer, SyncRequest,
    },
    server::{Login, Scope, StoreHead},
    sharing::is_read_only,
    space::SpaceName,
    time::Timestamp,
    value::Value,
    wire,
};
use uuid::Uuid;

pub(super) const ADMINISTRATOR: &str = "the administrator's token, which is long";

pub(super) const USERS: &str = "realm = \"office\"
[[group]]
id = \"sales\"
[[group]]
id = \"lab\"
[[user]]
name = \"alice\"
groups = [\"sales\"]
[[user]]
name = \"bob\"
groups = [\"lab\"]
[[user]]
name = \"carol\"
groups = [\"sales\", \"lab\"]
";

pub(super) fn user(name: &str) -> SpaceName {
    SpaceName::user("office", name)
}

pub(super) fn group(id: &str) -> SpaceName {
    SpaceName::group("office", id)
}

pub(super) fn machine(n: u128) -> MachineId {
    MachineId(Uuid::from_u128(n))
}

pub(super) fn token(n: u128) -> String {
    format!("the-token-of-machine-{n}-which-is-long-enough")
}

/// A request with a poll and nothing else.
pub(super) fn poll() -> SyncRequest {
    SyncRequest {
        opening: Opening(Uuid::from_u128(1)),
        incarnation: Incarnation(Uuid::from_u128(2)),
        polled: None,
        person: None,
        asks: Vec::new(),
        spaces: Vec::new(),
        limit: 0,
    }
}

pub(super) fn change(number: u64, record: u128, value: &str) -> Change {
    Change {
        id: (Incarnation(Uuid::from_u128(2)), number).into(),
        record: RecordId(Uuid::from_u128(record)),
        context: Seen::default(),
        operation: Operation::Edit([("name".to_string(), Some(Value::from(value)))].into()),
        author: Author::default(),
    }
}

pub(super) fn of_space(space: SpaceName, changes: Vec<Change>) -> SpaceRequest {
    SpaceRequest { changes, ..SpaceRequest::new(space) }
}

pub(super) fn push(space: SpaceName, changes: Vec<Change>) -> SyncRequest {
    SyncRequest { spaces: vec![of_space(space, changes)], ..poll() }
}

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answered {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The refusal, which says the same status as the head does.
    pub(super) fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), "application/problem+json", "{self:?}");
        let problem: Problem = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(problem.status, self.status);
        assert!(!problem.title.is_empty() && !problem.detail.is_empty(), "{problem:?}");
        assert!(problem.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{problem:?}");
        problem
    }

    pub(super) fn code(&self) -> String {
        self.problem().code
    }
}

/// Everything that a request could have changed.
#[derive(Debug, PartialEq)]
pub(super) struct Picture {
    head: StoreHead,
    machines: usize,
    spaces: Vec<SpaceInfo>,
    content: Vec<SpaceContent>,
    snapshots: Vec<SnapshotInfo>,
    logins: Vec<Login>,
    members: Vec<Vec<SpaceName>>,
}

pub(super) struct Served<S> {
    pub(super) interface: Arc<Interface<S>>,
    pub(super) folder: tempfile::TempDir,
}

fn fresh() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("users.toml"), USERS).unwrap();
    folder
}

impl Served<MemoryStore> {
    pub(super) fn new() -> Self {
        let epoch = Epoch { restores: 0, draw: Uuid::from_u128(0xe) };
        let head = StoreHead { epoch, lineage: Vec::new(), position: 0 };
        Self::over(fresh(), |_| MemoryStore::new(ServerId(Uuid::from_u128(5)), head, Default::default()))
    }
}

impl Served<SqliteStore> {
    pub(super) fn durable() -> Self {
        Self::again(fresh())
    }

    /// Over what another left in its folder.
    pub(super) fn again(folder: tempfile::TempDir) -> Self {
        Self::over(folder, |path| {
            SqliteStore::open(&path.join("store.db"), SqliteOptions::default()).unwrap()
        })
    }
}

impl<S: Store> Served<S> {
    fn over(folder: tempfile::TempDir, store: impl FnOnce(PathBuf) -> S) -> Self {
        let users = folder.path().join("users.toml");
        let parts = Parts {
            directory: Arc::new(FileDirectory::open(&users).unwrap()),
            administrator: auth::prove(ADMINISTRATOR).unwrap(),
            fingerprint: "00".repeat(32),
            backups: folder.path().join("backups"),
        };
        Self { interface: Arc::new(Interface::new(store(folder.path().to_path_buf()), parts)), folder }
    }

    pub(super) fn backups(&self) -> PathBuf {
        self.folder.path().join("backups")
    }

    /// Sends what is given, as it is.
    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answered {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.answered(request.body(Full::new(body.into())).unwrap()).await
    }

    pub(super) async fn answered<B>(&self, request: Request<B>) -> Answered
    where
        B: hyper::body::Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let response = self.interface.handle(request).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answered { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// Sends bytes in a form to a route, as its rightful caller: machine `n`, with the administrator where it needs one.
    pub(super) async fn bytes(&self, route: Route, n: u128, form: &str, body: impl Into<Bytes>) -> Answered {
        let machine = format!("Bearer {}", token(n));
        let administrator = format!("Bearer {ADMINISTRATOR}");
        let mut headers = vec![("content-type", form)];
        match route.caller {
            Caller::Anyone => {}
            Caller::Machine => headers.push(("authorization", &machine)),
            Caller::MachineWithAdministrator => {
                headers.extend([
                    ("authorization", machine.as_str()),
                    (api::ADMINISTRATOR_HEADER, ADMINISTRATOR),
                ]);
            }
            Caller::Administrator => headers.push(("authorization", &administrator)),
        }
        self.send(route.method, route.path, &headers, body).await
    }

    /// Asks in JSON.
    pub(super) async fn ask(&self, route: Route, n: u128, message: &impl Serialize) -> Answered {
        self.bytes(route, n, MEDIA_TYPE_JSON, serde_json::to_vec(message).unwrap()).await
    }

    /// Asks in JSON, and is answered.
    pub(super) async fn told<T: DeserializeOwned>(
        &self,
        route: Route,
        n: u128,
        message: &impl Serialize,
    ) -> T {
        let answered = self.ask(route, n, message).await;
        assert_eq!(answered.status, 200, "{answered:?}");
        assert_eq!(answered.header("content-type"), MEDIA_TYPE_JSON);
        serde_json::from_slice(&answered.body).unwrap()
    }

    /// Asks in MessagePack, and is answered.
    pub(super) async fn packed<T: DeserializeOwned>(
        &self,
        route: Route,
        n: u128,
        message: &impl Serialize,
    ) -> T {
        let answered = self.bytes(route, n, MEDIA_TYPE, wire::encode(message).unwrap()).await;
        assert_eq!(answered.status, 200, "{answered:?}");
        assert_eq!(answered.header("content-type"), MEDIA_TYPE);
        wire::decode(&answered.body).unwrap()
    }

    /// Asks in JSON, and is refused with a code and a status; nothing was changed.
    pub(super) async fn refused(&self, route: Route, n: u128, message: &impl Serialize) -> (u16, String) {
        let before = self.picture().await;
        let answered = self.ask(route, n, message).await;
        let problem = answered.problem();
        assert_eq!(self.picture().await, before);
        (problem.status, problem.code)
    }

    pub(super) async fn code(&self, scope: Scope) -> CodeAnswer {
        self.told(api::CODES, 0, &CodeRequest { scope, valid_for: 60 }).await
    }

    pub(super) fn enrolment(code: &str, n: u128) -> EnrollRequest {
        EnrollRequest {
            code: code.into(),
            machine: machine(n),
            token: token(n),
            name: format!("Machine {n}"),
        }
    }

    pub(super) async fn enrol(&self, n: u128, scope: Scope) -> Enrolled {
        let code = self.code(scope).await.code;
        self.told(api::ENROLL, n, &Self::enrolment(&code, n)).await
    }

    pub(super) async fn login(&self, n: u128, user: &str) -> Vec<SpaceName> {
        let membership: Membership = self.told(api::LOGIN, n, &LoginRequest { user: user.into() }).await;
        membership.spaces
    }

    pub(super) async fn sync(&self, n: u128, request: &SyncRequest) -> SyncAnswer {
        self.packed(api::SYNC, n, request).await
    }

    /// The spaces that a machine is a member of, beside that of the sharing scopes, which every machine has.
    pub(super) async fn members(&self, n: u128) -> Vec<SpaceName> {
        let machines: Vec<MachineInfo> = self.told(api::MACHINES, 0, &()).await;
        let mut spaces =
            machines.into_iter().find(|info| info.machine == machine(n)).map(|info| info.spaces).unwrap();
        let before = spaces.len();
        spaces.retain(|space| !is_read_only(space));
        assert_eq!(before, spaces.len() + 1);
        spaces
    }

    pub(super) async fn picture(&self) -> Picture {
        let store = self.interface.store();
        let mut content = Vec::new();
        for space in [user("alice"), user("bob"), group("sales")] {
            content.push(store.space(space).await.unwrap());
        }
        let (head, machines, members) = store.known(|known| {
            let members = known.machines().keys().map(|id| {
                let head = known.heads().machine(*id).into_iter().flat_map(|head| &head.members);
                head.filter(|(_, member)| member.present).map(|(space, _)| space.clone()).collect()
            });
            (known.heads().store().clone(), known.machines().len(), members.collect())
        });
        Picture {
            head,
            machines,
            spaces: store.spaces().await.unwrap(),
            content,
            snapshots: store.snapshots().await.unwrap(),
            logins: store.logins().await.unwrap(),
            members,
        }
    }

    /// A machine with everything Alice has, and one record of hers.
    pub(super) async fn with_alice(self) -> Self {
        self.enrol(1, Scope::All).await;
        self.login(1, "alice").await;
        self.sync(1, &push(user("alice"), vec![change(1, 1, "Front desk")])).await;
        self
    }
}

/// A body that does not say how long it is: pieces, and then its end, a failure, or nothing for ever.
pub(super) struct Pieces {
    pub(super) left: Vec<Bytes>,
    pub(super) then: Then,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Then {
    Ends,
    Fails,
    Waits,
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match (self.left.pop(), self.then) {
            (Some(piece), _) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            (None, Then::Ends) => Poll::Ready(None),
            (None, Then::Fails) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            (None, Then::Waits) => Poll::Pending,
        }
    }
}

/// Polls once.
pub(super) fn once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

pub(super) fn timestamp(milliseconds: i64) -> Timestamp {
    Timestamp(milliseconds)
}
