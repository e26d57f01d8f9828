//! ICMP errors about what the host sent.

use firewall_common::{fragment::tick::Tick, packet::Family, reply::table::Class, verdict::Reason};

use crate::support::flows::{Between, Echo, Flow, UDP, error, host, lifetimes, passes, send, verdict};

#[test]
fn an_error_about_what_was_sent_is_related() {
    for (family, header, kinds) in [(Family::V4, 20, &[3, 11, 12][..]), (Family::V6, 40, &[1, 3, 4])] {
        for &kind in kinds {
            let (env, flow, echo) = (host(), Flow::new(family, UDP), Echo { family, identifier: 7 });
            let enough = header + 8;
            assert!(!passes(&env, &error(family, kind, &flow.out(0), enough)));
            send(&env, &flow.out(0));
            send(&env, &echo.out(echo.request()));
            assert_eq!(verdict(&env, &error(family, kind, &flow.out(0), enough)).reason(), Reason::Related);
            assert_eq!(
                verdict(&env, &error(family, kind, &echo.out(echo.request()), enough)).reason(),
                Reason::Related
            );
            // Quotes of what wasn't sent, or of too little of it.
            assert!(!passes(&env, &error(family, kind, &flow.back(0), enough)));
            assert!(!passes(&env, &error(family, kind, &Flow { local: 1, ..flow }.out(0), enough)));
            for length in 0..enough {
                assert!(!passes(&env, &error(family, kind, &flow.out(0), length)), "{length}");
            }
            // A quoted fragment tells its ports if it is the first one.
            let fragment = |offset| flow.out(0).at(7, offset, true);
            assert!(passes(&env, &error(family, kind, &fragment(0), enough + 8)));
            assert!(!passes(&env, &error(family, kind, &fragment(8), enough + 8)));
        }
        // Redirect and source quench are no errors about a packet.
        let (env, flow) = (host(), Flow::new(family, UDP));
        send(&env, &flow.out(0));
        for kind in if family == Family::V4 { [4, 5] } else { [0, 127] } {
            assert!(!passes(&env, &error(family, kind, &flow.out(0), header + 8)));
        }
    }
}

/// Were the header taken as it is, the ports would be found: those of an IPv4 header that is too short in its destination.
#[test]
fn a_quote_without_a_sound_header_is_of_nothing() {
    const QUOTE: usize = 8;
    for (family, header, kind, firsts) in
        [(Family::V4, 20, 3, &[0x65, 0x05, 0x44][..]), (Family::V6, 40, 1, &[0x40, 0x00])]
    {
        let (env, flow) = (host(), Flow { local: 0x2020, remote: 0x2002, ..Flow::new(family, UDP) });
        send(&env, &flow.out(0));
        let sound = error(family, kind, &flow.out(0), header + 8);
        assert!(passes(&env, &sound));
        for &first in firsts {
            let mut packet = sound.packet.clone();
            packet.payload[QUOTE] = first;
            assert!(!passes(&env, &Between { packet, ..sound }), "{first:#x}");
        }
    }
}

#[test]
fn what_lies_behind_an_errors_end_is_not_quoted() {
    for (family, header, kind) in [(Family::V4, 20, 3), (Family::V6, 40, 1)] {
        let (env, flow) = (host(), Flow::new(family, UDP));
        send(&env, &flow.out(0));
        let whole = error(family, kind, &flow.out(0), header + 8);
        assert!(passes(&env, &whole));
        for missing in 1..=8 {
            let mut packet = whole.packet.clone();
            packet.padding = packet.payload.split_off(packet.payload.len() - missing);
            assert!(!passes(&env, &Between { packet, ..whole }), "{missing} bytes");
        }
    }
}

/// Whoever sees a packet can quote it.
#[test]
fn an_error_neither_renews_a_flow_nor_answers_it() {
    for (family, header, kind) in [(Family::V4, 20, 3), (Family::V6, 40, 1)] {
        let (mut env, flow) = (host(), Flow::new(family, UDP));
        env.lifetimes = lifetimes(&[(Class::Unanswered, 3), (Class::Answered, 100)]);
        send(&env, &flow.out(0));
        let error = error(family, kind, &flow.out(0), header + 8);
        for (now, is_known) in [(0, true), (3, true), (4, false)] {
            env.now = Tick(now);
            assert_eq!(passes(&env, &error), is_known, "{now}");
        }
    }
}
