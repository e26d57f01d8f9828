//! Exit codes.

use std::process::ExitCode;

use super::wait::Missing;
use crate::{
    kernel::{Error, entry::EntryProblem},
    observe::capture::CaptureError,
    ruleset::{ConfigError, DeleteError, TooManyRules},
};

/// What the codes mean, for the help.
pub(super) const HELP: &str = "\
Exit codes: 0 done; 1 failed; 2 usage or invalid input; 3 not attached, or the kernel lacks what is needed; \
4 the interface is held by another XDP program.";

/// Input that can't be understood, told in full.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(pub(super) String);

/// So many problems were found, and told.
#[derive(Debug, thiserror::Error)]
#[error("{count} problem{} found", if *count == 1 { " was" } else { "s were" })]
pub(super) struct Problems {
    pub(super) count: usize,
}

/// The code for what went wrong.
pub(super) fn code(error: &anyhow::Error) -> ExitCode {
    ExitCode::from(match error.downcast_ref::<Error>() {
        Some(error) => of_kernel(error),
        None => {
            let invalid = error.is::<Invalid>()
                || error.is::<ConfigError>()
                || error.is::<CaptureError>()
                || error.is::<DeleteError>()
                || error.is::<TooManyRules>()
                || error.is::<Missing>();
            if invalid { 2 } else { 1 }
        }
    })
}

fn of_kernel(error: &Error) -> u8 {
    match error {
        Error::UnknownInterface { .. }
        | Error::Netns { .. }
        | Error::NotEthernet { .. }
        | Error::Entry { problem: EntryProblem::Shared(_) | EntryProblem::OtherForm, .. }
        | Error::InForce { .. }
        | Error::InterfacesUnconfirmed
        | Error::LockOut(_)
        | Error::NoInterface
        | Error::TableSize { .. }
        | Error::FlowTableSize { .. }
        | Error::TooManyRules(_)
        | Error::Compile(_) => 2,
        Error::NoBpffs { .. }
        | Error::NotAttached
        | Error::NotAttachedTo { .. }
        | Error::NoNativeMode { .. }
        | Error::Entry { problem: EntryProblem::Mode(_) | EntryProblem::Kernel, .. }
        | Error::Load { .. }
        | Error::Clock { .. } => 3,
        Error::Held { .. } | Error::Entry { problem: EntryProblem::InUse(_), .. } => 4,
        Error::Privileges { .. }
        | Error::NotPrivate { .. }
        | Error::AlreadyAttached { .. }
        | Error::AwaitsConfirmation { .. }
        | Error::Watched
        | Error::NothingAwaits
        | Error::TooLate
        | Error::Attach { .. }
        | Error::Incompatible { .. }
        | Error::Newer { .. }
        | Error::Downgrade { .. }
        | Error::OtherTable { .. }
        | Error::TakenOver
        | Error::System { .. } => 1,
    }
}
