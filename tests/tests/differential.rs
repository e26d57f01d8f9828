//! One logic, two places: for random frames the XDP program in the kernel and the same code in this process say the same,
//! packet by packet, while their fragment tables fill and their counters count.
//!
//! A failure names its seed and the fewest frames that still show it. `FRAGWALL_SEED=N` runs the sessions from that seed on.

use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write as _,
};

use firewall_common::{
    fragment::identity::HashKey,
    record::Count,
    rules::Action,
    verdict::{Cell, Reason, Verdict},
};
use firewall_tests::harness::{
    kernel::{Judged, Setup},
    minimise::minimise,
    native::Native,
    packet::{
        mirror,
        random::{Random, sequence},
    },
};

/// Filters that are loaded.
const SESSIONS: u64 = 16;
/// Sequences of packets that each one judges.
const SEQUENCES: usize = 640;
/// Packets in a sequence, at least.
const PACKETS: usize = 13;
/// The longest frame that is sent, in bytes: the kernel runs no program on egress on frames in several buffers.
const LONGEST_SENT: usize = 1514;
/// How many filters are loaded to find the fewest frames.
const ATTEMPTS: usize = 120;

/// Rulesets that ask for every kind of table.
const RULES: [&[&str]; 5] = [
    &["allow @ike", "allow tcp 22,8000-8100"],
    &["deny udp 500", "allow udp", "allow icmpv6", "reject tcp 1-100", "allow tcp"],
    &[
        "allow sctp 22",
        "allow 47",
        "allow icmp",
        "deny udp 501-65535",
        "allow udp 1-4500",
        "allow 33 53",
        "allow ah",
    ],
    &[],
    &["allow udp", "allow tcp", "allow sctp 1-65535", "deny esp", "allow 136 8000", "allow 51", "allow 59"],
];

fn setup(random: &mut Random) -> Setup {
    let rules = random.pick(&RULES);
    let actions = [Action::Deny, Action::Allow];
    let hash_key = HashKey(std::array::from_fn(|_| random.bits()));
    // So large that no set overflows: which entry gives way depends on its age, which the two would count differently.
    let setup =
        Setup::rules(rules).default(random.pick(&Action::ALL)).early(random.pick(&actions)).table(1 << 20);
    // In every other session sources use up what they may have outstanding.
    let setup = if random.chance(50) { setup.budget(6, 200) } else { setup };
    let icmp_errors = random.chance(50);
    Setup { hash_key: Some(hash_key), icmp_errors, ..setup.accepting_replies() }
}

/// A frame, and which way it goes.
#[derive(Clone)]
struct Frame {
    bytes: Vec<u8>,
    /// Whether the host sends it; else it arrives.
    sent: bool,
}

/// What arrives, and what was sent before some of it for it to be a reply, or an error about that.
fn frames(random: &mut Random) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut push = |bytes, sent| frames.push(Frame { bytes, sent });
    for number in 0..SEQUENCES {
        for bytes in sequence(random, number, PACKETS) {
            let is_short = bytes.len() <= LONGEST_SENT;
            if let Some(asking) = mirror::asking(&bytes).filter(|_| is_short && random.chance(15)) {
                let error = mirror::error_about(&asking).filter(|_| random.chance(30));
                if random.chance(80) {
                    push(asking, true);
                }
                if let Some(error) = error {
                    push(error, false);
                }
            }
            push(bytes, false);
        }
    }
    frames
}

/// Both judgements of the first frame that they differ about, and its place; or the counters that they differ about.
fn difference(setup: &Setup, frames: &[Frame], mut agreed: impl FnMut(&Judged)) -> Option<(usize, String)> {
    let mut kernel = setup.load().unwrap_or_else(|error| panic!("{error:#}"));
    let native = Native::new(setup).unwrap();
    let mut counted: HashMap<u32, (Cell, Count)> = HashMap::new();
    for (n, Frame { bytes: frame, sent }) in frames.iter().enumerate() {
        if *sent {
            native.send(frame);
            kernel.send(frame).unwrap();
            continue;
        }
        let here = native.judge(frame);
        match kernel.judge(frame) {
            Ok(there) if there == here => agreed(&here),
            there => return Some((n, format!("kernel: {there:?}\nnative: {here:?}"))),
        }
        let (_, count) = counted.entry(here.cell().index()).or_insert((here.cell(), Count::default()));
        *count = *count + Count { packets: 1, bytes: frame.len() as u64, last: 0 };
    }
    let last = frames.len().checked_sub(1)?;
    for (cell, count) in counted.values() {
        let there = kernel.count(*cell).unwrap();
        if there != *count {
            return Some((last, format!("{cell:?}: kernel {there:?}, native {count:?}")));
        }
    }
    let all = counted.values().fold(Count::default(), |sum, (_, count)| sum + *count);
    let there = kernel.total().unwrap();
    (there != all).then(|| (last, format!("all counters: kernel {there:?}, native {all:?}")))
}

fn report(seed: u64, setup: &Setup, frames: &[Frame]) -> String {
    let still = |fewer: &[Frame]| difference(setup, fewer, |_| ()).map(|(last, _)| last);
    let few = minimise(frames.to_vec(), ATTEMPTS, still);
    let Some((_, how)) = difference(setup, &few, |_| ()) else {
        return format!(
            "seed {seed}: they differed once, and not again: what they keep isn't a function of the frames"
        );
    };
    let Setup { rules, default, early, .. } = setup;
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    let mut text = format!(
        "seed {seed}: rules {rules:?}, default {default:?}, early {early:?}\n{how}\nafter these frames:"
    );
    for frame in &few {
        text.push_str(if frame.sent { "\nsent: " } else { "\n" });
        for byte in &frame.bytes {
            let _ = write!(text, "{byte:02x}");
        }
    }
    text
}

#[test]
fn the_kernel_and_the_native_code_agree_on_random_packets() {
    let start = std::env::var("FRAGWALL_SEED").ok();
    let start = start.map_or(1, |text| text.parse().expect("FRAGWALL_SEED is a number"));
    let mut met: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for seed in start..start + SESSIONS {
        let mut random = Random::new(seed);
        let setup = setup(&mut random);
        let frames = frames(&mut random);
        let found = difference(&setup, &frames, |Judged { reason, verdict, .. }| {
            *met.entry((reason.name(), verdict.name())).or_default() += 1;
        });
        if let Some((last, _)) = found {
            panic!("{}", report(seed, &setup, &frames[..=last]));
        }
    }
    let total: usize = met.values().sum();
    assert!(total >= 100_000, "only {total} packets were judged");
    // Frames that are all judged alike would prove nothing; and no reason comes with a verdict that it can't have.
    for reason in Reason::ALL {
        for verdict in Verdict::ALL {
            let times = met.get(&(reason.name(), verdict.name())).copied().unwrap_or(0);
            let as_said = if reason.verdicts().contains(&verdict) { times >= 10 } else { times == 0 };
            assert!(as_said, "{} met {} {times} times: {met:#?}", reason.name(), verdict.name());
        }
    }
}
