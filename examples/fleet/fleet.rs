//! The fleet: a server and three machines, each with a data folder and a process of its own.

use crate::process::{self, AS_CLIENT, AS_SERVER, Failure, Printed, Running};
use harness::proxy::Proxy;
use serde_json::Value;
use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// The address that means "my own server function" (rule 6).
pub(crate) const OWN_SERVER: &str = "localhost:8443";
/// How often a machine polls here; a product's default is slower.
const POLL_MS: &str = "150";

/// One machine.
#[derive(Debug)]
pub(crate) struct Machine {
    /// What people call it.
    pub(crate) name: &'static str,
    role: &'static str,
    data: PathBuf,
    token: PathBuf,
    /// The link between it and the server.
    pub(crate) link: Proxy,
    running: Option<Running>,
}

/// The fleet.
#[derive(Debug)]
pub(crate) struct Fleet {
    root: PathBuf,
    server: Option<Running>,
    /// Where the server listens.
    pub(crate) address: SocketAddr,
    /// The SHA-256 of its certificate.
    pub(crate) fingerprint: String,
    /// The machines: two Clients, and the client function of the ServerWithClient.
    pub(crate) machines: Vec<Machine>,
}

fn text(value: &Value, key: &str) -> Result<String, Failure> {
    value[key].as_str().map(String::from).ok_or_else(|| format!("no `{key}` in {value}").into())
}

impl Fleet {
    /// Starts the server, on port 8443 where it is free, and enrols three machines.
    pub(crate) fn start(root: &Path, users: &str) -> Result<Self, Failure> {
        std::fs::write(root.join("users.toml"), users)?;
        let server = serve(root, "127.0.0.1:8443").or_else(|_| serve(root, "127.0.0.1:0"))?;
        let address: SocketAddr = text(&server.ready, "address")?.parse()?;
        let fingerprint = text(&server.ready, "fingerprint")?;
        let mut fleet =
            Self { root: root.into(), server: Some(server), address, fingerprint, machines: Vec::new() };
        let roles = [
            ("Machine 1", "client", "server.office.example:8443"),
            ("Machine 2", "client", "server.office.example:8443"),
            ("Machine 3", "server-with-client", OWN_SERVER),
        ];
        for (index, (name, role, destination)) in roles.into_iter().enumerate() {
            let mut machine = Machine {
                name,
                role,
                data: root.join(format!("machine-{}", index + 1)),
                token: root.join("server").join("administrator-token"),
                link: Proxy::start(address)?,
                running: None,
            };
            std::fs::create_dir_all(&machine.data)?;
            let code = fleet.server_command(&["enroll"])?;
            machine.enroll(destination, &text(&code, "code")?, &text(&code, "fingerprint")?)?;
            machine.run()?;
            machine.ok(&["start"])?;
            fleet.machines.push(machine);
        }
        Ok(fleet)
    }

    /// One of the server's administrative commands.
    pub(crate) fn server_command(&self, args: &[&str]) -> Result<Value, Failure> {
        let data = self.root.join("server");
        let mut all: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        all.extend([OsStr::new("--data"), data.as_os_str(), OsStr::new("--json")]);
        process::run(AS_SERVER, &all)?.ok()
    }

    /// Kills the server.
    pub(crate) fn kill_server(&mut self) {
        self.server = None;
    }

    /// Starts the server again where it was.
    pub(crate) fn restart_server(&mut self) -> Result<(), Failure> {
        self.server = Some(serve(&self.root, &self.address.to_string())?);
        Ok(())
    }
}

fn serve(root: &Path, listen: &str) -> Result<Running, Failure> {
    let (data, users) = (root.join("server"), root.join("users.toml"));
    let args: [&OsStr; 8] = [
        "serve".as_ref(),
        "--data".as_ref(),
        data.as_ref(),
        "--users".as_ref(),
        users.as_ref(),
        "--listen".as_ref(),
        listen.as_ref(),
        "--json".as_ref(),
    ];
    process::start(AS_SERVER, &args, &root.join("server.log"))
}

impl Machine {
    fn args<'a>(&'a self, args: &'a [&'a str]) -> Vec<&'a OsStr> {
        let mut all: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        all.extend([OsStr::new("--data"), self.data.as_os_str(), OsStr::new("--json")]);
        all.extend([OsStr::new("--administrator-token"), self.token.as_os_str()]);
        all
    }

    fn enroll(&mut self, destination: &str, code: &str, fingerprint: &str) -> Result<(), Failure> {
        let link = self.link.address().to_string();
        let args = [
            "enroll",
            "--server",
            destination,
            "--connect-to",
            &link,
            "--code",
            code,
            "--fingerprint",
            fingerprint,
            "--name",
            self.name,
            "--role",
            self.role,
        ];
        self.ok(&args).map(|_| ())
    }

    /// Starts the process that owns the machine's folder and synchronizes in the background.
    pub(crate) fn run(&mut self) -> Result<(), Failure> {
        let log = self.data.with_extension("log");
        self.running =
            Some(process::start(AS_CLIENT, &self.args(&["run", "--poll-interval", POLL_MS]), &log)?);
        Ok(())
    }

    /// Kills that process.
    pub(crate) fn kill(&mut self) {
        self.running = None;
    }

    /// A separate `sync-client ... --json`.
    pub(crate) fn ask(&self, args: &[&str]) -> Result<Printed, Failure> {
        process::run(AS_CLIENT, &self.args(args))
    }

    /// The same where it has to end well.
    pub(crate) fn ok(&self, args: &[&str]) -> Result<Value, Failure> {
        self.ask(args)?.ok().map_err(|error| format!("{}: {}: {error}", self.name, args.join(" ")).into())
    }

    /// The same, begun and not waited for.
    pub(crate) fn begin(&self, args: &[&str]) -> Result<std::process::Child, Failure> {
        process::spawn(AS_CLIENT, &self.args(args))
    }

    /// Where the machine's destination leads, for `set-destination`.
    pub(crate) fn connect_to(&self) -> String {
        self.link.address().to_string()
    }
}
