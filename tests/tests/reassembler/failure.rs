//! What shows a failure again: the fewest frames, and frames from a file.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use firewall_tests::harness::hex;
use firewall_tests::harness::minimise::minimise;

use super::comparison::{Difference, counted, is_allowed};
use super::session::{Frame, Session};
use super::twins::{Delivery, MODES, Twins};

/// How many pairs of hosts are made to find the fewest frames.
const ATTEMPTS: usize = 80;

/// What a session differs about when only these frames of it are sent, to new hosts.
fn difference(session: &Session, mode: &str, frames: &[Frame]) -> Result<Option<Difference>> {
    let twins = Twins::new(mode)?;
    let delivered = twins.send(frames.iter().map(|frame| frame.bytes.as_slice()))?;
    Ok(session.compare(&delivered).err())
}

/// A failure with the fewest frames that still show it.
pub fn report(seed: u64, mode: &str, session: &Session, found: &Difference) -> String {
    let mut how = found.text.clone();
    let mut last_of = |frames: &[Frame]| {
        let same = |again: &Difference| (again.fault, again.exchange) == (found.fault, found.exchange);
        let again = difference(session, mode, frames).ok().flatten().filter(same)?;
        how = again.text;
        frames.len().checked_sub(1)
    };
    let all = || session.frames.iter().cloned();
    let own: Vec<Frame> = all().filter(|frame| Some(frame.exchange) == found.exchange).collect();
    // Most often a single source's frames are enough.
    let start = if last_of(&own).is_some() { own } else { all().collect() };
    if start.len() == session.frames.len() && last_of(&start).is_none() {
        return format!("seed {seed}, mode {mode}: {how}\nThis was so once, and not again.");
    }
    let few = minimise(start, ATTEMPTS, last_of);
    let lines = hex::lines(few.iter().map(|frame| frame.bytes.as_slice()));
    format!("seed {seed}, mode {mode}: {how}\nafter these frames, which FRAGWALL_REPLAY=FILE sends:\n{lines}")
}

/// Sends the frames of a file, and says what both hosts deliver.
///
/// # Errors
/// What the filtered host delivers isn't what the other one does at allowed ports.
pub fn replay(file: &str) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {file}"))?;
    let frames = hex::parse(&text).with_context(|| file.to_owned())?;
    for mode in MODES {
        let delivered = Twins::new(mode)?.send(frames.iter().map(Vec::as_slice))?;
        let [mut reference, filtered] = [&delivered.reference, &delivered.filtered].map(|all| counted(all));
        println!("mode {mode}, without a filter:\n{}behind it:\n{}", list(&reference), list(&filtered));
        reference.retain(|(to, _), _| is_allowed(*to));
        ensure!(filtered == reference, "mode {mode}: what is delivered differs");
    }
    Ok(())
}

fn list(counts: &BTreeMap<&Delivery, usize>) -> String {
    let line = |(&(to, payload), times): (&&Delivery, &usize)| {
        format!(
            "  {to}: {} bytes, {:02x?}…, {times} times\n",
            payload.len(),
            &payload[..payload.len().min(16)]
        )
    };
    counts.iter().map(line).collect()
}
