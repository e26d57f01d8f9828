//! What came of the tests: a line for each kernel, a column for each test.

use std::{fmt, fs, path::Path};

use super::{kernels::Kernel, machine::tail};

/// What came of a test.
pub(crate) struct Outcome {
    name: String,
    /// How many of its cases passed; `None` if not all of them did.
    passed: Option<u32>,
    /// What it printed last, if it failed.
    said: String,
}

impl Outcome {
    /// From what the guest wrote: a line "NAME CODE" for each test that has ended, and what each printed.
    pub(super) fn read(name: &str, codes: &str, results: &Path) -> Self {
        let log = fs::read_to_string(results.join(format!("{name}.log"))).unwrap_or_default();
        let ended = codes.lines().any(|line| line.split_once(' ') == Some((name, "0")));
        // A program that ran no case at all proves nothing.
        let passed = passed(&log).filter(|&passed| ended && passed > 0);
        Self {
            name: name.to_owned(),
            passed,
            said: if passed.is_some() { String::new() } else { tail(&log, 60) },
        }
    }
}

/// How many cases the closing line of the test runner says have passed.
fn passed(log: &str) -> Option<u32> {
    let line = log.lines().rev().find(|line| line.starts_with("test result: ok."))?;
    line.strip_prefix("test result: ok. ")?.split(' ').next()?.parse().ok()
}

/// All that came of all.
#[derive(Default)]
pub(crate) struct Report(Vec<(String, Vec<Outcome>)>);

impl Report {
    /// Adds what came of a kernel's tests; prints at once what those that failed had to say.
    pub(crate) fn add(&mut self, kernel: &Kernel, outcomes: Vec<Outcome>) {
        for outcome in outcomes.iter().filter(|outcome| outcome.passed.is_none()) {
            eprintln!("Linux {}: `{}` failed or didn't end:\n{}", kernel.version, outcome.name, outcome.said);
        }
        self.0.push((format!("Linux {}", kernel.version), outcomes));
    }

    /// Whether every test passed on every kernel.
    pub(crate) fn all_passed(&self) -> bool {
        self.0.iter().flat_map(|(_, outcomes)| outcomes).all(|outcome| outcome.passed.is_some())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (kernel, outcomes) in &self.0 {
            write!(f, "{kernel:<14}")?;
            for Outcome { name, passed, .. } in outcomes {
                match passed {
                    Some(passed) => write!(f, "  {name}: {passed} passed")?,
                    None => write!(f, "  {name}: FAILED")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_runners_own_line_counts() {
        let log = "running 3 tests\ntest a ... ok\n\ntest result: ok. 3 passed; 0 failed; 0 ignored\n";
        assert_eq!(passed(log), Some(3));
        assert_eq!(passed("test result: FAILED. 2 passed; 1 failed;\n"), None);
        assert_eq!(passed("test a ... ok\n"), None);
    }

    #[test]
    fn a_test_that_did_not_end_or_ran_nothing_failed() {
        let folder = std::env::temp_dir().join(format!("fragwall-report-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.log"), "test result: ok. 2 passed; 0 failed\n").unwrap();
        fs::write(folder.join("b.log"), "test result: ok. 0 passed; 0 failed\n").unwrap();
        let read = |name: &str, codes: &str| Outcome::read(name, codes, &folder).passed;
        assert_eq!(read("a", "a 0\n"), Some(2));
        assert_eq!(read("a", "a 101\n"), None);
        assert_eq!(read("a", ""), None);
        assert_eq!(read("b", "b 0\n"), None);
        assert_eq!(read("c", "c 0\n"), None);
        fs::remove_dir_all(&folder).unwrap();
    }
}
