//! A filter that comes and goes as a whole, in a namespace of its own.

use anyhow::{Result, ensure};

use super::scene::Scene;
use crate::harness::host::HOST;
use crate::harness::udp::only_the_allowed_is_reached;

/// The port that it allows, and one that it doesn't.
const PORTS: [u16; 2] = [7000, 7001];
/// Whole, and in three fragments.
const SIZES: [usize; 2] = [100, 3000];

/// Attaches a filter, in another mode in each cycle, changes it, and takes it off, by which nothing is left of it.
pub(super) fn live(scene: &Scene, cycle: usize, note: &dyn Fn() -> Result<()>) -> Result<()> {
    let other = &scene.other;
    let allowed = format!("udp {}", PORTS[0]);
    let mode = ["native", "generic"][cycle % 2];
    other.ok(&["attach", "eth0", "--mode", mode, "--allow", &allowed])?;
    note()?;
    for to in HOST {
        only_the_allowed_is_reached(other, to, PORTS, &SIZES)?;
    }
    other.ok(&["allow", "udp", "9000"])?;
    note()?;
    other.ok(&["detach"])?;
    let left = other.pins()?;
    ensure!(left.is_empty(), "detaching leaves {left:?}");
    Ok(())
}
