//! Tools of the host's, run for what they print.

use std::{
    env,
    io::Read as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use thiserror::Error;

use crate::import::MAX_SIZE;

/// Where administrators' tools are, should PATH be an ordinary user's.
const SYSTEM_DIRECTORIES: [&str; 4] = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];
/// How long a tool may take to print all the rules that there are.
const LIMIT: Duration = Duration::from_secs(20);

/// Why a tool printed nothing of use.
#[derive(Debug, Error)]
pub(super) enum ToolError {
    /// It isn't installed.
    #[error("it isn't installed")]
    Missing,
    /// It can't be run.
    #[error("it can't be run: {0}")]
    Run(#[from] std::io::Error),
    /// It took too long.
    #[error("it wasn't done after {} s", LIMIT.as_secs())]
    Slow,
    /// It printed more than can be rules.
    #[error("it printed more than {} MB", MAX_SIZE >> 20)]
    Long,
    /// It said that it failed.
    #[error("it failed: {0}")]
    Failed(String),
}

/// What a tool prints.
pub(super) fn output(name: &str, arguments: &[&str]) -> Result<Vec<u8>, ToolError> {
    let program = find(name).ok_or(ToolError::Missing)?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    finish(child, LIMIT)
}

fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(SYSTEM_DIRECTORIES.map(PathBuf::from))
        .map(|directory| directory.join(name))
        .find(|candidate| candidate.is_file())
}

/// Waits for a process to have printed all, and ends it if that takes too long.
fn finish(mut child: Child, limit: Duration) -> Result<Vec<u8>, ToolError> {
    let (Some(stdout), Some(mut stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(ToolError::Failed("its output is lost".to_owned()));
    };
    // Both are read at once, so that it never waits for one while the other is full.
    let words = thread::spawn(move || {
        let mut words = Vec::new();
        // What was read before an error is still worth telling.
        let _ = stderr.read_to_end(&mut words);
        String::from_utf8_lossy(&words).trim().replace('\n', " / ")
    });
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = stdout.take(MAX_SIZE + 1).read_to_end(&mut bytes).map(|_| bytes);
        // Nobody listens any more if it took too long.
        let _ = send.send(read);
    });
    let printed = receive.recv_timeout(limit).map_err(|_| ToolError::Slow).and_then(|read| Ok(read?));
    let is_whole = printed.as_ref().is_ok_and(|bytes| bytes.len() as u64 <= MAX_SIZE);
    if !is_whole {
        // It fails for one that has ended, which is what is wanted.
        let _ = child.kill();
    }
    let status = child.wait()?;
    let bytes = printed?;
    if !is_whole {
        return Err(ToolError::Long);
    }
    if status.success() {
        return Ok(bytes);
    }
    Err(ToolError::Failed(words.join().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<Vec<u8>, ToolError> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        finish(command.spawn().unwrap(), limit)
    }

    #[test]
    fn a_tool_is_heard_out_or_ended() {
        assert_eq!(shell("echo rules; echo words >&2", LIMIT).unwrap(), b"rules\n");
        let failed = shell("echo no >&2; exit 3", LIMIT).unwrap_err();
        assert_eq!(failed.to_string(), "it failed: no");
        assert!(matches!(shell("exec sleep 600", Duration::from_millis(50)), Err(ToolError::Slow)));
        assert!(matches!(shell("exec yes", LIMIT), Err(ToolError::Long)));
        assert!(matches!(output("no-such-tool-anywhere", &[]), Err(ToolError::Missing)));
    }
}
