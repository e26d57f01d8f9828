//! A flood while it lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use firewall_tests::harness::{cpu, interrupt};
use firewall_tests::ike::hosts::{Hosts, INTERFACE};
use fragwall::kernel::generator::{Generator, Plan, Target};

use super::kind::Ammunition;

/// How many frames are made at first between two looks at whether it's over, and how long a go shall last at least: the
/// kernel takes some hundredths of a second to begin one.
const FRAMES: u32 = 1 << 14;
const GO: Duration = Duration::from_millis(500);
/// How long the flood may take to reach the host.
const BEGIN_LIMIT: Duration = Duration::from_secs(60);
/// What identifications and sources are drawn from.
const SEED: u64 = 0xf100_d5ee_d000_0001;

/// A CPU of the initiator's host that sends fragments as fast as it can; it ends on drop.
#[derive(Debug)]
pub struct Attack {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Attack {
    /// Begins it.
    ///
    /// # Errors
    /// The kernel refuses the generator.
    pub fn begin(hosts: &Hosts, ammunition: Ammunition, flood_cpu: usize) -> Result<Self> {
        let interface = hosts.initiator.interface(INTERFACE)?.index;
        let Ammunition { frames, sources, ids } = ammunition;
        let plan = Plan { frames: &frames, ids, sources, seed: SEED, rounds: None };
        let mut generator = Generator::load(&plan, Target::Interface(interface), None)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = hosts.initiator.spawn(move || {
            cpu::pin(flood_cpu)?;
            let mut frames = FRAMES;
            while !stop.load(Ordering::SeqCst) {
                let start = Instant::now();
                generator.run_live(frames)?;
                if start.elapsed() < GO {
                    frames = frames.saturating_mul(2);
                }
            }
            Ok(())
        })?;
        Ok(Self { stopping, thread: Some(thread) })
    }

    /// Waits until the flood is seen where it goes to.
    ///
    /// # Errors
    /// It isn't, or has come to an end.
    pub fn wait_until(&self, arrived: impl Fn() -> Result<bool>) -> Result<()> {
        let start = Instant::now();
        while !arrived()? {
            self.check()?;
            ensure!(start.elapsed() < BEGIN_LIMIT, "the flood doesn't reach the host");
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Makes sure that it goes on.
    ///
    /// # Errors
    /// It has come to an end, or the test is interrupted.
    pub fn check(&self) -> Result<()> {
        interrupt::check()?;
        let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        ensure!(!ended, "the flood has come to an end by itself");
        Ok(())
    }

    /// Ends it.
    ///
    /// # Errors
    /// It had come to an end by itself, for this reason.
    pub fn end(mut self) -> Result<()> {
        self.stopping.store(true, Ordering::SeqCst);
        let thread = self.thread.take().context("the flood has ended already")?;
        thread.join().map_err(|_| anyhow!("the flood panicked"))?.context("the flood")
    }
}

impl Drop for Attack {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            // Whatever went wrong there, what made the test fail is already under way.
            let _ = thread.join();
        }
    }
}
