//! The HTTP interface over a store: the table `sync_core::api::ROUTES`, who may call what, and what each path does.
//!
//! [`Interface::handle`] takes a request and gives the response; it knows no sockets. [`serve`](self::serve()) brings
//! it connections.

mod administration;
mod distributed_file;
mod distribution;
mod forgetting;
mod machine;
mod membership;
mod message;
mod procedure;
mod serve;
mod sharing;
#[cfg(test)]
mod tests;
mod wait;

pub use distribution::DistributionSettings;
pub use forgetting::KEEP_DELETIONS;
pub use message::MEDIA_TYPE_PROBLEM;
pub use serve::serve;

use crate::{auth, clock, directory::Directory, store::Store};
use bytes::Bytes;
use core::{
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, AtomicU64},
    time::Duration,
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::{HeaderMap, Method, Request, Response, body::Body, header::AUTHORIZATION, http::request};
use message::{Form, allow, from_store, problem, respond};
use std::{path::PathBuf, sync::Arc};
use sync_core::{
    api::{self, Caller, Health, Route},
    distribution::DistributionRequest,
    id::MachineId,
    protocol::{Problem, TokenProof},
};
use tokio::sync::{Mutex, Semaphore};

/// The largest body that is read, but for the order of a distribution, which carries its file.
pub const MAX_BODY: usize = 8 << 20;
/// Bodies above this share [`BODY_BUDGET`]; smaller ones are bounded by the number of connections. A caller who has not
/// proved anything gets no more.
const SMALL_BODY: usize = 64 << 10;
/// How many KiB of large bodies may be in memory at once.
const BODY_BUDGET: usize = 256 << 10;
/// How long a request may take, its body included.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long one may take that copies or reads a whole store.
const LONG_DEADLINE: Duration = Duration::from_secs(900);
/// How much of a refused request's body is still read, and for how long.
const REST: (usize, Duration) = (2 * MAX_BODY, Duration::from_secs(2));

/// The interface of one server.
pub struct Interface<S> {
    store: S,
    directory: Arc<dyn Directory>,
    administrator: TokenProof,
    fingerprint: String,
    backups: PathBuf,
    /// Memberships are computed from what stands: one at a time.
    aligning: Mutex<()>,
    /// How often the people have changed.
    changes: Arc<AtomicU64>,
    /// With which of these changes the memberships are level.
    level: AtomicU64,
    /// Why the directory could not be read the last time it was looked at.
    complaint: parking_lot::Mutex<Option<String>>,
    /// One backup at a time.
    backing_up: Mutex<()>,
    distributions: DistributionSettings,
    /// How long deletions are remembered.
    keep_deletions: Duration,
    /// The steps of procedures that are being done.
    steps: procedure::Running,
    bodies: Semaphore,
    /// The server stops: nobody is let wait any more.
    stops: AtomicBool,
}

/// What an interface needs beside its store.
pub struct Parts {
    /// Users and groups.
    pub directory: Arc<dyn Directory>,
    /// What proves the administrator's token.
    pub administrator: TokenProof,
    /// SHA-256 of the server's certificate.
    pub fingerprint: String,
    /// The folder of backups.
    pub backups: PathBuf,
}

/// Who calls, proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Anyone,
    Machine(MachineId),
    Administrator,
}

impl<S: Store> Interface<S> {
    /// The interface over a store.
    #[must_use]
    pub fn new(store: S, parts: Parts) -> Self {
        Self {
            store,
            directory: parts.directory,
            administrator: parts.administrator,
            fingerprint: parts.fingerprint,
            backups: parts.backups,
            aligning: Mutex::new(()),
            changes: Arc::new(AtomicU64::new(0)),
            level: AtomicU64::new(0),
            complaint: parking_lot::Mutex::new(None),
            backing_up: Mutex::new(()),
            distributions: DistributionSettings::default(),
            keep_deletions: KEEP_DELETIONS,
            steps: procedure::Running::default(),
            bodies: Semaphore::new(BODY_BUDGET),
            stops: AtomicBool::new(false),
        }
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Answers one request. Whatever was sent, the answer is a message or a [`Problem`].
    pub async fn handle<B>(self: &Arc<Self>, request: Request<B>) -> Response<Full<Bytes>>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        let mut body = pin!(body);
        let route = match find(&head.method, head.uri.path()) {
            Ok(route) => route,
            Err((problem, allowed)) => {
                let_go(body).await;
                let mut response = respond(&problem);
                if let Some((name, value)) = allow(&allowed) {
                    response.headers_mut().insert(name, value);
                }
                return response;
            }
        };
        let deadline = match *route {
            api::BACKUP | api::PROCEDURE | api::BRING_BACK | api::DISTRIBUTE => LONG_DEADLINE,
            _ => DEADLINE,
        };
        match tokio::time::timeout(deadline, self.answer(route, &head, body.as_mut())).await {
            Ok(Ok(response)) => response,
            Ok(Err(problem)) => {
                let_go(body).await;
                tracing::debug!(path = route.path, code = problem.code, detail = problem.detail, "refused");
                respond(&problem)
            }
            Err(_) => respond(&problem(
                503,
                "deadline",
                "the request took too long",
                "try again: what was written before is a repeat then",
            )),
        }
    }

    async fn answer<B>(
        self: &Arc<Self>,
        route: &Route,
        head: &request::Parts,
        body: Pin<&mut B>,
    ) -> Result<Response<Full<Bytes>>, Problem>
    where
        B: Body + Send,
        B::Data: Send,
        B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
    {
        self.store.refresh().await.map_err(|e| from_store(&e))?;
        let who = self.authorize(route.caller, &head.headers)?;
        let given = if route.method == "GET" { Form::Json } else { Form::of_request(&head.headers)? };
        let wanted = Form::of_answer(&head.headers, given)?;
        let most = match *route {
            _ if who == Who::Anyone => SMALL_BODY,
            api::DISTRIBUTE => distribution::MAX_ORDER,
            _ => MAX_BODY,
        };
        let budget = match usize::try_from(body.size_hint().lower()) {
            Ok(0..=SMALL_BODY) if body.size_hint().exact().is_some() || most == SMALL_BODY => None,
            Ok(lower) if lower <= most => {
                let upper = body.size_hint().exact().map_or(most, |_| lower);
                let kib = u32::try_from(upper.div_ceil(1024)).unwrap_or(u32::MAX);
                Some(self.bodies.try_acquire_many(kib).map_err(|_| {
                    problem(503, "busy", "too many large requests at once", "try again in a moment")
                })?)
            }
            _ => return Err(too_large(most)),
        };
        let body = read_body(body, most).await?;
        let response = self.dispatch(route, who, given, wanted, &body).await;
        drop(budget);
        response
    }

    async fn dispatch(
        self: &Arc<Self>,
        route: &Route,
        who: Who,
        given: Form,
        wanted: Form,
        body: &[u8],
    ) -> Result<Response<Full<Bytes>>, Problem> {
        match (*route, who) {
            (api::SYNC, Who::Machine(machine)) => {
                wanted.encode(&self.sync(machine, given.decode(body)?).await?)
            }
            (api::WAIT, Who::Machine(machine)) => {
                wanted.encode(&self.wait(machine, given.decode(body)?).await)
            }
            (api::LOGIN, Who::Machine(machine)) => {
                wanted.encode(&self.login(machine, given.decode(body)?).await?)
            }
            (api::JOIN, Who::Machine(machine)) => {
                wanted.encode(&self.join(machine, given.decode(body)?).await?)
            }
            (api::WITHIN_ENROLMENT, Who::Machine(machine)) => {
                wanted.encode(&self.held_within_enrolment(machine).await?)
            }
            (api::PROCEDURE, Who::Machine(machine)) => {
                wanted.encode(&self.procedure(machine, given.decode(body)?).await?)
            }
            (api::ENROLL, Who::Anyone) => wanted.encode(&self.enroll(given.decode(body)?).await?),
            (api::HEALTH, _) | (api::ADMINISTRATOR, Who::Administrator) => wanted.encode(&Health {
                status: "ok".into(),
                version: env!("CARGO_PKG_VERSION").into(),
                realm: self.directory.realm(),
            }),
            (api::END_PROCEDURE, Who::Administrator) => {
                wanted.encode(&self.end_procedure(given.decode(body)?).await?)
            }
            (api::CODES, Who::Administrator) => wanted.encode(&self.make_code(given.decode(body)?).await?),
            (api::MACHINES, Who::Administrator) => wanted.encode(&self.machines()),
            (api::SPACES, Who::Administrator) => {
                wanted.encode(&self.store.spaces().await.map_err(|error| from_store(&error))?)
            }
            (api::SNAPSHOTS, Who::Administrator) => {
                wanted.encode(&self.store.snapshots().await.map_err(|error| from_store(&error))?)
            }
            (api::SHARING_SCOPES, Who::Administrator) => wanted.encode(&self.sharing_scopes().await?),
            (api::SET_SHARING_SCOPE, Who::Administrator) => {
                wanted.encode(&self.set_sharing_scope(given.decode(body)?).await?)
            }
            (api::REMOVE_MACHINE, Who::Administrator) => {
                wanted.encode(&self.remove_machine(given.decode(body)?).await?)
            }
            (api::DELETE, Who::Administrator) => wanted.encode(&self.delete(given.decode(body)?).await?),
            (api::BACKUP, Who::Administrator) => wanted.encode(&self.backup(given.decode(body)?).await?),
            (api::BRING_BACK, Who::Administrator) => {
                wanted.encode(&self.bring_back(given.decode(body)?).await?)
            }
            (api::DISTRIBUTE, Who::Administrator) => {
                wanted.encode(&self.distribute(given.decode(body)?).await?)
            }
            (api::DISTRIBUTIONS, Who::Administrator) => wanted.encode(&self.distributions().await?),
            (api::DISTRIBUTION, Who::Administrator) => {
                let DistributionRequest { distribution } = given.decode(body)?;
                wanted.encode(&self.distribution_report(distribution).await?)
            }
            (api::END_DISTRIBUTION, Who::Administrator) => {
                wanted.encode(&self.end_distribution(given.decode(body)?).await?)
            }
            (api::DELIVERIES, Who::Machine(machine)) => wanted.encode(&self.deliveries(machine).await?),
            (api::DELIVERY_FILE, Who::Machine(machine)) => {
                wanted.encode(&self.delivery_file(machine, given.decode(body)?).await?)
            }
            (api::DELIVERY_REPORT, Who::Machine(machine)) => {
                wanted.encode(&self.delivery_report(machine, given.decode(body)?).await?)
            }
            _ => Err(unknown_path()),
        }
    }

    fn authorize(&self, caller: Caller, headers: &HeaderMap) -> Result<Who, Problem> {
        match caller {
            Caller::Anyone => Ok(Who::Anyone),
            Caller::Machine => self.machine_of(headers),
            Caller::MachineWithAdministrator => {
                let machine = self.machine_of(headers)?;
                let token = headers.get(api::ADMINISTRATOR_HEADER).and_then(|value| value.to_str().ok());
                self.administrator(token)?;
                Ok(machine)
            }
            Caller::Administrator => {
                self.administrator(bearer(headers))?;
                Ok(Who::Administrator)
            }
        }
    }

    fn machine_of(&self, headers: &HeaderMap) -> Result<Who, Problem> {
        let hash = bearer(headers).map(auth::hash);
        let now = clock::now();
        hash.and_then(|hash| self.store.known(|known| known.authenticate(&hash, now)))
            .map(Who::Machine)
            .ok_or_else(|| {
                problem(
                    401,
                    "unauthorized",
                    "the machine is not known by this token",
                    "enrol the machine, and send its token as Authorization: Bearer",
                )
            })
    }

    fn administrator(&self, token: Option<&str>) -> Result<(), Problem> {
        if token.is_some_and(|token| auth::verify(&self.administrator, token)) {
            return Ok(());
        }
        Err(problem(
            401,
            "not_an_administrator",
            "this needs an administrator",
            "use the token in the file administrator-token of the server's data folder",
        ))
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The route of a request, or the refusal with the methods that the path allows.
fn find(method: &Method, path: &str) -> Result<&'static Route, (Problem, String)> {
    let mut allowed = Vec::new();
    for route in api::ROUTES.iter().filter(|route| route.path == path) {
        if route.method == method.as_str() {
            return Ok(route);
        }
        allowed.push(route.method);
    }
    if allowed.is_empty() {
        return Err((unknown_path(), String::new()));
    }
    let allowed = allowed.join(", ");
    Err((
        problem(405, "method_not_allowed", "the path does not take this method", &format!("use {allowed}")),
        allowed,
    ))
}

fn unknown_path() -> Problem {
    problem(404, "not_found", "there is no such path", "see the list of paths in the documentation")
}

fn too_large(most: usize) -> Problem {
    problem(413, "too_large", "the body is too large", &format!("send at most {most} bytes in one request"))
}

/// Reads on, and forgets, what a refused request still sends. A client that is answered while it sends takes that for a
/// broken connection (over HTTP/2, curl does), and never sees why it was refused.
async fn let_go<B>(body: Pin<&mut B>)
where
    B: Body,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    let (most, time) = REST;
    let mut rest = Limited::new(body, most);
    let read = async { while let Some(Ok(_)) = rest.frame().await {} };
    let _ = tokio::time::timeout(time, read).await;
}

async fn read_body<B>(body: Pin<&mut B>, most: usize) -> Result<Bytes, Problem>
where
    B: Body + Send,
    B::Error: Into<Box<dyn core::error::Error + Send + Sync>>,
{
    let limited = Limited::new(body, most);
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => Err(too_large(most)),
        Err(_) => Err(problem(400, "malformed", "the body ended too early", "send the whole message again")),
    }
}
