//! System calls, and which of them change something that may outlive the process.

use nix::libc;

/// A system call that is about to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) number: i64,
    pub(super) arguments: [u64; 6],
}

/// The commands of bpf(2) that change something that may outlive the process, in the order of `enum bpf_cmd`; `None` for those that only
/// read. Of what isn't known it's believed that it changes something.
const COMMANDS: [Option<&str>; 36] = [
    Some("bpf(MAP_CREATE)"),
    None,
    Some("bpf(MAP_UPDATE_ELEM)"),
    Some("bpf(MAP_DELETE_ELEM)"),
    None,
    Some("bpf(PROG_LOAD)"),
    Some("bpf(OBJ_PIN)"),
    None,
    Some("bpf(PROG_ATTACH)"),
    Some("bpf(PROG_DETACH)"),
    Some("bpf(PROG_TEST_RUN)"),
    None,
    None,
    None,
    None,
    None,
    None,
    Some("bpf(RAW_TRACEPOINT_OPEN)"),
    Some("bpf(BTF_LOAD)"),
    None,
    None,
    Some("bpf(MAP_LOOKUP_AND_DELETE_ELEM)"),
    Some("bpf(MAP_FREEZE)"),
    None,
    None,
    Some("bpf(MAP_LOOKUP_AND_DELETE_BATCH)"),
    Some("bpf(MAP_UPDATE_BATCH)"),
    Some("bpf(MAP_DELETE_BATCH)"),
    Some("bpf(LINK_CREATE)"),
    Some("bpf(LINK_UPDATE)"),
    None,
    None,
    Some("bpf(ENABLE_STATS)"),
    Some("bpf(ITER_CREATE)"),
    Some("bpf(LINK_DETACH)"),
    Some("bpf(PROG_BIND_MAP)"),
];

/// The name of a system call that changes something that may outlive the process; `None` if it doesn't. What is sent by a socket is
/// netlink's, and may.
pub(super) fn changes(call: &Call) -> Option<&'static str> {
    match call.number {
        libc::SYS_bpf => {
            let command = usize::try_from(call.arguments[0]).unwrap_or(usize::MAX);
            COMMANDS.get(command).copied().unwrap_or(Some("bpf(?)"))
        }
        libc::SYS_sendto => Some("sendto"),
        libc::SYS_sendmsg => Some("sendmsg"),
        libc::SYS_mkdirat => Some("mkdirat"),
        libc::SYS_unlinkat => Some("unlinkat"),
        libc::SYS_renameat2 => Some("renameat2"),
        libc::SYS_mount => Some("mount"),
        libc::SYS_move_mount => Some("move_mount"),
        libc::SYS_umount2 => Some("umount2"),
        number => older(number),
    }
}

/// Those that only older architectures have.
#[cfg(target_arch = "x86_64")]
fn older(number: i64) -> Option<&'static str> {
    match number {
        libc::SYS_mkdir => Some("mkdir"),
        libc::SYS_rmdir => Some("rmdir"),
        libc::SYS_unlink => Some("unlink"),
        libc::SYS_rename => Some("rename"),
        libc::SYS_renameat => Some("renameat"),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn older(_: i64) -> Option<&'static str> {
    None
}
