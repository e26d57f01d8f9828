//! What is said of stages agrees with the judgement, for random packets and random rules.

use firewall_common::{
    fragment::{Class, identity::HashKey},
    verdict::Reason,
};
use firewall_tests::harness::{
    kernel::{Judged, Setup},
    native::Native,
    packet::random::{Random, sequence},
    ruleset::{Crowd, Probe, Shape, packet, rules},
};
use fragwall::{
    observe::{
        explain::Explanation,
        headers::Headers,
        stages::{Answer, FragmentTable, Stages},
    },
    ruleset::{Config, Replies, Rule, meaning},
};

/// The name of the interface that packets arrive on.
const INTERFACE: &str = "lo";

fn explanation(judged: &Judged) -> Explanation {
    let &Judged { verdict, reason, slot, class, .. } = judged;
    let rule = slot.as_rule().map(|place| place + 1);
    Explanation { packet: 1, verdict, reason, rule, class, fragment: None, slot }
}

fn is_malformed(reason: Reason) -> bool {
    reason.verdicts() == [firewall_common::verdict::Verdict::Drop]
        && !matches!(reason, Reason::LateDenial | Reason::FragmentBudget | Reason::FragmentOverlap)
}

/// That the stages say what the judgement does.
fn check(frame: &[u8], judged: &Judged, config: &Config) {
    let explanation = explanation(judged);
    let stages = Stages::of(frame, &explanation, config, INTERFACE);
    let context = || format!("{explanation:?}\n{stages:?}\n{frame:02x?}");
    let reason = explanation.reason;

    let malformed = is_malformed(reason).then_some(reason.name());
    assert_eq!(stages.malformed, malformed, "{}", context());
    let settled = |answer| matches!(answer, Some(Answer::Settled(by)) if by == reason);
    let of_essential = matches!(
        reason,
        Reason::NeighbourDiscovery
            | Reason::MulticastListener
            | Reason::PacketTooBig
            | Reason::IcmpError
            | Reason::FragmentNeighbourDiscovery
    );
    let of_reply = matches!(reason, Reason::Reply | Reason::Related);
    assert_eq!(settled(stages.essential), of_essential, "{}", context());
    assert_eq!(settled(stages.reply), of_reply, "{}", context());
    let table = match (reason, explanation.class) {
        (Reason::Inherited, _) => Some(FragmentTable::Inherited),
        (Reason::Early, _) => Some(FragmentTable::Early),
        (Reason::FragmentOverlap, _) => Some(FragmentTable::Overlap),
        (Reason::LateDenial, _) => Some(FragmentTable::LateDenial),
        (reason, Class::First) if !is_malformed(reason) => Some(FragmentTable::Remembered),
        _ => None,
    };
    assert_eq!(stages.fragment_table, table, "{}", context());

    let by_rules = matches!(reason, Reason::Rule | Reason::Default | Reason::LateDenial);
    let Some(matched) = &stages.rules else {
        // What has too many tags isn't looked into, and the default's.
        assert!(!by_rules || stages.ip.is_none(), "{}", context());
        return;
    };
    assert!(by_rules, "{}", context());
    assert_eq!(matched.rule, explanation.rule, "{}", context());
    let packet = Headers::read(frame).and_then(|headers| headers.packet(frame, INTERFACE));
    let packet = packet.expect("the rules were asked about it");
    let included = |number: usize| config.rules[number - 1].matching.includes(&packet);
    let limited = |number: usize| config.rules[number - 1].limit.is_some();
    assert!(matched.over_limit.iter().all(|&number| limited(number)), "{}", context());
    let first = (1..=config.rules.len()).find(|&n| included(n) && !matched.over_limit.contains(&n));
    assert_eq!(first, explanation.rule, "{}", context());
    for near in &matched.nearly {
        assert!(!included(near.rule), "{}", context());
        let matching = &config.rules[near.rule - 1].matching;
        assert!(matching.includes_but_for(Some(near.field), &packet), "{}", context());
        assert!(explanation.rule.is_none_or(|rule| near.rule < rule), "{}", context());
    }
}

fn native(random: &mut Random, rules: Vec<Rule>) -> (Native, Config) {
    let setup = Setup::of(rules).table(1 << 14).accepting_replies().accepting_icmp_errors();
    let setup = Setup { hash_key: Some(HashKey(std::array::from_fn(|_| random.bits()))), ..setup };
    let config =
        Config { rules: setup.rules.clone(), replies: Some(Replies::default()), ..Config::default() };
    assert!(config.icmp_errors, "as the filter");
    (Native::new(&setup).unwrap(), config)
}

#[test]
fn of_whatever_comes_the_stages_say_what_the_judgement_does() {
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let texts = [
            "deny udp 501",
            "allow @ike limit 3/h burst 3",
            "allow udp 1-4500",
            "allow icmpv6",
            "reject tcp",
        ];
        let rules = Setup::rules(&texts[..random.below(texts.len() + 1)]).rules;
        let (native, config) = native(&mut random, rules);
        for number in 0..300 {
            for frame in sequence(&mut random, number, 13) {
                check(&frame, &native.judge(&frame), &config);
            }
        }
    }
}

#[test]
fn of_packets_that_are_about_the_rules_too() {
    let mut near = 0;
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let count = random.pick(&[1, 3, 20, 200]);
        let crowd = Crowd::new(&mut random, count);
        let rules = rules(&mut random, &crowd, count);
        let (native, config) = native(&mut random, rules);
        for number in 0..100 {
            let packet = packet(&mut random, &crowd, &config.rules, INTERFACE);
            let shape = Shape::pick(&mut random, &packet, &Shape::ALL);
            let probe = Probe { packet: packet.clone(), shape, id: number, payload: 64 };
            let frame = probe.frames().remove(0);
            let judged = native.judge(&frame);
            check(&frame, &judged, &config);
            let read = Headers::read(&frame).and_then(|headers| headers.packet(&frame, INTERFACE));
            assert_eq!(read.as_ref(), Some(&packet));
            if judged.reason == Reason::Rule {
                assert_eq!(meaning::first_match(&config.rules, &packet), judged.slot.as_rule());
            }
            let stages = Stages::of(&frame, &explanation(&judged), &config, INTERFACE);
            near += stages.rules.map_or(0, |matched| matched.nearly.len());
        }
    }
    assert!(near > 100, "only {near} rules nearly matched");
}
