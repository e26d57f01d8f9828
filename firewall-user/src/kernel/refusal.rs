//! Why an object couldn't be loaded, with what can be done about it.

use std::{fmt::Display, io};

use nix::libc;

use super::Error;

const DOING: &str = "loading the program";

/// The error for an object that isn't as it was built.
pub(super) fn broken(problem: impl Display) -> Error {
    Error::os(DOING, io::Error::other(problem.to_string()))
}

/// The error for what the kernel refuses that an object needs.
pub(super) fn refused(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::PermissionDenied {
        Error::Privileges { doing: DOING.to_owned() }
    } else {
        Error::os(DOING, error)
    }
}

/// The error for a program that the kernel refuses, of which its verifier has said what is in `log`.
pub(super) fn refused_program(error: &io::Error, log: &str) -> Error {
    // The verifier says EACCES for what it finds unsafe, and EPERM for what the caller may not do.
    if error.raw_os_error() == Some(libc::EPERM) {
        return Error::Privileges { doing: DOING.to_owned() };
    }
    let tail: Vec<&str> = log.lines().rev().take(20).collect();
    let problem = tail.iter().rev().fold(error.to_string(), |text, line| text + "\n" + line);
    Error::Load { problem, hint: hint() }
}

/// The release that the program needs, and the one that there is.
fn hint() -> String {
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    let release = release.unwrap_or_default();
    format!(
        "\nFragwall needs Linux 6.1 or newer with CONFIG_BPF_SYSCALL and CONFIG_BPF_JIT; this is Linux {release}"
    )
}
