//! A whole server over a data folder: open, say where, serve, close.

use crate::{
    auth,
    directory::{DirectoryError, FileDirectory, TEMPLATE},
    folder::{Folder, FolderError, Lock, write_whole},
    http::{DistributionSettings, Interface, KEEP_DELETIONS, Parts, serve},
    store::{SqliteOptions, SqliteStore, Store, StoreError},
    tls::{Identity, TlsError},
};
use core::{future::Future, time::Duration};
use serde::Serialize;
use std::{io, net::SocketAddr, path::PathBuf, sync::Arc};
use sync_core::{
    id::ServerId,
    protocol::{Limits, TokenProof},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_rustls::TlsAcceptor;

/// How often what is to be forgotten is looked for: distributions, deletions.
const FORGET: Duration = Duration::from_secs(3_600);
/// How often the directory is looked at.
const LOOK: Duration = Duration::from_secs(2);
/// The note that keeps the proof of the administrator's token.
pub(crate) const ADMINISTRATOR_NOTE: &str = "administrator";

/// What a server is started with.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data folder.
    pub data: PathBuf,
    /// Where to listen with TLS, as `HOST:PORT`; by default every address of this host, port 8443.
    pub listen: Option<String>,
    /// Where to listen without TLS; a loopback address.
    pub http: Option<SocketAddr>,
    /// The file of users and groups; `users.toml` of the data folder by default.
    pub users: Option<PathBuf>,
    /// The limits of rule 10.
    pub limits: Limits,
    /// How patient it is with distributions.
    pub distributions: DistributionSettings,
    /// How long deletions are remembered at least.
    pub keep_deletions: Duration,
}

impl Config {
    /// A server over a data folder with the defaults.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            data: data.into(),
            listen: None,
            http: None,
            users: None,
            limits: Limits::default(),
            distributions: DistributionSettings::default(),
            keep_deletions: KEEP_DELETIONS,
        }
    }
}

/// Where a server can be reached, once it can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// Where to reach it with TLS, as `HOST:PORT`.
    pub address: String,
    /// Where to reach it without, if at all.
    pub http: Option<String>,
    /// SHA-256 of its certificate.
    pub fingerprint: String,
    /// Its identity.
    pub server: ServerId,
    /// Its data folder.
    pub data: PathBuf,
}

/// A server cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The certificate.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Users and groups.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The address.
    #[error("cannot listen on {address} ({source}): choose another with --listen")]
    Listen {
        /// Where.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Plain HTTP was asked for on an address that others reach.
    #[error("plain HTTP is served on a loopback address alone, and {0} is none: use --listen for others")]
    NotLoopback(SocketAddr),
    /// The system has no random bytes.
    #[error("the system has no random bytes: {0}")]
    Random(io::Error),
}

impl ServerError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Folder(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Tls(_) => "certificate",
            Self::Directory(error) => error.code(),
            Self::Listen { .. } => "address_in_use",
            Self::NotLoopback(_) => "not_loopback",
            Self::Random(_) => "no_random_bytes",
        }
    }
}

/// A server that is open and listens; [`Server::serve`] answers.
pub struct Server {
    interface: Arc<Interface<SqliteStore>>,
    listener: TcpListener,
    tls: TlsAcceptor,
    http: Option<TcpListener>,
    ready: Ready,
    folder: Folder,
    _lock: Lock,
}

impl Server {
    /// Takes the data folder, makes what a first start makes (certificate, administrator's token, store), and listens.
    ///
    /// # Errors
    /// [`ServerError`].
    pub async fn open(config: Config) -> Result<Self, ServerError> {
        if let Some(http) = config.http.filter(|http| !http.ip().is_loopback()) {
            return Err(ServerError::NotLoopback(http));
        }
        let folder = Folder::new(&config.data);
        let lock = folder.lock()?;
        let users = config.users.clone().unwrap_or_else(|| folder.users());
        if config.users.is_none() && !users.exists() {
            write_whole(&users, TEMPLATE, false)?;
        }
        let directory = Arc::new(FileDirectory::open(&users)?);
        let identity = Identity::open(&folder)?;
        let tls = TlsAcceptor::from(identity.server_config()?);
        let listener = listen(config.listen.as_deref()).await?;
        let http = match config.http {
            None => None,
            Some(address) => Some(bind(&address.to_string()).await?),
        };
        let options = SqliteOptions { limits: config.limits, ..SqliteOptions::default() };
        let store = SqliteStore::open(&folder.store(), options)?;
        let administrator = administrator(&folder, &store).await?;
        let address_of = |listener: &TcpListener| {
            listener.local_addr().map_err(|source| ServerError::Listen { address: String::new(), source })
        };
        let bound = address_of(&listener)?;
        let ready = Ready {
            address: if bound.ip().is_unspecified() {
                format!("localhost:{}", bound.port())
            } else {
                bound.to_string()
            },
            http: match &http {
                None => None,
                Some(http) => Some(address_of(http)?.to_string()),
            },
            fingerprint: identity.fingerprint(),
            server: store.server(),
            data: config.data,
        };
        let parts = Parts {
            directory,
            administrator,
            fingerprint: identity.fingerprint(),
            backups: folder.backups(),
        };
        let interface = Arc::new(
            Interface::new(store, parts)
                .with_distributions(config.distributions)
                .with_deletions_kept(config.keep_deletions),
        );
        interface.align().await?;
        interface.all_hear_of_scopes().await?;
        write_whole(&folder.address(), &format!("{}\n", ready.address), false)?;
        Ok(Self { interface, listener, tls, http, ready, folder, _lock: lock })
    }

    /// Where it can be reached.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Serves until `stop` is over; then stops accepting, finishes what is in progress, and closes the store.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let (stopping, stopped) = watch::channel(false);
        let mut tasks = vec![tokio::spawn(serve(
            Arc::clone(&self.interface),
            self.listener,
            Some(self.tls),
            stopped.clone(),
        ))];
        tasks.extend(self.http.map(|listener| {
            let interface = Arc::clone(&self.interface);
            tokio::spawn(serve(interface, listener, None, stopped.clone()))
        }));
        let looking = tokio::spawn({
            let interface = Arc::clone(&self.interface);
            async move {
                loop {
                    tokio::time::sleep(LOOK).await;
                    interface.look_at_directory().await;
                }
            }
        });
        let forgetting = tokio::spawn({
            let interface = Arc::clone(&self.interface);
            async move {
                loop {
                    interface.forget_distributions().await;
                    interface.forget_deletions().await;
                    tokio::time::sleep(FORGET).await;
                }
            }
        });
        stop.await;
        tracing::info!("stopping");
        let _ = stopping.send(true);
        self.interface.stop_waiting();
        for task in tasks {
            let _ = task.await;
        }
        looking.abort();
        forgetting.abort();
        self.interface.store().close().await;
        let _ = std::fs::remove_file(self.folder.address());
    }
}

/// Every address of this host, so that `localhost` reaches it over IPv6 and IPv4 alike; where the host has no IPv6,
/// IPv4 alone.
async fn listen(address: Option<&str>) -> Result<TcpListener, ServerError> {
    let Some(address) = address else {
        return match bind("[::]:8443").await {
            Err(ServerError::Listen { source, .. }) if source.kind() != io::ErrorKind::AddrInUse => {
                bind("0.0.0.0:8443").await
            }
            other => other,
        };
    };
    bind(address).await
}

async fn bind(address: &str) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError::Listen { address: address.into(), source })
}

/// The proof of the administrator's token. While the file is there it is the authority, so that an operator who lost
/// the token writes another into it; where it was moved away the proof alone stands.
async fn administrator(folder: &Folder, store: &SqliteStore) -> Result<TokenProof, ServerError> {
    let kept = store.note(ADMINISTRATOR_NOTE).await?;
    let kept: Option<TokenProof> = kept.and_then(|note| serde_json::from_str(&note).ok());
    let path = folder.administrator_token();
    let token = match (folder.read(&path), kept) {
        (Ok(token), Some(kept)) if auth::verify(&kept, &token) => return Ok(kept),
        (Ok(token), _) if auth::is_token(&token) => token,
        (Err(FolderError::Missing(_)), Some(kept)) => return Ok(kept),
        (Ok(_) | Err(FolderError::Missing(_)), _) => {
            let token = auth::draw_token().map_err(ServerError::Random)?;
            write_whole(&path, &format!("{token}\n"), true)?;
            token
        }
        (Err(error), _) => return Err(error.into()),
    };
    let proof = auth::prove(&token).map_err(ServerError::Random)?;
    let note = serde_json::to_string(&proof).map_err(|error| StoreError::Row(error.to_string()))?;
    store.keep_note(ADMINISTRATOR_NOTE, note).await?;
    Ok(proof)
}
