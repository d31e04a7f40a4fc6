//! A fleet of real processes on loopback: a server and its machines, each with a data folder of its own.

use crate::{
    programs::{Failure, Printed, Programs, Running},
    proxy::Proxy,
};
use serde_json::Value;
use std::{
    ffi::OsStr,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The address that means "my own server function" (rule 6).
pub const OWN_SERVER: &str = "localhost:8443";
/// Another machine's server.
pub const OTHER_SERVER: &str = "server.office.example:8443";
/// How often a machine polls here, in milliseconds; a product's default is slower.
const POLL: &str = "150";
/// Its longest wait, in milliseconds.
const LONGEST: &str = "2000";

/// The machines of a fleet: name, role, destination.
pub type Roles<'a> = &'a [(&'static str, &'static str, &'static str)];

/// Two Clients, and a ServerWithClient whose destination is its own server function.
pub const THREE: Roles<'static> = &[
    ("Machine 1", "client", OTHER_SERVER),
    ("Machine 2", "client", OTHER_SERVER),
    ("Machine 3", "server-with-client", OWN_SERVER),
];

/// One machine.
#[derive(Debug)]
pub struct Machine {
    /// What people call it.
    pub name: &'static str,
    /// Its data folder.
    pub data: PathBuf,
    /// The link between it and the server.
    pub link: Proxy,
    role: &'static str,
    token: PathBuf,
    programs: Programs,
    running: Mutex<Option<Running>>,
}

/// The fleet.
#[derive(Debug)]
pub struct Fleet {
    /// Where the server listens.
    pub address: SocketAddr,
    /// The SHA-256 of its certificate.
    pub fingerprint: String,
    /// The machines, in the order in which they were named.
    pub machines: Vec<Machine>,
    root: PathBuf,
    programs: Programs,
    server: Mutex<Option<Running>>,
}

/// Processes are killed and started while others ask.
fn held(running: &Mutex<Option<Running>>) -> MutexGuard<'_, Option<Running>> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

fn text(value: &Value, key: &str) -> Result<String, Failure> {
    value[key].as_str().map(String::from).ok_or_else(|| format!("no `{key}` in {value}").into())
}

impl Fleet {
    /// Starts the server, at `listen` or else on a free port, and enrols and starts the machines. `users` is its file of
    /// users and groups.
    ///
    /// # Errors
    /// Whatever keeps one of them from starting.
    pub fn start(
        programs: Programs,
        root: &Path,
        users: &str,
        listen: &str,
        roles: Roles<'_>,
    ) -> Result<Self, Failure> {
        std::fs::write(root.join("users.toml"), users)?;
        let server = serve(&programs, root, listen).or_else(|_| serve(&programs, root, "127.0.0.1:0"))?;
        let address: SocketAddr = text(&server.ready, "address")?.parse()?;
        let fingerprint = text(&server.ready, "fingerprint")?;
        let mut fleet = Self {
            address,
            fingerprint,
            machines: Vec::new(),
            root: root.into(),
            programs,
            server: Mutex::new(Some(server)),
        };
        for (name, role, destination) in roles {
            fleet.add(name, role, destination)?;
        }
        Ok(fleet)
    }

    /// Enrols another machine, runs it, and starts its client function.
    ///
    /// # Errors
    /// What the machine or the server says.
    pub fn add(&mut self, name: &'static str, role: &'static str, destination: &str) -> Result<(), Failure> {
        let machine = Machine {
            name,
            role,
            data: self.root.join(format!("machine-{}", self.machines.len() + 1)),
            token: self.server_data().join("administrator-token"),
            link: Proxy::start(self.address)?,
            programs: self.programs.clone(),
            running: Mutex::new(None),
        };
        let code = self.server_command(&["enroll"])?;
        machine.enroll(destination, &text(&code, "code")?, &text(&code, "fingerprint")?)?;
        machine.run()?;
        machine.ok(&["start"])?;
        self.machines.push(machine);
        Ok(())
    }

    /// The server's data folder.
    #[must_use]
    pub fn server_data(&self) -> PathBuf {
        self.root.join("server")
    }

    /// One of the server's commands.
    ///
    /// # Errors
    /// What it said where it did not end well.
    pub fn server_command(&self, args: &[&str]) -> Result<Value, Failure> {
        self.ask_server(args)?.ok()
    }

    /// The same, however it ends.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn ask_server(&self, args: &[&str]) -> Result<Printed, Failure> {
        let data = self.server_data();
        let mut all: Vec<&OsStr> = args.iter().map(OsStr::new).collect();
        all.extend([OsStr::new("--data"), data.as_os_str(), OsStr::new("--json")]);
        self.programs.server.run(&all)
    }

    /// Kills the server.
    pub fn kill_server(&self) {
        *held(&self.server) = None;
    }

    /// Starts the server again where it was.
    ///
    /// # Errors
    /// What it said instead.
    pub fn restart_server(&self) -> Result<(), Failure> {
        *held(&self.server) = Some(serve(&self.programs, &self.root, &self.address.to_string())?);
        Ok(())
    }
}

fn serve(programs: &Programs, root: &Path, listen: &str) -> Result<Running, Failure> {
    let (data, users) = (root.join("server"), root.join("users.toml"));
    let args: [&OsStr; 10] = [
        "serve".as_ref(),
        "--data".as_ref(),
        data.as_ref(),
        "--users".as_ref(),
        users.as_ref(),
        "--listen".as_ref(),
        listen.as_ref(),
        "--json".as_ref(),
        // A busy machine is tried again soon here; a product's default is more patient.
        "--retry-busy".as_ref(),
        "1s".as_ref(),
    ];
    programs.server.start(&args, &root.join("server.log"))
}

impl Machine {
    fn args<'a>(&'a self, args: &[&'a str]) -> Vec<&'a OsStr> {
        let mut all: Vec<&OsStr> = args.iter().map(|arg| OsStr::new(*arg)).collect();
        all.extend([OsStr::new("--data"), self.data.as_os_str(), OsStr::new("--json")]);
        all.extend([OsStr::new("--administrator-token"), self.token.as_os_str()]);
        all
    }

    /// Enrols the machine.
    ///
    /// # Errors
    /// What it said where it was refused.
    pub fn enroll(&self, destination: &str, code: &str, fingerprint: &str) -> Result<Value, Failure> {
        let link = self.link.address().to_string();
        self.ok(&[
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
        ])
    }

    /// Starts the process that owns the machine's folder and synchronizes in the background.
    ///
    /// # Errors
    /// What it said instead.
    pub fn run(&self) -> Result<(), Failure> {
        self.run_polling(POLL)
    }

    /// The same with another time between two polls, in milliseconds.
    ///
    /// # Errors
    /// What it said instead.
    pub fn run_polling(&self, interval: &str) -> Result<(), Failure> {
        let log = self.data.with_extension("log");
        let args = self.args(&["run", "--poll-interval", interval, "--longest-wait", LONGEST]);
        *held(&self.running) = Some(self.programs.client.start(&args, &log)?);
        Ok(())
    }

    /// Kills that process.
    pub fn kill(&self) {
        *held(&self.running) = None;
    }

    /// A separate `sync-client ... --json`.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn ask(&self, args: &[&str]) -> Result<Printed, Failure> {
        self.programs.client.run(&self.args(args))
    }

    /// The same where it has to end well.
    ///
    /// # Errors
    /// What it said where it did not.
    pub fn ok(&self, args: &[&str]) -> Result<Value, Failure> {
        self.ask(args)?.ok().map_err(|error| format!("{}: {}: {error}", self.name, args.join(" ")).into())
    }

    /// The same, begun and not waited for.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn begin(&self, args: &[&str]) -> Result<std::process::Child, Failure> {
        self.programs.client.spawn(&self.args(args))
    }

    /// Where the machine's destination leads, for `set-destination`.
    #[must_use]
    pub fn connect_to(&self) -> String {
        self.link.address().to_string()
    }

    /// The names of a list's entries, sorted.
    ///
    /// # Errors
    /// Where the list is not shown.
    pub fn names(&self, list: &[&str]) -> Result<Vec<String>, Failure> {
        let printed = self.ok(&[&["address", "list"], list].concat())?;
        let entries = printed.as_array().ok_or("address list printed no list")?;
        let mut names: Vec<String> =
            entries.iter().map(|entry| entry["name"].as_str().unwrap_or_default().to_string()).collect();
        names.sort();
        Ok(names)
    }
}
