//! A neighbour that sends all the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use firewall_tests::harness::host::Host;
use firewall_tests::harness::packet::{Ether, Internet as _, ip4, ip6, pattern};
use firewall_tests::harness::raw::RawSender;

/// A host with a filter that allows UDP 500, rejects TCP 23 and denies all else.
pub(crate) fn filtered(label: &str) -> Result<Host> {
    let host = Host::new(label)?;
    host.ok(&["attach", "eth0", "--allow", "udp 500"])?;
    host.ok(&["reject", "tcp", "23"])?;
    Ok(host)
}

/// What is sent until this is dropped: what passes, fragments of it, what is dropped by default, and what is rejected.
pub(crate) struct Traffic {
    ends: Arc<AtomicBool>,
    sending: Option<JoinHandle<()>>,
}

impl Traffic {
    pub(crate) fn new(host: &Host) -> Result<Self> {
        let sender = RawSender::new(&host.neighbour, "eth0")?;
        let v6 = || ip6("2001:db8::2", "2001:db8::1");
        let mut frames = vec![
            Ether::to(v6().udp(9, 500, b"passes")).frame(),
            Ether::to(ip4("192.0.2.2", "192.0.2.1").udp(9, 53, b"is dropped")).frame(),
            Ether::to(v6().tcp(9, 23, 2, b"")).frame(),
        ];
        let fragments = v6().udp(9, 500, &pattern(1000)).fragments(7, &[504]);
        frames.extend(fragments.into_iter().map(|fragment| Ether::to(fragment).frame()));
        let ends = Arc::new(AtomicBool::new(false));
        let end = Arc::clone(&ends);
        let work = move || {
            while !end.load(Ordering::Relaxed) {
                for frame in &frames {
                    sender.send(frame).expect("the link takes frames");
                }
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        Ok(Self { ends, sending: Some(std::thread::spawn(work)) })
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(sending) = self.sending.take() {
            // That it couldn't send has been said.
            let _ = sending.join();
        }
    }
}
