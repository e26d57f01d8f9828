//! Jumbo frames, which reach the program in several buffers.

use firewall_common::{
    rules::Slot,
    stance::Stance,
    verdict::{Cell, Reason, Verdict},
};
use firewall_tests::harness::{
    kernel::Setup,
    packet::{Ether, Internet, patched, pattern},
};

use fragwall::kernel::instance::{Instance, new_hash_key};

use crate::{Case, IP, RULES, frame, judge, load, v4, v6};

/// Headers that reach beyond the first buffer: the kernel's test runs put less than a page there.
fn far(port: u16) -> Vec<u8> {
    let packet = v6().dest_opts(2048).dest_opts(2048).dest_opts(2048).udp(9, port, &pattern(2800));
    Ether::to(packet).frame()
}

fn cases() -> Vec<Case> {
    use Verdict::{Drop, Pass};
    let far6 = far(4500);
    let first = v6().dest_opts(2048).dest_opts(2048).udp(9, 4500, &pattern(4800)).fragments(1, &[8000]);
    let cut = v6().dest_opts(2048).dest_opts(2048).udp(9, 4500, &pattern(4800)).fragments(2, &[4096]);
    vec![
        ("IPv4", frame(v4().udp(9, 4500, &pattern(8958))), Pass, Reason::Rule),
        ("IPv4 to another port", frame(v4().udp(9, 500, &pattern(8958))), Drop, Reason::Default),
        ("IPv6", frame(v6().udp(9, 4500, &pattern(8938))), Pass, Reason::Rule),
        (
            "IPv6 behind tags",
            Ether::to(v6().udp(9, 4500, &pattern(8938))).tag(0x88a8, 1).tag(0x8100, 2).frame(),
            Pass,
            Reason::Rule,
        ),
        ("far headers", far6.clone(), Pass, Reason::Rule),
        ("far headers and another port", far(500), Drop, Reason::Default),
        ("far headers that are cut", far6[..far6.len() - 1].to_vec(), Drop, Reason::IpLength),
        (
            "a far routing header of type 0",
            frame(v6().dest_opts(2048).dest_opts(2048).routing(0, 24).udp(9, 4500, &pattern(4700))),
            Drop,
            Reason::RoutingHeader0,
        ),
        ("a far first fragment", frame(first[0].clone()), Pass, Reason::Rule),
        ("its trailing one", frame(first[1].clone()), Pass, Reason::Inherited),
        ("a far first fragment without its header", frame(cut[0].clone()), Drop, Reason::FragmentHeaders),
        ("its large trailing one", frame(cut[1].clone()), Pass, Reason::Early),
        ("a small packet in it", Ether::to(v6().udp(9, 4500, &[])).padding(8000).frame(), Pass, Reason::Rule),
        ("another version", patched(&far6, IP, &[0x40]), Drop, Reason::IpVersion),
        ("something else", Ether::raw(0x88cc, &pattern(8986)).frame(), Pass, Reason::NotIp),
    ]
}

#[test]
fn jumbo_frames_are_judged_as_others_are() {
    let mut kernel = load(&Setup::rules(RULES));
    for (name, frame, verdict, reason) in cases() {
        let judged = judge(&mut kernel, &frame);
        assert_eq!((judged.verdict, judged.reason), (verdict, reason), "{name}");
    }
}

/// Around the end of the first buffer, wherever the kernel puts it.
#[test]
fn headers_are_found_on_both_sides_of_a_buffers_end() {
    let mut kernel = load(&Setup::rules(RULES));
    for length in (3000_usize..4500).step_by(8) {
        let long = length - 2048;
        let packet = |port| {
            let (a, b) = (long.min(2048), long.saturating_sub(2048));
            let packet = v6().dest_opts(2048).dest_opts(a);
            let packet = if b > 0 { packet.dest_opts(b) } else { packet };
            frame(packet.udp(9, port, &pattern(5000)))
        };
        assert_eq!(judge(&mut kernel, &packet(4500)).reason, Reason::Rule, "{length} bytes of options");
        assert_eq!(judge(&mut kernel, &packet(500)).reason, Reason::Default, "{length} bytes of options");
    }
}

/// Drivers may split headers from payload, or leave the first buffer empty: wherever it ends, the packet fares the same and
/// counts with all its bytes. Only an Ethernet header must be in it for the kernel's test runs.
#[test]
fn a_first_buffer_may_end_anywhere() {
    let release = nix::sys::utsname::uname().unwrap();
    let release = release.release().to_string_lossy().into_owned();
    let mut numbers = release.split(['.', '-']).map(|number| number.parse::<u32>().unwrap_or(0));
    if (numbers.next(), numbers.next()) < (Some(6), Some(18)) {
        eprintln!("Linux {release} can't make test runs with a short first buffer: that takes Linux 6.18");
        return;
    }
    let setup = Setup::rules(RULES);
    let compiled = setup.compile().unwrap();
    let settings = setup.settings(&compiled, new_hash_key().unwrap());
    let mut program = Instance::load(&settings).unwrap();
    let counters = program.counters().unwrap();
    let allowed = Cell::Direct(Slot::rule(0).unwrap(), Verdict::Pass);
    let denied = Cell::Direct(Slot::DEFAULT_DROP, Verdict::Drop);
    for (packet, port) in
        [(frame(v6().udp(9, 4500, &pattern(1000))), 4500), (frame(v4().udp(9, 9, &pattern(1000))), 9)]
    {
        let (action, cell) = if port == 4500 { (2, allowed) } else { (1, denied) };
        for first in (14..=100).chain([packet.len() as u32 - 1]) {
            let before = counters.read(Stance::Enforcing, cell).unwrap();
            let run = program.run_in_buffers(&packet, first).unwrap();
            let after = counters.read(Stance::Enforcing, cell).unwrap();
            assert_eq!(run.action, action, "port {port}, {first} bytes in the first buffer");
            assert_eq!(after.packets - before.packets, 1, "port {port}, {first} bytes in the first buffer");
            assert_eq!(after.bytes - before.bytes, packet.len() as u64, "{first} bytes in the first buffer");
        }
    }
}
