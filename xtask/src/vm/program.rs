//! What a virtual machine runs.

use std::path::PathBuf;

/// A program that a virtual machine runs: an integration test, mostly.
pub(super) struct Program {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) errors: Errors,
}

/// Where what a program prints to standard error goes.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Errors {
    /// To the rest.
    Between,
    /// To a file of its own.
    Apart,
}

impl Program {
    /// Its command, for a shell.
    pub(super) fn command(&self) -> String {
        let Self { name, file, arguments, errors } = self;
        let words = std::iter::once(file.to_string_lossy().into_owned()).chain(arguments.iter().cloned());
        let mut command: String = words.map(|word| quoted(&word) + " ").collect();
        command += &match errors {
            Errors::Between => "2>&1".to_owned(),
            Errors::Apart => format!("2>/results/{name}.stderr"),
        };
        command
    }
}

/// A word for a shell, whatever is in it.
pub(super) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_shell_gets_each_word_as_it_is() {
        let program = Program {
            name: "pktgen".to_owned(),
            file: "/a b/pktgen".into(),
            arguments: ["--allow", "udp 53 comment 'x $y'", ""].map(str::to_owned).to_vec(),
            errors: Errors::Apart,
        };
        let command = program.command().replace("2>/results/pktgen.stderr", "");
        let output = Command::new("sh").args(["-c", &format!("printf '%s\\n' {command}")]).output().unwrap();
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            "/a b/pktgen\n--allow\nudp 53 comment 'x $y'\n\n"
        );
    }
}
