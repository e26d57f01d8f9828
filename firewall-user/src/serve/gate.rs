//! Reading something that takes its time, for many who ask at once.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::Mutex,
    task::spawn_blocking,
    time::{Instant, timeout},
};

/// How long somebody waits at most: another command may hold the filter's lock.
const PATIENCE: Duration = Duration::from_secs(5);

/// One reads at a time, on a thread of its own. What was read is given to all who had asked before it was begun, and to nobody else.
#[derive(Debug)]
pub(super) struct Gate<T>(Arc<Mutex<Option<(Instant, T)>>>);

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + 'static> Gate<T> {
    /// What is read; `None` if that takes too long.
    pub(super) async fn get(&self, read: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let asked = Instant::now();
        let reading = async {
            // It's held until that has been read, though nobody should wait for it any more.
            let mut last = Arc::clone(&self.0).lock_owned().await;
            if let Some((began, value)) = &*last
                && *began >= asked
            {
                return Some(value.clone());
            }
            let reading = spawn_blocking(move || {
                let began = Instant::now();
                let value = read();
                *last = Some((began, value.clone()));
                value
            });
            reading.await.ok()
        };
        timeout(PATIENCE, reading).await.ok().flatten()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Ten who ask while one is reading share what is read next, and nothing that was read before they asked.
    #[test]
    fn who_asks_while_it_is_read_is_given_what_is_read_next() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let reads = Arc::new(AtomicU32::new(0));
        let gate = Arc::new(Gate::default());
        let ask = |release: Option<std::sync::mpsc::Receiver<()>>| {
            let (gate, reads) = (Arc::clone(&gate), Arc::clone(&reads));
            runtime.spawn(async move {
                let read = move || {
                    let number = reads.fetch_add(1, Ordering::SeqCst) + 1;
                    let _ = release.map(|release| release.recv());
                    number
                };
                gate.get(read).await
            })
        };
        let (release, held) = std::sync::mpsc::channel();
        let first = ask(Some(held));
        runtime.block_on(async {
            while reads.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let others: Vec<_> = (0..10).map(|_| ask(None)).collect();
        // All of them have asked.
        runtime.block_on(async {
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        });
        release.send(()).unwrap();
        assert_eq!(runtime.block_on(first).unwrap(), Some(1));
        for other in others {
            assert_eq!(runtime.block_on(other).unwrap(), Some(2));
        }
        assert_eq!(runtime.block_on(ask(None)).unwrap(), Some(3));
    }
}
