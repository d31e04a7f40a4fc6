//! An enrolled machine whose server is out of reach, for what needs none: its administrator is proved by what it keeps.

use crate::programs::{Failure, Printed, Program, Programs};
use serde_json::Value;
use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Child,
};
use sync_client::store::{Identity, Store};
use sync_core::{
    id::ServerId,
    machine::{Role, SyncState},
    protocol::TokenProof,
};
use uuid::Uuid;

/// The administrator's token.
pub const TOKEN: &str = "the administrator's token";
/// SHA-256 of `salt` and the token.
const PROOF: &str = "fa5231464805b1fb70d2268e55e3fb1ce1b2bc1ed1b38d3f8abfde13c5b37cc5";
/// The realm in which its people and groups are.
pub const REALM: &str = "office";

/// The machine.
#[derive(Debug, Clone)]
pub struct Offline {
    /// Its data folder.
    pub data: PathBuf,
    token: PathBuf,
    program: Program,
}

impl Offline {
    /// Makes one below a folder.
    ///
    /// # Errors
    /// Where the folder cannot be written.
    pub fn make(programs: &Programs, root: &Path, state: SyncState) -> Result<Self, Failure> {
        let (data, token) = (root.join("machine"), root.join("token"));
        fs::create_dir_all(&data)?;
        fs::write(&token, TOKEN)?;
        let mut store = Store::open(&data)?;
        store.set_identity(Identity {
            role: Some(Role::Client),
            destination: "127.0.0.1:1".parse()?,
            fingerprint: Some("0".repeat(64)),
            server: Some(ServerId(Uuid::from_u128(2))),
            realm: Some(REALM.into()),
            administrator: Some(TokenProof { salt: "salt".into(), hash: PROOF.into() }),
            ..Identity::default()
        })?;
        store.set_state(state)?;
        Ok(Self { data, token, program: programs.client.clone() })
    }

    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a OsStr> {
        let mut all: Vec<&OsStr> = args.iter().map(|arg| OsStr::new(*arg)).collect();
        all.extend([OsStr::new("--data"), self.data.as_os_str(), OsStr::new("--json")]);
        all.extend([OsStr::new("--administrator-token"), self.token.as_os_str()]);
        all
    }

    /// A `sync-client ... --json`.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn ask(&self, args: &[&str]) -> Result<Printed, Failure> {
        self.program.run(&self.args(args))
    }

    /// The same where it has to end well.
    ///
    /// # Errors
    /// What it said where it did not.
    pub fn ok(&self, args: &[&str]) -> Result<Value, Failure> {
        self.ask(args)?.ok().map_err(|error| format!("{}: {error}", args.join(" ")).into())
    }

    /// The same, begun and not waited for.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn begin(&self, args: &[&str]) -> Result<Child, Failure> {
        self.program.spawn(&self.args(args))
    }

    /// The process that owns the folder.
    ///
    /// # Errors
    /// What it said instead.
    pub fn run(&self) -> Result<crate::programs::Running, Failure> {
        self.program.start(&self.args(&["run"]), &self.data.with_extension("log"))
    }
}
