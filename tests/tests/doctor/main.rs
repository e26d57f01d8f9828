//! `fragwall doctor` on hosts that lack something, or have too much of it: each is found, and what it says to do about it helps.

mod filter;
mod host;
mod programs;
mod rules;

use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::fragwall::Fragwall;
use serde_json::Value;

/// What the doctor said.
#[derive(Debug)]
struct Diagnosis {
    findings: Vec<Value>,
}

impl Diagnosis {
    /// Of a host, with the command's own arguments.
    fn of(fragwall: &Fragwall<'_>, arguments: &[&str]) -> Result<Self> {
        Self::read(&fragwall.run(&[&["doctor", "--json"], arguments].concat())?)
    }

    /// By a command that was made by hand.
    fn by(command: &mut Command) -> Result<Self> {
        Self::read(&command.args(["doctor", "--json"]).stdin(Stdio::null()).output()?)
    }

    /// What was printed, with an exit code that fits it.
    fn read(output: &Output) -> Result<Self> {
        let words = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("the doctor prints no JSON, and says {words}"))?;
        let findings = report["findings"].as_array().context("no findings")?.clone();
        let problems = findings.iter().filter(|finding| finding["level"] == "problem").count();
        let (code, said) = match problems {
            0 => (0, String::new()),
            1 => (1, "fragwall: 1 problem was found\n".to_owned()),
            _ => (1, format!("fragwall: {problems} problems were found\n")),
        };
        ensure!(output.status.code() == Some(code), "{} with {problems} problems", output.status);
        ensure!(words == said, "{words:?} in place of {said:?}");
        Ok(Self { findings })
    }

    /// The findings of a level about a topic, each with its advice behind it.
    fn told(&self, level: &str, topic: &str) -> Vec<String> {
        let is_meant = |finding: &&Value| finding["level"] == level && finding["topic"] == topic;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let both = |finding: &Value| format!("{}: {}", text(&finding["found"]), text(&finding["advice"]));
        self.findings.iter().filter(is_meant).map(both).collect()
    }

    /// The only finding of a level about a topic.
    fn only(&self, level: &str, topic: &str) -> Result<String> {
        let told = self.told(level, topic);
        ensure!(told.len() == 1, "not one {level} about {topic} but {told:?} among {:#?}", self.findings);
        Ok(told.into_iter().next().unwrap_or_default())
    }

    /// The topics that aren't as they should be. The machine's own kernel is left out, which may have no JIT.
    fn complaints(&self) -> Vec<&str> {
        let is_meant = |finding: &&Value| finding["level"] != "ok" && finding["topic"] != "kernel";
        self.findings.iter().filter(is_meant).filter_map(|finding| finding["topic"].as_str()).collect()
    }
}
