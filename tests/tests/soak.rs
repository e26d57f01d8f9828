//! All that happens to a filter and its daemon, for some cycles: `cargo xtask soak` is the same for as long as one wants.

use firewall_tests::soak::{self, Until};

/// About a minute of them.
const CYCLES: usize = soak::LEAST;

#[test]
fn nothing_is_lost_and_nothing_grows() {
    let report = soak::run(Until::Cycles(CYCLES), &|line| println!("{line}"))
        .unwrap_or_else(|error| panic!("{error:?}"));
    println!("{report}");
    assert_eq!(report.cycles, CYCLES, "{report}");
    assert_eq!(report.growth(), [], "{report}");
    // In every cycle some came.
    assert!(report.flood > 0 && report.datagrams > 0, "{report}");
}
