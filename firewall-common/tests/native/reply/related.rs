//! ICMP errors about what the host sent.

use firewall_common::{packet::Family, verdict::Reason};

use crate::support::flows::{Echo, Flow, UDP, error, host, passes, send, verdict};

#[test]
fn an_error_about_what_was_sent_is_related() {
    for (family, header, kinds) in [(Family::V4, 20, &[3, 11, 12][..]), (Family::V6, 40, &[1, 3, 4])] {
        for &kind in kinds {
            let (env, flow, echo) = (host(), Flow::new(family, UDP), Echo { family, identifier: 7 });
            let enough = header + 8;
            assert!(!passes(&env, &error(family, kind, &flow.out(0), enough)));
            send(&env, &flow.out(0));
            send(&env, &echo.out(echo.request()));
            assert_eq!(verdict(&env, &error(family, kind, &flow.out(0), enough)).reason, Reason::Related);
            assert_eq!(
                verdict(&env, &error(family, kind, &echo.out(echo.request()), enough)).reason,
                Reason::Related
            );
            // Quotes of what wasn't sent, or of too little of it.
            assert!(!passes(&env, &error(family, kind, &flow.back(0), enough)));
            assert!(!passes(&env, &error(family, kind, &Flow { local: 1, ..flow }.out(0), enough)));
            for length in 0..header + 4 {
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
