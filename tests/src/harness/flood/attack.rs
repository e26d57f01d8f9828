//! A flood while it lasts.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use fragwall::kernel::generator::{Generator, Plan, Target};

use super::kind::Ammunition;
use crate::harness::netns::Netns;
use crate::harness::{cpu, interrupt};

/// How many frames are made at first between two looks at whether it's over, and how long a go shall last at least: the
/// kernel takes some hundredths of a second to begin one.
const FRAMES: u32 = 1 << 14;
const GO: Duration = Duration::from_millis(500);
/// How long the flood may take to reach the host.
const BEGIN_LIMIT: Duration = Duration::from_secs(60);
/// What identifications and sources are drawn from.
const SEED: u64 = 0xf100_d5ee_d000_0001;

/// How much comes in a flood.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effort {
    /// All that a CPU can make.
    Full,
    /// So many frames at once, and then a pause.
    Bursts {
        /// How many frames.
        frames: u32,
        /// The pause.
        pause: Duration,
    },
}

/// A CPU that sends fragments from a namespace; it ends on drop.
#[derive(Debug)]
pub struct Attack {
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<()>>>,
}

impl Attack {
    /// Begins it, by an interface of a namespace and on a CPU.
    ///
    /// # Errors
    /// There's no such interface, or the kernel refuses the generator.
    pub fn begin(
        from: &Netns,
        interface: &str,
        ammunition: &Ammunition,
        effort: Effort,
        flood_cpu: usize,
    ) -> Result<Self> {
        let Ammunition { frames, sources, ids } = ammunition;
        let plan = Plan { frames, ids: *ids, sources: *sources, seed: SEED, rounds: None };
        let target = Target::Interface(from.interface(interface)?.index);
        let mut generator = Generator::load(&plan, target, None)?;
        let stopping = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopping);
        let thread = from.spawn(move || {
            cpu::pin(flood_cpu)?;
            let mut as_fast_as_it_goes = FRAMES;
            while !stop.load(Ordering::SeqCst) {
                let start = Instant::now();
                match effort {
                    Effort::Full => {
                        generator.run_live(as_fast_as_it_goes)?;
                        if start.elapsed() < GO {
                            as_fast_as_it_goes = as_fast_as_it_goes.saturating_mul(2);
                        }
                    }
                    Effort::Bursts { frames, pause } => {
                        generator.run_live(frames)?;
                        thread::sleep(pause);
                    }
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
    /// It has come to an end, or the process is interrupted.
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
            // Whatever went wrong there, what made its owner fail is already under way.
            let _ = thread.join();
        }
    }
}
