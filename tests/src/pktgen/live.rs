//! Fragments, and whole packets where there's no pktgen, by a BPF program on live frames.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use fragwall::kernel::generator::{Generator, Plan, Target};
use fragwall::kernel::netdev::XdpFeatures;

use super::frames;
use super::refusal::Refusal;
use super::sending::{Sending, Thread};
use super::traffic::Traffic;
use crate::harness::{cpu, interrupt};

/// How many frames are made at first between two looks at whether it's over, and at most; and how long a go shall last: the kernel takes some
/// hundredths of a second to begin one.
const FIRST: u64 = 1 << 12;
const MOST: u64 = 1 << 24;
const GO: Duration = Duration::from_millis(250);
/// How long it waits until something is due.
const PAUSE: Duration = Duration::from_millis(2);

/// Threads that each run a generator, each on a CPU of its own.
pub(super) struct Live {
    threads: Vec<Running>,
    stopping: Arc<AtomicBool>,
}

struct Running {
    cpu: usize,
    made: Arc<AtomicU64>,
    /// How long it took.
    thread: Option<JoinHandle<Result<Duration>>>,
}

/// What a thread does.
struct Work {
    generator: Generator,
    /// How many frames a datagram has.
    frames: u64,
    /// How many datagrams, if it's told how many.
    quota: Option<u64>,
    /// Datagrams a second at most.
    rate: Option<u64>,
    /// Frames until now.
    made: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
}

impl Live {
    /// Starts them.
    ///
    /// # Errors
    /// There are fewer CPUs, the driver takes no such frames, or the kernel refuses the generator.
    pub(super) fn start(traffic: &Traffic) -> Result<Self> {
        let interface = &traffic.way.interface;
        if XdpFeatures::of(traffic.way.index).is_some_and(|features| !features.takes_frames()) {
            return Err(takes_none(interface).into());
        }
        let cpus = cpu::allowed()?;
        if traffic.threads > cpus.len() {
            let (wanted, are) = (traffic.threads, cpus.len());
            return Err(
                Refusal::Invalid(format!("--threads {wanted}: there are {are} CPUs to run on")).into()
            );
        }
        // So that what a filter remembers of a run that was just before is about other datagrams.
        let base = RandomState::new().hash_one(()) as u32;
        let stopping = Arc::new(AtomicBool::new(false));
        let mut works = Vec::new();
        for (number, cpu) in cpus.into_iter().take(traffic.threads).enumerate() {
            let (frames, ids) = frames::of(traffic, number, base);
            let plan = Plan { frames: &frames, ids, sources: 0, seed: 0, rounds: None };
            let generator = Generator::load(&plan, Target::Interface(traffic.way.index), None)?;
            let frames = traffic.frames_per_datagram() as u64;
            let (quota, rate) = (traffic.share(number), traffic.rate_of(number));
            let (made, stopping) = (Arc::new(AtomicU64::new(0)), Arc::clone(&stopping));
            works.push((cpu, Work { generator, frames, quota, rate, made, stopping }));
        }
        let mut live = Self { threads: Vec::new(), stopping };
        for (cpu, work) in works {
            let made = Arc::clone(&work.made);
            let thread = thread::spawn(move || {
                cpu::pin(cpu)?;
                work.run()
            });
            live.threads.push(Running { cpu, made, thread: Some(thread) });
        }
        Ok(live)
    }
}

/// What is said of an interface that frames can't be redirected to.
pub(super) fn takes_none(interface: &str) -> Refusal {
    Refusal::Lacking(format!(
        "{interface} sends no frames that XDP makes: of a veth, the other end has to have an XDP program or generic receive offload on; other \
         drivers need a program on the interface itself (`fragwall attach {interface} --default allow`), and some can't at all"
    ))
}

impl Work {
    fn run(mut self) -> Result<Duration> {
        let start = Instant::now();
        // All in datagrams: each is sent whole, whenever it's over.
        let [first, most] = [FIRST, MOST].map(|frames| (frames / self.frames).max(1));
        let (mut go, mut done) = (first, 0);
        while !self.stopping.load(Ordering::Relaxed) {
            let left = self.quota.map_or(u64::MAX, |quota| quota - done);
            if left == 0 {
                break;
            }
            let due = self.rate.map_or(u64::MAX, |rate| {
                // The first is due at once.
                (start.elapsed().as_secs_f64() * rate as f64) as u64 + 1
            });
            let datagrams = go.min(left).min(due.saturating_sub(done));
            if datagrams == 0 {
                thread::sleep(PAUSE);
                continue;
            }
            let begun = Instant::now();
            if let Err(error) = self.generator.run_live((datagrams * self.frames) as u32) {
                // A signal cuts a go short.
                interrupt::check()?;
                return Err(error.into());
            }
            if datagrams == go {
                let fits = go as f64 * GO.as_secs_f64() / begun.elapsed().as_secs_f64();
                go = (fits as u64).clamp(first, (go * 2).min(most));
            }
            done += datagrams;
            self.made.store(done * self.frames, Ordering::Relaxed);
        }
        Ok(start.elapsed())
    }
}

impl Sending for Live {
    fn frames(&self) -> Result<u64> {
        Ok(self.threads.iter().map(|running| running.made.load(Ordering::Relaxed)).sum())
    }

    fn stop(&self) -> Result<()> {
        self.stopping.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn is_over(&mut self) -> Result<bool> {
        Ok(self.threads.iter().all(|running| running.thread.as_ref().is_none_or(JoinHandle::is_finished)))
    }

    fn end(mut self: Box<Self>) -> Result<Vec<Thread>> {
        let threads = self.threads.iter_mut().map(|Running { cpu, made, thread }| {
            let thread = thread.take().context("it has ended already")?;
            let ended = thread.join().map_err(|_| anyhow!("the generator on CPU {cpu} panicked"))?;
            let time = match ended {
                Err(error) if error.is::<interrupt::Interrupted>() => Duration::ZERO,
                ended => ended.with_context(|| format!("the generator on CPU {cpu}"))?,
            };
            let frames = made.load(Ordering::Relaxed);
            Ok(Thread { name: format!("CPU {cpu}"), frames, errors: 0, time, result: None })
        });
        threads.collect()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        for running in &mut self.threads {
            if let Some(thread) = running.thread.take() {
                // Whatever went wrong there, what made its owner fail is already under way.
                let _ = thread.join();
            }
        }
    }
}
