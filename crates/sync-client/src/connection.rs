//! The connection to the server: HTTPS with a pinned certificate, MessagePack in and out.

use crate::{
    draw::hex,
    error::{Error, Result},
    store::Identity,
};
use bytes::Bytes;
use core::time::Duration;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Method, Request, StatusCode, header};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use parking_lot::Mutex;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use sync_core::{
    api::{ADMINISTRATOR_HEADER, PROCEDURE, Route},
    machine::DestinationAddress,
    protocol::{MEDIA_TYPE, Problem},
    wire,
};

/// No answer is longer.
const MOST_BYTES: usize = 64 * 1024 * 1024;
/// How long making a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a round trip may take.
const ROUND_TRIP: Duration = Duration::from_secs(30);
/// How long one may take in which the server does a step of a procedure: longer than the server lets it.
const LONG_ROUND_TRIP: Duration = Duration::from_secs(960);
/// How often a connection over which an answer is awaited is looked at, and how long it may be silent then.
const ALIVE: Duration = Duration::from_secs(15);

/// How long the answer to a route may take.
fn patience(route: &Route) -> Duration {
    if *route == PROCEDURE { LONG_ROUND_TRIP } else { ROUND_TRIP }
}

/// A SHA-256 of a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl core::str::FromStr for Fingerprint {
    type Err = Error;

    /// Reads 64 hexadecimal digits, in any case; colons and spaces between them are passed over.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::Fingerprint(text.to_string());
        let digits: Vec<u8> = text
            .chars()
            .filter(|c| !matches!(c, ':' | ' '))
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or_else(wrong))
            .collect::<Result<_>>()?;
        let bytes: Vec<u8> =
            digits.chunks(2).map(|pair| pair.iter().fold(0, |all, d| all << 4 | d)).collect();
        if digits.len() != 64 {
            return Err(wrong());
        }
        Ok(Self(bytes.try_into().map_err(|_| wrong())?))
    }
}

impl core::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// Where a server is, how it is told from an impostor, and as whom the machine speaks to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The destination server address.
    pub destination: DestinationAddress,
    /// Where that text really leads, as `HOST:PORT`.
    pub connect_to: Option<String>,
    /// The pinned certificate.
    pub fingerprint: Fingerprint,
    /// The machine's bearer token; none while it enrols.
    pub token: Option<String>,
}

impl Target {
    /// The server of an enrolled machine.
    ///
    /// # Errors
    /// [`Error::NotEnrolled`].
    pub fn of(identity: &Identity) -> Result<Self> {
        let fingerprint = identity.fingerprint.as_deref().ok_or(Error::NotEnrolled)?.parse()?;
        if identity.server.is_none() {
            return Err(Error::NotEnrolled);
        }
        Ok(Self {
            destination: identity.destination.clone(),
            connect_to: identity.connect_to.clone(),
            fingerprint,
            token: Some(identity.token.clone()),
        })
    }
}

/// A connection to one server. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct Connection {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    /// Where requests really go.
    origin: String,
    /// The destination, which the server sees as its name.
    host: String,
    token: Option<String>,
    pin: Arc<Pin>,
}

impl Connection {
    /// A connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::ServerNotFound`] where the destination is blank.
    pub fn new(target: Target) -> Result<Self> {
        let host = target.destination.authority().ok_or(Error::ServerNotFound)?;
        let name = target.destination.host().unwrap_or_default().trim_end_matches('.').to_string();
        let provider = Arc::new(ring::default_provider());
        let pin =
            Arc::new(Pin { wanted: target.fingerprint, shown: Mutex::new(None), provider: provider.clone() });
        let unreachable = |cause: String| Error::Network { server: host.clone(), cause };
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unreachable(error.to_string()))?
            .dangerous()
            .with_custom_certificate_verifier(pin.clone())
            .with_no_client_auth();
        let name = ServerName::try_from(name).map_err(|error| unreachable(error.to_string()))?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // Without it, HTTP/2 waits 45 ms a round trip for the other side's delayed acknowledgement.
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .with_server_name_resolver(FixedServerNameResolver::new(name))
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(90))
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            // A server whose host is gone must not be waited for as long as a backup may take.
            .http2_keep_alive_interval(ALIVE)
            .http2_keep_alive_timeout(ALIVE)
            .build(https);
        let origin = format!("https://{}", target.connect_to.as_deref().unwrap_or(&host));
        Ok(Self { client, origin, host, token: target.token, pin })
    }

    /// Sends a message as the machine, and reads the answer.
    ///
    /// # Errors
    /// As [`Connection::call_as`].
    pub async fn call<T: DeserializeOwned>(&self, route: &Route, message: &impl Serialize) -> Result<T> {
        self.call_as(route, Some(wire::encode(message)?), self.token.as_deref(), None).await
    }

    /// Asks as the machine for what needs no message.
    ///
    /// # Errors
    /// As [`Connection::call_as`].
    pub async fn get<T: DeserializeOwned>(&self, route: &Route) -> Result<T> {
        self.call_as(route, None, self.token.as_deref(), None).await
    }

    /// Sends a message as the machine with an administrator at it, and reads the answer.
    ///
    /// # Errors
    /// As [`Connection::call_as`].
    pub async fn call_with_administrator<T: DeserializeOwned>(
        &self,
        route: &Route,
        message: &impl Serialize,
        administrator: &str,
    ) -> Result<T> {
        self.call_as(route, Some(wire::encode(message)?), self.token.as_deref(), Some(administrator)).await
    }

    /// Asks as the machine with an administrator at it, without a message, and reads the answer.
    ///
    /// # Errors
    /// As [`Connection::call_as`].
    pub async fn ask_with_administrator<T: DeserializeOwned>(
        &self,
        route: &Route,
        administrator: &str,
    ) -> Result<T> {
        self.call_as(route, None, self.token.as_deref(), Some(administrator)).await
    }

    /// Sends a message under a bearer token, and reads the answer.
    ///
    /// # Errors
    /// [`Error::Network`], [`Error::Timeout`], [`Error::WrongCertificate`], [`Error::Unauthorized`]: nothing is known of
    /// what became of the message. [`Error::Refused`]: it changed nothing.
    pub async fn call_as<T: DeserializeOwned>(
        &self,
        route: &Route,
        message: Option<Vec<u8>>,
        token: Option<&str>,
        administrator: Option<&str>,
    ) -> Result<T> {
        let unreachable = |cause: String| Error::Network { server: self.host.clone(), cause };
        let method = if route.method == "GET" { Method::GET } else { Method::POST };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{}", self.origin, route.path))
            .header(header::ACCEPT, MEDIA_TYPE);
        if message.is_some() {
            request = request.header(header::CONTENT_TYPE, MEDIA_TYPE);
        }
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(administrator) = administrator {
            request = request.header(ADMINISTRATOR_HEADER, administrator);
        }
        let request = request
            .body(Full::new(Bytes::from(message.unwrap_or_default())))
            .map_err(|error| unreachable(error.to_string()))?;
        let exchange = async {
            let answer = self.client.request(request).await.map_err(|error| self.failed(&error))?;
            let (head, body) = answer.into_parts();
            let body =
                Limited::new(body, MOST_BYTES).collect().await.map_err(|e| unreachable(e.to_string()))?;
            Ok::<_, Error>((head, body.to_bytes()))
        };
        let (head, body) = tokio::time::timeout(patience(route), exchange)
            .await
            .map_err(|_| Error::Timeout(self.host.clone()))??;
        if head.status.is_success() {
            return wire::decode(&body).map_err(|error| self.unreadable(error.to_string()));
        }
        let kind = head.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        Err(self.refused(head.status, kind, &body))
    }

    fn refused(&self, status: StatusCode, kind: &str, body: &[u8]) -> Error {
        // A proxy in between may say so too: only a decoded answer says what the machine may not have.
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return match serde_json::from_slice::<Problem>(body) {
                Ok(problem) if kind.contains("json") && !is_bare(&problem) => Error::Refused(problem),
                _ => Error::Unauthorized { server: self.host.clone(), status: status.as_u16() },
            };
        }
        let problem = if kind.contains("json") {
            serde_json::from_slice(body).map_err(|error| error.to_string())
        } else {
            wire::decode(body).map_err(|error| error.to_string())
        };
        match problem {
            Ok(problem) => Error::Refused(problem),
            Err(_) => self.unreadable(format!("HTTP status {status} without a reason")),
        }
    }

    fn unreadable(&self, cause: String) -> Error {
        Error::UnreadableAnswer { server: self.host.clone(), cause }
    }

    fn failed(&self, error: &hyper_util::client::legacy::Error) -> Error {
        if let Some(found) = self.pin.shown.lock().take() {
            return Error::WrongCertificate { server: self.host.clone(), found: found.to_string() };
        }
        // The outer error says only "client error"; what a person can use lies deepest.
        let mut cause: &dyn core::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Error::Network { server: self.host.clone(), cause: cause.to_string() }
    }
}

/// Whether a 401 or 403 says no more than that the token is not known.
fn is_bare(problem: &Problem) -> bool {
    matches!(problem.code.as_str(), "unauthorized" | "forbidden" | "")
}

/// Takes exactly one certificate, whoever signed it; that the server holds its key is verified as always.
#[derive(Debug)]
struct Pin {
    wanted: Fingerprint,
    /// The certificate that was refused last.
    shown: Mutex<Option<Fingerprint>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pin {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let shown = Fingerprint(Sha256::digest(end_entity).into());
        if shown == self.wanted {
            return Ok(ServerCertVerified::assertion());
        }
        *self.shown.lock() = Some(shown);
        Err(rustls::CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_people_write_them() {
        let digits = "0123456789abcdef".repeat(4);
        let plain: Fingerprint = digits.parse().unwrap();
        let colons: Vec<String> =
            digits.to_uppercase().as_bytes().chunks(2).map(|p| String::from_utf8_lossy(p).into()).collect();
        assert_eq!(colons.join(":").parse::<Fingerprint>().unwrap(), plain);
        assert_eq!(plain.to_string(), digits);
        for wrong in ["", "0123", &"g".repeat(64), &"0".repeat(65), &"0".repeat(63)] {
            assert_eq!(wrong.parse::<Fingerprint>().unwrap_err().code(), "fingerprint");
        }
    }
}
