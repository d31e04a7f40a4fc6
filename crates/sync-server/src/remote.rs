//! The administrator's side of the HTTP interface: what the command line says to the running server.

use crate::folder::{Folder, FolderError};
use bytes::Bytes;
use core::time::Duration;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE},
};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;
use sync_core::{
    api::Route,
    protocol::{MEDIA_TYPE, MEDIA_TYPE_JSON, Problem},
    wire,
};

/// The largest answer that is read.
const MAX_ANSWER: usize = 64 << 20;
/// How long an answer may take; a backup copies the whole store.
const PATIENCE: Duration = Duration::from_secs(900);

/// The server could not be asked, or refused.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The data folder does not say where the server is.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The certificate of the data folder cannot be used.
    #[error("the certificate of the data folder cannot be used ({0}): is this the server's own folder?")]
    Certificate(String),
    /// It does not answer.
    #[error("the server at {address} does not answer ({reason}): is it running?")]
    Unreachable {
        /// Where it should be.
        address: String,
        /// What came of it.
        reason: String,
    },
    /// It refused.
    #[error(transparent)]
    Refused(#[from] Problem),
    /// Its answer makes no sense.
    #[error("the answer cannot be read ({0}): is this the same version of the program?")]
    Answer(String),
}

impl RemoteError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Folder(error) => error.code(),
            Self::Certificate(_) => "certificate",
            Self::Unreachable { .. } => "server_not_reachable",
            Self::Refused(problem) => &problem.code,
            Self::Answer(_) => "unreadable_answer",
        }
    }
}

/// The running server of a data folder, asked with the folder's token; its certificate must be the folder's.
#[derive(Debug)]
pub struct Remote {
    address: String,
    token: String,
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Remote {
    /// The server of a data folder.
    ///
    /// # Errors
    /// Where the folder does not say where it is, or how to prove who asks.
    pub fn of(folder: &Folder) -> Result<Self, RemoteError> {
        let address = folder.read(&folder.address())?;
        let token = folder.read(&folder.administrator_token())?;
        let pem = folder.read(&folder.certificate())?;
        let wrong = |error: &dyn core::fmt::Display| RemoteError::Certificate(error.to_string());
        let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|e| wrong(&e))?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate).map_err(|e| wrong(&e))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| wrong(&e))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(Duration::from_secs(5)));
        // The certificate names localhost, wherever the server listens: it is the folder's own that counts.
        let name = ServerName::try_from("localhost").map_err(|e| wrong(&e))?;
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .with_server_name_resolver(FixedServerNameResolver::new(name))
            .enable_http1()
            .wrap_connector(tcp);
        Ok(Self { address, token, client: Client::builder(TokioExecutor::new()).build(connector) })
    }

    /// Asks for `route` with a message; a `GET` takes none.
    ///
    /// # Errors
    /// [`RemoteError::Refused`] with the server's problem; else what kept it from being asked.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        route: Route,
        message: Option<&(impl Serialize + Sync)>,
    ) -> Result<T, RemoteError> {
        let body = match message {
            Some(message) => serde_json::to_vec(message).map_err(|e| RemoteError::Answer(e.to_string()))?,
            None => Vec::new(),
        };
        self.send(route, MEDIA_TYPE_JSON, body).await
    }

    /// The same with a message that carries a file: as MessagePack it is no larger than the file.
    ///
    /// # Errors
    /// As [`Remote::ask`].
    pub async fn ask_with_file<T: DeserializeOwned>(
        &self,
        route: Route,
        message: &(impl Serialize + Sync),
    ) -> Result<T, RemoteError> {
        let body = wire::encode(message).map_err(|e| RemoteError::Answer(e.to_string()))?;
        self.send(route, MEDIA_TYPE, body).await
    }

    async fn send<T: DeserializeOwned>(
        &self,
        route: Route,
        form: &str,
        body: Vec<u8>,
    ) -> Result<T, RemoteError> {
        let unreachable = |reason: String| RemoteError::Unreachable { address: self.address.clone(), reason };
        let request = Request::builder()
            .method(route.method)
            .uri(format!("https://{}{}", self.address, route.path))
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, form)
            .header(ACCEPT, MEDIA_TYPE_JSON)
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| unreachable(e.to_string()))?;
        let asked = tokio::time::timeout(PATIENCE, async {
            let response = self.client.request(request).await.map_err(|e| unreachable(reason(&e)))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
            Ok((status, body.map_err(|e| unreachable(e.to_string()))?.to_bytes()))
        });
        let (status, body) =
            asked.await.unwrap_or_else(|_| Err(unreachable("it took too long".to_string())))?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|e| RemoteError::Answer(e.to_string()));
        }
        match serde_json::from_slice::<Problem>(&body) {
            Ok(problem) => Err(problem.into()),
            Err(_) => Err(RemoteError::Answer(format!("HTTP status {status}"))),
        }
    }
}

/// The innermost reason, which names what a person can act on.
fn reason(error: &dyn core::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
