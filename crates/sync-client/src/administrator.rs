//! Whether whoever asks is an administrator: proved against the server, or, while that is out of reach, against the
//! salted hash that the machine keeps since its enrolment.

use crate::{
    draw::hex,
    error::{Error, Result},
    machine::Machine,
};
use sha2::{Digest as _, Sha256};
use sync_core::{
    api::{self, Health},
    protocol::TokenProof,
};

impl Machine {
    /// Proves an administrator's token.
    ///
    /// # Errors
    /// [`Error::AdministratorNeeded`] without a token, [`Error::AdministratorRefused`] with a wrong one,
    /// [`Error::NotEnrolled`] on a machine that has no server to ask.
    pub async fn prove_administrator(&self, token: Option<&str>) -> Result<()> {
        let token = token.ok_or(Error::AdministratorNeeded)?;
        if same(token, &self.own_authority) {
            return Ok(());
        }
        let kept = self.store().identity().administrator.clone();
        let asked = match self.link() {
            Ok(link) => {
                let ask = link.call_as::<Health>(&api::ADMINISTRATOR, None, Some(token), None);
                tokio::time::timeout(self.options().proof, ask)
                    .await
                    .unwrap_or_else(|_| Err(Error::Timeout("the server".into())))
            }
            Err(error) => Err(error),
        };
        match (asked, kept) {
            (Ok(_), _) => Ok(()),
            (Err(Error::Unauthorized { .. } | Error::Refused(_)), _) => Err(Error::AdministratorRefused),
            (Err(error @ Error::NotEnrolled), None) => Err(error),
            (Err(_), Some(proof)) if proves(&proof, token) => Ok(()),
            (Err(_), Some(_)) => Err(Error::AdministratorRefused),
            (Err(error), None) => Err(error),
        }
    }
}

/// Whether the token is the one that was proved: SHA-256 over the salt and the token, both as they are written.
fn proves(proof: &TokenProof, token: &str) -> bool {
    let hash = Sha256::new().chain_update(proof.salt.as_bytes()).chain_update(token.as_bytes()).finalize();
    same(&hex(&hash), &proof.hash)
}

/// Whether two texts are the same. The time it takes does not depend on where they differ.
fn same(one: &str, other: &str) -> bool {
    let differs = one.bytes().zip(other.bytes()).fold(0, |all, (a, b)| all | (a ^ b));
    one.len() == other.len() && core::hint::black_box(differs) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_holds_for_its_token_alone() {
        let hash = hex(&Sha256::digest(b"salttoken"));
        let proof = TokenProof { salt: "salt".into(), hash };
        assert!(proves(&proof, "token"));
        assert!(!proves(&proof, "Token"));
        assert!(!proves(&TokenProof { hash: String::new(), ..proof }, "token"));
    }
}
