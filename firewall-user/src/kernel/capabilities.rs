//! The capabilities of this process (capabilities(7)).

use std::fs;

/// Those that loading, attaching and looking take, by their bits.
const NEEDED: [(&str, u32); 3] = [("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38), ("CAP_BPF", 39)];
/// `CAP_SYS_ADMIN`, which stands for the latter two.
const SYS_ADMIN: u32 = 21;
/// `CAP_NET_ADMIN`, for which it doesn't.
const NET_ADMIN: u32 = 12;

/// The needed ones that aren't in effect in this thread.
pub fn missing() -> Vec<&'static str> {
    // Where the kernel doesn't tell, its refusals will.
    fs::read_to_string("/proc/thread-self/status")
        .ok()
        .and_then(|status| lacking(&status))
        .unwrap_or_default()
}

fn lacking(status: &str) -> Option<Vec<&'static str>> {
    let value = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    let effective = u64::from_str_radix(value.trim(), 16).ok()?;
    let has = |bit: u32| effective & (1 << bit) != 0;
    let is_missing = |bit: u32| !has(bit) && (bit == NET_ADMIN || !has(SYS_ADMIN));
    Some(NEEDED.iter().filter(|(_, bit)| is_missing(*bit)).map(|(name, _)| *name).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lacking_is_named() {
        let status = |effective: &str| format!("Name:\tsh\nCapPrm:\t0\nCapEff:\t{effective}\nCapBnd:\t0\n");
        for (effective, missing) in [
            ("000001ffffffffff", &[][..]),
            ("0000000000000000", &["CAP_NET_ADMIN", "CAP_PERFMON", "CAP_BPF"]),
            ("000000c000001000", &[]),
            ("0000004000001000", &["CAP_BPF"]),
            // CAP_SYS_ADMIN alone.
            ("0000000000200000", &["CAP_NET_ADMIN"]),
        ] {
            assert_eq!(lacking(&status(effective)).as_deref(), Some(missing), "{effective}");
        }
        assert_eq!(lacking("Name:\tsh\n"), None);
    }
}
