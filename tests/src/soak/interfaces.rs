//! An interface that goes down, gets another name, is deleted, and comes back, while the daemon waits for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context as _, Result};

use super::scene::{COMING, COMING_PORTS, MTU, Scene};
use crate::harness::netns::{End, veth, wait_until_operational};
use crate::harness::udp::only_the_allowed_is_reached;
use crate::harness::wait::wait_until;

/// The name that it has for a while.
const OTHER_NAME: &str = "usb9";
/// The host's addresses on it, and the neighbour's.
const HOST: [(IpAddr, u8); 2] = [
    (IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 1)), 64),
    (IpAddr::V4(Ipv4Addr::new(203, 0, 113, 1)), 24),
];
const NEIGHBOUR: [(IpAddr, u8); 2] = [
    (IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 2)), 64),
    (IpAddr::V4(Ipv4Addr::new(203, 0, 113, 2)), 24),
];
/// Whole, and in three fragments.
const SIZES: [usize; 2] = [100, 3000];

/// The ends of the link: the host's, by that name, and the neighbour's.
fn ends<'a>(scene: &'a Scene, interface: &'a str) -> [End<'a>; 2] {
    let end = |netns, interface, addresses| End { netns, interface, receive_queues: 1, addresses };
    [end(&scene.host.netns, interface, &HOST), end(&scene.host.neighbour, COMING, &NEIGHBOUR)]
}

/// Makes it, and waits until the daemon has attached the filter.
pub(super) fn come(scene: &Scene) -> Result<()> {
    let host = &scene.host;
    let [one, other] = ends(scene, COMING);
    veth(&one, &other, MTU)?;
    wait_until(|| Ok(host.attached(COMING)?.is_some()))
        .with_context(|| format!("{COMING} is there, and isn't attached to"))
}

/// Deletes it and has it come back.
pub(super) fn go_and_come(scene: &Scene) -> Result<()> {
    scene.host.netns.ip(&["link", "del", COMING])?;
    come(scene)?;
    is_filtered(scene)
}

/// Takes it down and brings it up again, under another name for a while.
pub(super) fn change_names(scene: &Scene) -> Result<()> {
    let netns = &scene.host.netns;
    for (old, new) in [(COMING, OTHER_NAME), (OTHER_NAME, COMING)] {
        down(scene, old)?;
        netns.ip(&["link", "set", old, "name", new])?;
        up(scene, new)?;
        is_filtered(scene).with_context(|| format!("{old} is named {new} now"))?;
    }
    Ok(())
}

/// Takes it down and brings it up again.
pub(super) fn down_and_up(scene: &Scene) -> Result<()> {
    down(scene, COMING)?;
    up(scene, COMING)?;
    is_filtered(scene)
}

/// Takes the filter off it and puts it on again.
pub(super) fn detach_and_attach(scene: &Scene) -> Result<()> {
    scene.host.ok(&["detach", COMING])?;
    scene.host.ok(&["attach", COMING])?;
    is_filtered(scene)
}

/// That the allowed port is reached by it, and no other.
pub(super) fn is_filtered(scene: &Scene) -> Result<()> {
    for (to, _) in HOST {
        only_the_allowed_is_reached(&scene.host, to, COMING_PORTS, &SIZES)?;
    }
    Ok(())
}

/// Takes it down, by that name, and waits until the other end has noticed: if it did so only when the link is there again, it would lose
/// what it sends then.
fn down(scene: &Scene, name: &str) -> Result<()> {
    scene.host.netns.ip(&["link", "set", name, "down"])?;
    wait_until(|| Ok(!scene.host.neighbour.is_operational(COMING)?))
}

/// Brings it up, by that name.
fn up(scene: &Scene, name: &str) -> Result<()> {
    let netns = &scene.host.netns;
    netns.ip(&["link", "set", name, "up"])?;
    for end in ends(scene, name) {
        wait_until_operational(&end)?;
    }
    // An interface that goes down loses its IPv6 addresses.
    for (address, prefix) in HOST {
        netns.ip(&["address", "replace", &format!("{address}/{prefix}"), "dev", name, "nodad"])?;
    }
    Ok(())
}
