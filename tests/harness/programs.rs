//! The real programs as processes, and what they print.

use serde_json::Value;
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// What goes wrong with a demonstration or a test itself.
pub type Failure = Box<dyn std::error::Error>;

/// How one of the programs is started.
#[derive(Debug, Clone)]
pub struct Program {
    path: PathBuf,
    leading: Vec<&'static str>,
}

/// The two programs of the product.
#[derive(Debug, Clone)]
pub struct Programs {
    /// `sync-server`.
    pub server: Program,
    /// `sync-client`.
    pub client: Program,
}

impl Programs {
    /// The binaries that were built beside the running test.
    ///
    /// # Errors
    /// Where they are not there: Cargo does not build other packages' binaries for a test.
    pub fn built() -> Result<Self, Failure> {
        let this = std::env::current_exe()?;
        let folder = this.ancestors().find(|folder| folder.ends_with("deps")).and_then(Path::parent);
        let folder = folder.ok_or("this is not a test that Cargo built")?;
        let program = |name: &str| -> Result<Program, Failure> {
            let path = folder.join(name);
            if path.exists() {
                Ok(Program { path, leading: Vec::new() })
            } else {
                let path = path.display();
                Err(format!("{path} is not there: first run `cargo build --workspace --bins`").into())
            }
        };
        Ok(Self { server: program("sync-server")?, client: program("sync-client")? })
    }

    /// The running program itself, which is `sync-server` or `sync-client` where its first argument says so.
    ///
    /// # Errors
    /// Where the system does not say which program runs.
    pub fn this(server: &'static str, client: &'static str) -> Result<Self, Failure> {
        let path = std::env::current_exe()?;
        Ok(Self {
            server: Program { path: path.clone(), leading: vec![server] },
            client: Program { path, leading: vec![client] },
        })
    }
}

/// A program that runs until it is stopped. It is killed when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it printed when it was ready.
    pub ready: Value,
}

impl Running {
    /// Ends it as `kill -9` does: nothing is said, nothing is saved.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for it to end by itself; its exit status.
    ///
    /// # Errors
    /// What the system says.
    pub fn wait(&mut self) -> std::io::Result<Option<i32>> {
        Ok(self.child.wait()?.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a program that ended had printed.
#[derive(Debug)]
pub struct Printed {
    /// Its exit status.
    pub status: i32,
    /// Its JSON.
    pub json: Value,
    /// What it said to people.
    pub said: String,
}

impl Printed {
    /// The JSON of a program that ended well.
    ///
    /// # Errors
    /// What it said where it did not.
    pub fn ok(self) -> Result<Value, Failure> {
        if self.status == 0 {
            Ok(self.json)
        } else {
            Err(format!("{} {}", self.said.trim(), self.json).into())
        }
    }

    /// The stable code of the error that it printed.
    #[must_use]
    pub fn code(&self) -> &str {
        self.json["error"]["code"].as_str().unwrap_or_default()
    }
}

impl Program {
    /// The program with these arguments, for a test that gives it its own input.
    pub fn command<S: AsRef<OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.leading).args(args).stdin(Stdio::null());
        command
    }

    /// Starts it and waits for the line of JSON that says it is ready.
    ///
    /// # Errors
    /// What it said instead.
    pub fn start<S: AsRef<OsStr>>(&self, args: &[S], log: &Path) -> Result<Running, Failure> {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let mut child = self.command(args).stdout(Stdio::piped()).stderr(log).spawn()?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            let mut lines = BufReader::new(stdout);
            lines.read_line(&mut line)?;
            // Whatever else it prints must not fill the pipe.
            thread::spawn(move || lines.lines().for_each(drop));
        }
        match serde_json::from_str::<Value>(&line) {
            Ok(ready) if ready["error"].is_null() => Ok(Running { child, ready }),
            _ => {
                let _ = child.kill();
                let status = child.wait()?;
                Err(format!("{} did not start ({status}): {}", self.path.display(), line.trim()).into())
            }
        }
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn run<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Printed, Failure> {
        let output = self.command(args).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(Printed {
            status: output.status.code().unwrap_or(-1),
            json: serde_json::from_str(text.trim()).unwrap_or(Value::Null),
            said: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Starts it without waiting for anything.
    ///
    /// # Errors
    /// Where it cannot be run at all.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: &[S]) -> Result<Child, Failure> {
        Ok(self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
    }
}

/// Asks again until the answer is as wanted, twenty seconds at most; the last answer in any case.
///
/// # Errors
/// Where the question itself fails.
pub fn until<T>(
    mut ask: impl FnMut() -> Result<T, Failure>,
    wanted: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    for _ in 0..200 {
        let answer = ask()?;
        if wanted(&answer) {
            return Ok(answer);
        }
        thread::sleep(Duration::from_millis(100));
    }
    ask()
}
