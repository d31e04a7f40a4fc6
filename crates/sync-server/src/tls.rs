//! The server's certificate, made at the first start, and TLS over it.

use crate::{
    folder::{Folder, FolderError, write_whole},
    random,
};
use rustls::{
    ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

/// The certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A file does not hold what it should.
    #[error(
        "{0} holds no certificate or key in PEM: remove certificate.pem and key.pem to have them made again (machines must then enrol again)"
    )]
    Pem(String),
    /// The certificate could not be made.
    #[error("the certificate could not be made: {0}")]
    Make(#[from] rcgen::Error),
    /// TLS refused it.
    #[error("TLS refuses the certificate: {0}")]
    Tls(#[from] rustls::Error),
}

/// The cryptography under every TLS connection of this program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// SHA-256 of a certificate, as hexadecimal digits: what machines pin.
#[must_use]
pub fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    random::hex(&Sha256::digest(certificate))
}

/// The certificate of a data folder.
///
/// # Errors
/// Where there is none.
pub fn read_certificate(folder: &Folder) -> Result<CertificateDer<'static>, TlsError> {
    let pem = folder.read(&folder.certificate())?;
    CertificateDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| TlsError::Pem(folder.certificate().display().to_string()))
}

impl Identity {
    /// The identity of a data folder; made where there is none yet, for `localhost`, the loopback addresses and the
    /// host's name. Machines trust its fingerprint, not its names.
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn open(folder: &Folder) -> Result<Self, TlsError> {
        if !folder.certificate().exists() {
            let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(Into::into).into();
            names.extend(host_name());
            let made = rcgen::generate_simple_self_signed(names)?;
            // The certificate last: it is what tells that both are there.
            write_whole(&folder.key(), &made.signing_key.serialize_pem(), true)?;
            write_whole(&folder.certificate(), &made.cert.pem(), false)?;
        }
        let key = folder.read(&folder.key())?;
        Ok(Self {
            certificate: read_certificate(folder)?,
            key: PrivateKeyDer::from_pem_slice(key.as_bytes())
                .map_err(|_| TlsError::Pem(folder.key().display().to_string()))?,
        })
    }

    /// SHA-256 of the certificate, as hexadecimal digits.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.certificate)
    }

    /// TLS 1.2 or newer, HTTP/2 or HTTP/1.1.
    ///
    /// # Errors
    /// Where certificate and key do not fit.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, TlsError> {
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// The host's name where the system says it and a certificate can carry it.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let fits = !name.is_empty()
        && name != "localhost"
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
    fits.then(|| name.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let folder = Folder::new(folder.path());
        let made = Identity::open(&folder).unwrap();
        made.server_config().unwrap();
        assert_eq!(made.fingerprint().len(), 64);
        assert_eq!(Identity::open(&folder).unwrap().fingerprint(), made.fingerprint());
        assert_eq!(fingerprint(&read_certificate(&folder).unwrap()), made.fingerprint());
    }
}
