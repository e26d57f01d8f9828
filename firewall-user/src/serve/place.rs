//! A connection's place among those that are there at once.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};

/// How many connections there are at once.
pub(super) const MOST: usize = 64;
/// How long an answer may be under way before its connection makes room for others.
const SLOW: Duration = Duration::from_secs(1);

/// What a connection is doing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Doing {
    /// Waiting for a request, or for the rest of its head.
    Waiting,
    /// Finding an answer.
    Answering,
    /// Sending it.
    Sending,
}

/// What is known of a connection.
#[derive(Clone, Copy, Debug)]
struct State {
    doing: Doing,
    since: Instant,
    /// How many answers it has been given.
    answers: u64,
}

/// What a connection tells of itself.
#[derive(Debug)]
pub(super) struct Place(Mutex<State>);

impl Place {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { doing: Doing::Waiting, since: Instant::now(), answers: 0 })))
    }

    /// A request is there.
    pub(super) fn answers(&self) {
        self.lock().set(Doing::Answering);
    }

    /// Its answer has been found.
    pub(super) fn sends(&self) {
        let mut state = self.lock();
        state.set(Doing::Sending);
        state.answers += 1;
    }

    /// All that there was to send has been sent.
    pub(super) fn has_sent(&self) {
        let mut state = self.lock();
        if state.doing == Doing::Sending {
            state.set(Doing::Waiting);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn set(&mut self, doing: Doing) {
        (self.doing, self.since) = (doing, Instant::now());
    }
}

/// The connections that are there.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<(Arc<Place>, AbortHandle)>);

impl Places {
    /// Makes room for one more if all places are taken: whoever has been waiting for a request for longest goes; or else whoever takes
    /// too long to be sent an answer; or else whoever has been given most answers. So those who hold places without asking for
    /// anything keep out nobody who does, nor do those who ask without end. Says whether there is room, and whether somebody went for it.
    pub(super) fn make_room(&mut self) -> (bool, bool) {
        self.0.retain(|(_, task)| !task.is_finished());
        if self.0.len() < MOST {
            return (true, false);
        }
        let now = Instant::now();
        match dispensable(self.0.iter().map(|(place, _)| *place.lock()), now) {
            Some(index) => {
                self.0.swap_remove(index).1.abort();
                (true, true)
            }
            None => (false, false),
        }
    }

    pub(super) fn add(&mut self, place: Arc<Place>, task: AbortHandle) {
        self.0.push((place, task));
    }
}

/// The place that is to be given up, by its number; none if each is being given its first answer.
fn dispensable(states: impl Iterator<Item = State>, now: Instant) -> Option<usize> {
    let rank = |&(_, State { doing, since, answers }): &(usize, State)| match doing {
        Doing::Waiting => (0, 0, since),
        _ if now.duration_since(since) > SLOW => (1, 0, since),
        _ => (2, u64::MAX - answers, since),
    };
    let is_first = |state: &State| state.answers == 0 && state.doing == Doing::Answering;
    states
        .enumerate()
        .filter(|(_, state)| !is_first(state) || now.duration_since(state.since) > SLOW)
        .min_by_key(rank)
        .map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_goes_before_who_is_slow_and_these_before_who_asks_without_end() {
        let now = Instant::now() + Duration::from_secs(100);
        let of =
            |doing, seconds, answers| State { doing, since: now - Duration::from_secs(seconds), answers };
        use Doing::{Answering, Sending, Waiting};
        for (states, expected) in [
            (&[of(Answering, 9, 0), of(Waiting, 1, 0), of(Waiting, 3, 1), of(Sending, 8, 1)][..], Some(2)),
            (&[of(Waiting, 0, 0), of(Sending, 8, 9)], Some(0)),
            (&[of(Sending, 2, 1), of(Answering, 3, 0), of(Sending, 0, 9)], Some(1)),
            (&[of(Answering, 0, 1), of(Answering, 1, 7), of(Sending, 0, 2)], Some(1)),
            (&[of(Answering, 1, 0), of(Sending, 0, 1)], Some(1)),
            (&[of(Answering, 1, 0), of(Answering, 0, 0)], None),
            (&[], None),
        ] {
            assert_eq!(dispensable(states.iter().copied(), now), expected, "{states:?}");
        }
    }
}
