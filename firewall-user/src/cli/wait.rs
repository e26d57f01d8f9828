//! Waiting for interfaces that aren't there yet: at boot, a driver may be slower than who asks for them.

use std::{
    os::fd::AsFd as _,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
};

use crate::{
    kernel::{Error, link_events::LinkEvents, netlink},
    ruleset::duration,
};

/// Some interfaces didn't come in time. What the others were wanted for has been done.
#[derive(Debug, thiserror::Error)]
#[error("interface {}: not there after {}; the other interfaces are filtered", quoted(names), duration::text(*limit))]
pub(super) struct Missing {
    /// Which ones, at least one.
    pub(super) names: Vec<String>,
    /// For how long they were waited for.
    pub(super) limit: Duration,
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ")
}

/// Waits until all of these interfaces are there, but not for longer than `limit`. Those that aren't by then.
pub(super) fn for_interfaces(names: &[String], limit: Duration) -> Result<Vec<String>, Error> {
    let began = Instant::now();
    // From before the first look: none that comes meanwhile is missed.
    let events = LinkEvents::new()?;
    loop {
        let present = netlink::interfaces()?;
        let is_missing = |name: &&String| !present.iter().any(|interface| interface.is_named(name));
        let missing: Vec<String> = names.iter().filter(is_missing).cloned().collect();
        let left = limit.saturating_sub(began.elapsed());
        if missing.is_empty() || left.is_zero() {
            return Ok(missing);
        }
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let failed = |error| Error::os("waiting for interfaces", error);
        match poll(&mut [PollFd::new(events.as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(failed(errno.into())),
        }
        events.drain().map_err(failed)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_is_there_isnt_waited_for() {
        let lo = ["lo".to_owned()];
        assert_eq!(for_interfaces(&lo, Duration::from_secs(3600)).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn one_that_never_comes_isnt_waited_for_longer_than_said() {
        let names = ["lo".to_owned(), "never-there".to_owned()];
        assert_eq!(for_interfaces(&names, Duration::from_millis(50)).unwrap(), ["never-there"]);
        assert_eq!(for_interfaces(&names, Duration::ZERO).unwrap(), ["never-there"]);
    }
}
