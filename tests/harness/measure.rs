//! Measuring two or more things in one run, round by round in turn, so that a machine whose speed drifts slows all of
//! them: what is told is the ratio of medians, never an absolute figure alone.

/// What is measured: its name, and a round that returns operations a second.
pub struct Contender<'a> {
    /// What people call it.
    pub name: &'a str,
    /// One round.
    pub round: Box<dyn FnMut() -> f64 + 'a>,
}

/// The rounds of one contender.
#[derive(Debug, Clone)]
pub struct Measured {
    /// What people call it.
    pub name: String,
    /// Operations a second, sorted.
    pub rounds: Vec<f64>,
}

impl Measured {
    /// The median.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.rounds.get(self.rounds.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// Runs `rounds` rounds of each, in turn, after one that does not count.
#[must_use]
pub fn in_turn(rounds: usize, mut contenders: Vec<Contender<'_>>) -> Vec<Measured> {
    let mut measured: Vec<Measured> =
        contenders.iter().map(|c| Measured { name: c.name.into(), rounds: Vec::new() }).collect();
    for round in 0..=rounds {
        for (contender, measured) in contenders.iter_mut().zip(&mut measured) {
            let speed = (contender.round)();
            if round > 0 {
                measured.rounds.push(speed);
            }
        }
    }
    for measured in &mut measured {
        measured.rounds.sort_by(f64::total_cmp);
    }
    measured
}

/// Prints a table; ratios are to the first contender, the baseline.
pub fn report(title: &str, unit: &str, measured: &[Measured]) {
    println!("{title}");
    let base = measured.first().map_or(f64::NAN, Measured::median);
    for m in measured {
        let (low, high) =
            (m.rounds.first().copied().unwrap_or(f64::NAN), m.rounds.last().copied().unwrap_or(f64::NAN));
        println!(
            "  {:<44} {:>12.0} {unit} ({low:.0} to {high:.0}), {:.2} of the baseline",
            m.name,
            m.median(),
            m.median() / base
        );
    }
}

/// What Linux says of the most memory, in bytes, that a process has had so far: one by its number, or `self`.
#[must_use]
pub fn most_memory(process: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kibibytes| kibibytes * 1_024)
}
