//! How far a long command is, as the command line shows it: a bar on a terminal, plain lines elsewhere.

use crate::import::{Progress, Stage, Told};
use core::cell::Cell;
use std::io::{IsTerminal as _, Write as _, stderr};

/// How wide the bar is.
const WIDTH: u64 = 30;
/// On no terminal a line comes after so many hundredths.
const STEP: u64 = 10;

/// Shows on the standard error what a command tells.
pub(crate) struct Teller {
    quiet: bool,
    json: bool,
    terminal: bool,
    /// What stands there: the stage, and how many hundredths.
    shown: Cell<Option<(Stage, u64)>>,
    /// A bar stands in the last line.
    open: Cell<bool>,
}

impl Teller {
    pub(crate) fn new(quiet: bool, json: bool) -> Self {
        Self { quiet, json, terminal: stderr().is_terminal(), shown: Cell::new(None), open: Cell::new(false) }
    }

    pub(crate) fn tell(&self, told: &Told) {
        if self.quiet {
            return;
        }
        match told {
            Told::Line(line) => {
                self.close();
                eprintln!("{line}");
            }
            Told::Progress(_) if self.json => {}
            Told::Progress(now) => self.progress(now),
        }
    }

    fn progress(&self, now: &Progress) {
        let percent = if self.terminal { now.percent() } else { now.percent() / STEP * STEP };
        let new = Some((now.stage, percent));
        if self.shown.replace(new) == new {
            return;
        }
        if self.terminal {
            // Whoever reads may have gone; that is no reason to fail.
            let _ = write!(stderr(), "\r\x1b[K{}", bar(now));
            let _ = stderr().flush();
            self.open.set(true);
        } else if now.stage != Stage::Asking {
            let _ = writeln!(stderr(), "{}", now.text());
        }
    }

    /// Takes the bar away, before anything else is shown.
    pub(crate) fn close(&self) {
        if self.open.replace(false) {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}

fn bar(now: &Progress) -> String {
    let percent = now.percent().min(100);
    let full = (percent * WIDTH / 100) as usize;
    let bar: String = (0..WIDTH as usize).map(|at| if at < full { '#' } else { '.' }).collect();
    format!("[{bar}] {percent:>3}%  {}", now.text())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use sync_core::id::ImportId;

    #[test]
    fn a_bar_fills_as_records_are_written() {
        let mut now = Progress {
            import: ImportId(uuid::Uuid::nil()),
            stage: Stage::Reading,
            items: 0,
            items_total: 1,
            records: 0,
            records_total: 0,
            bytes: 0,
            bytes_total: 9,
        };
        assert!(bar(&now).starts_with("[....") && bar(&now).ends_with("reading 0 of 9 bytes"));
        (now.stage, now.records_total) = (Stage::Writing, 200);
        for (records, full, percent) in [(0, 0, "  0%"), (100, 15, " 50%"), (200, 30, "100%")] {
            now.records = records;
            let bar = bar(&now);
            assert_eq!(bar.matches('#').count(), full);
            assert!(bar.contains(percent), "{bar}");
        }
        now.records_total = 0;
        assert_eq!(now.percent(), 100);
    }
}
