//! A transfer in the midst of made-up flows, in both directions.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ScopedJoinHandle;

use firewall_tests::harness::host::{Host, NEIGHBOUR};
use firewall_tests::harness::packet::{Ether, Internet, ip6};
use firewall_tests::harness::raw::RawSender;

use super::service::{connect, serve};

/// Flows in each direction.
const FLOWS: u32 = 1_000_000;
/// What the neighbour writes at a time, and the host acknowledges.
const PIECE: usize = 1000;

#[test]
fn a_flood_of_flows_breaks_no_connection() {
    let host = Host::new("flows").unwrap();
    host.ok(&["attach", "eth0"]).unwrap();
    let place = SocketAddr::new(NEIGHBOUR[0], 80);
    let server = serve(&host.neighbour, place, |mut stream| {
        // As long as the host asks for more.
        let mut asked = [0];
        while stream.read(&mut asked)? > 0 {
            stream.write_all(&[asked[0]; PIECE])?;
        }
        Ok(())
    })
    .unwrap();
    let mut stream = connect(&host.netns, place).unwrap();
    let over = AtomicBool::new(false);
    let pieces = std::thread::scope(|scope| {
        let floods = [(&host.netns, true), (&host.neighbour, false)].map(|(netns, outgoing)| {
            let sender = RawSender::new(netns, "eth0").unwrap();
            scope.spawn(move || (0..FLOWS).try_for_each(|n| sender.send_in_turn(&frame(n, outgoing))))
        });
        let over = &over;
        let transfer = scope.spawn(move || {
            let mut pieces = 0_u32;
            while !over.load(Ordering::Relaxed) {
                let byte = pieces as u8;
                stream.write_all(&[byte]).unwrap();
                let mut piece = [0; PIECE];
                stream.read_exact(&mut piece).unwrap();
                assert_eq!(piece, [byte; PIECE]);
                pieces += 1;
            }
            pieces
        });
        // The transfer ends whatever became of the floods.
        let floods = floods.map(ScopedJoinHandle::join);
        over.store(true, Ordering::Relaxed);
        let pieces = transfer.join().unwrap();
        floods.into_iter().for_each(|flood| flood.unwrap().unwrap());
        pieces
    });
    server.join().unwrap().unwrap();
    // Few or many: none was lost for good.
    assert!(pieces > 10, "{pieces}");
}

/// A frame of the `n`th flow: as the host itself sends it, or as someone else does.
fn frame(n: u32, outgoing: bool) -> Vec<u8> {
    let other = format!("2001:db8:{:x}:{:x}::9", 1 + (n >> 16), n & 0xffff);
    let (from, to) = if outgoing { ("2001:db8::1", other.as_str()) } else { (other.as_str(), "2001:db8::1") };
    let ports = [4500, 1024 + (n % 50_000) as u16];
    Ether::to(ip6(from, to).udp(ports[0], ports[1], b"x")).frame()
}
