//! How far a run has got, for who watches: a bar on a terminal, a line a second elsewhere.

use std::io::{self, IsTerminal as _};
use std::time::{Duration, Instant};

use fragwall::observe::rates::short;
use indicatif::{ProgressBar, ProgressStyle};

use super::filter::Look;
use super::traffic::{Amount, Traffic};

/// How often a line is printed.
const LINE: Duration = Duration::from_secs(1);

/// It goes away on drop.
pub(super) struct Progress {
    amount: Amount,
    frames_per_datagram: u64,
    bar: Option<ProgressBar>,
    start: Instant,
    last: Option<Last>,
}

/// What was so at the last line.
struct Last {
    at: Instant,
    frames: u64,
    look: Option<Look>,
}

impl Progress {
    /// That of what is sent.
    pub(super) fn of(traffic: &Traffic) -> Self {
        let frames_per_datagram = traffic.frames_per_datagram() as u64;
        let length = match traffic.amount {
            Amount::Count(count) => count.saturating_mul(frames_per_datagram),
            Amount::Time(time) => milliseconds(time),
        };
        let bar = io::stderr().is_terminal().then(|| bar(length));
        Self { amount: traffic.amount, frames_per_datagram, bar, start: Instant::now(), last: None }
    }

    /// Whether it's time to say more than how far it is.
    pub(super) fn is_due(&self) -> bool {
        self.last.as_ref().is_none_or(|last| last.at.elapsed() >= LINE)
    }

    /// So many frames were sent until now.
    pub(super) fn at(&self, frames: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(match self.amount {
                Amount::Count(_) => frames,
                Amount::Time(_) => milliseconds(self.start.elapsed()),
            });
        }
    }

    /// So many frames were sent until now, and that is what the receiving side sees.
    pub(super) fn tell(&mut self, frames: u64, look: Option<Look>) {
        let now = Instant::now();
        if let Some(last) = &self.last {
            let seconds = (now - last.at).as_secs_f64();
            let mut line = format!("sent {}/s", short((frames - last.frames) as f64 / seconds));
            if let (Some(look), Some(before)) = (&look, &last.look) {
                let seen = look.since(before);
                let rate = |packets: u64| short(packets as f64 / seen.seconds);
                line += &format!(", received {}/s", rate(seen.counters.received.packets));
                if let Some(judged) = seen.judged {
                    let [passed, dropped] = ["pass", "drop"].map(|verdict| rate(judged.of_verdict(verdict)));
                    line += &format!(", passed {passed}/s, dropped {dropped}/s");
                }
            }
            match &self.bar {
                Some(bar) => bar.set_message(line),
                None => {
                    let datagrams = frames / self.frames_per_datagram;
                    eprintln!("{:>4} s  {datagrams:>10} datagrams  {line}", self.start.elapsed().as_secs());
                }
            }
        }
        self.last = Some(Last { at: now, frames, look });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {percent:>3} %, {eta} to go  {msg}");
    let style = style.expect("the template is one").progress_chars("=> ");
    ProgressBar::new(length).with_style(style)
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
