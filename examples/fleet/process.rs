//! The real programs as processes: this example runs itself again through their entry points.

use serde_json::Value;
use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// The first argument with which this example is `sync-server`.
pub(crate) const AS_SERVER: &str = "--as-sync-server";
/// The first argument with which this example is `sync-client`.
pub(crate) const AS_CLIENT: &str = "--as-sync-client";

/// What went wrong with the demonstration itself.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// A program that runs until it is stopped. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    /// What it printed when it was ready.
    pub(crate) ready: Value,
}

impl Running {
    /// Ends it as a power cut of the process would: nothing is said, nothing is saved.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn command(program: &str, args: &[&OsStr]) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(program).args(args).stdin(Stdio::null());
    Ok(command)
}

/// Starts a program and waits for the line of JSON that says it is ready.
pub(crate) fn start(program: &str, args: &[&OsStr], log: &Path) -> Result<Running, Failure> {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
    let mut child = command(program, args)?.stdout(Stdio::piped()).stderr(log).spawn()?;
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
            Err(format!("{program} did not start ({status}): {}", line.trim()).into())
        }
    }
}

/// What a program that ended had printed.
#[derive(Debug)]
pub(crate) struct Printed {
    /// Its exit status.
    pub(crate) status: i32,
    /// Its JSON.
    pub(crate) json: Value,
    /// What it said to people.
    pub(crate) said: String,
}

impl Printed {
    /// The JSON of a program that ended well; else what it said.
    pub(crate) fn ok(self) -> Result<Value, Failure> {
        if self.status == 0 {
            Ok(self.json)
        } else {
            Err(format!("{} {}", self.said.trim(), self.json).into())
        }
    }
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, args: &[&OsStr]) -> Result<Printed, Failure> {
    let output = command(program, args)?.output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(Printed {
        status: output.status.code().unwrap_or(-1),
        json: serde_json::from_str(text.trim()).unwrap_or(Value::Null),
        said: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Starts a program that is going to be killed before its end.
pub(crate) fn spawn(program: &str, args: &[&OsStr]) -> Result<Child, Failure> {
    Ok(command(program, args)?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?)
}

/// Asks again until the answer is as wanted, ten seconds at most; the last answer in any case.
pub(crate) fn until<T>(
    mut ask: impl FnMut() -> Result<T, Failure>,
    wanted: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    for _ in 0..100 {
        let answer = ask()?;
        if wanted(&answer) {
            return Ok(answer);
        }
        thread::sleep(Duration::from_millis(100));
    }
    ask()
}
