//! Waiting for something to come about.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Far longer than anything that is waited for takes.
const LIMIT: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(1);

/// Asks again and again until it's so.
///
/// # Errors
/// Asking fails, or it doesn't come about for very long.
pub fn wait_until(mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is_so()? {
        if began.elapsed() > LIMIT {
            bail!("it hasn't come about in {LIMIT:?}");
        }
        thread::sleep(PAUSE);
    }
    Ok(())
}
