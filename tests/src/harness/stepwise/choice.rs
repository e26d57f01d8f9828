//! Before which of its steps a command is killed, and which it's refused.
//!
//! Each takes a run of its own, most of them a second, which the verifier needs. So, unless `FRAGWALL_EVERY_STEP` is set, it's those that
//! leave different things behind, and of a row of alike ones its ends.

use super::Step;

/// What leaves nothing behind when the process is killed, since nothing but its own descriptors leads to what was made. (What is frozen are
/// the constants of programs, which are never pinned.)
const UNKEPT: [&str; 4] = ["bpf(MAP_CREATE)", "bpf(PROG_LOAD)", "bpf(BTF_LOAD)", "bpf(MAP_FREEZE)"];

/// By what these do packets are judged otherwise from then on: there's no row of them.
const SINGLE: [&str; 3] = ["bpf(LINK_CREATE)", "bpf(LINK_UPDATE)", "bpf(LINK_DETACH)"];

/// Those of a command's steps that it's to be killed before. A process that is killed amid steps that leave nothing behind leaves what it
/// had before them, so it's killed behind the last of these, when it holds the most.
pub fn to_kill_before(steps: &[Step]) -> Vec<Step> {
    if is_every() { steps.to_vec() } else { ends_of_rows(steps, |step| !UNKEPT.contains(&step.name)) }
}

/// Those of a command's steps that it's to be refused. What becomes of an error is written for each call alone, so whatever is called
/// counts.
pub fn to_refuse(steps: &[Step]) -> Vec<Step> {
    if is_every() { steps.to_vec() } else { ends_of_rows(steps, |_| true) }
}

fn is_every() -> bool {
    std::env::var_os("FRAGWALL_EVERY_STEP").is_some()
}

/// Of those that count, in a row of one name, its first, its second, before which one has been made, and its last.
fn ends_of_rows(steps: &[Step], counts: impl Fn(&Step) -> bool) -> Vec<Step> {
    let counting: Vec<Step> = steps.iter().copied().filter(counts).collect();
    let rows = counting.chunk_by(|one, next| one.name == next.name && !SINGLE.contains(&one.name));
    rows.flat_map(|row| match row {
        [first, second, _, .., last] => vec![*first, *second, *last],
        short => short.to_vec(),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: &str = "bpf(MAP_CREATE)";
    const PIN: &str = "bpf(OBJ_PIN)";
    const UPDATE: &str = "bpf(LINK_UPDATE)";

    /// The positions of those that are chosen.
    fn positions(names: &[&'static str], counts: fn(&Step) -> bool) -> Vec<usize> {
        let steps: Vec<_> = names.iter().enumerate().map(|(nth, name)| Step { name, nth }).collect();
        ends_of_rows(&steps, counts).iter().map(|step| step.nth).collect()
    }

    #[test]
    fn of_a_row_its_ends_are_chosen() {
        let kept = |step: &Step| !UNKEPT.contains(&step.name);
        let attach = ["mkdir", CREATE, PIN, CREATE, PIN, CREATE, PIN, CREATE, CREATE, PIN, UPDATE];
        assert_eq!(positions(&attach, kept), [0, 2, 4, 9, 10]);
        assert_eq!(positions(&["unlinkat"; 3], kept), [0, 1, 2]);
        assert_eq!(positions(&[CREATE; 3], kept), [0_usize; 0]);
        assert_eq!(positions(&[CREATE; 9], |_| true), [0, 1, 8]);
    }

    #[test]
    fn by_a_link_something_changes_each_time() {
        assert_eq!(positions(&[UPDATE; 5], |_| true), [0, 1, 2, 3, 4]);
    }
}
