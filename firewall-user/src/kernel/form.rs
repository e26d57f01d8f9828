//! How a program is loaded so that another one may call it: the kernel lets only alike ones share an array.

use std::{
    io,
    os::fd::{AsRawFd as _, BorrowedFd, OwnedFd},
};

use nix::libc;
use serde::{Deserialize, Serialize};

use super::load::{Code, Kind, load};

/// `BPF_F_XDP_HAS_FRAGS`.
const HAS_FRAGS: u32 = 1 << 5;
/// `BPF_XDP` of `enum bpf_attach_type`.
const TYPED: u32 = 37;

/// What an XDP program is loaded with. The kernel calls a program from another's array only if both have the same form: one that was
/// loaded in the place of a dispatcher's function has no attach type, and is made for several buffers only if the dispatcher is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Form {
    /// Whether it gets frames that fill several buffers (Linux 5.18).
    pub(super) frags: bool,
    /// Whether it says that it's for XDP hooks, and not only that it's an XDP program.
    pub(super) typed: bool,
}

impl Form {
    /// That of a program that is attached to interfaces itself.
    pub const USUAL: Self = Self { frags: true, typed: true };

    /// All of them, the best ones first.
    pub(super) const ALL: [Self; 4] = [
        Self::USUAL,
        Self { frags: true, typed: false },
        Self { frags: false, typed: true },
        Self { frags: false, typed: false },
    ];

    /// Whether it's the usual one.
    pub(super) fn is_usual(&self) -> bool {
        *self == Self::USUAL
    }

    /// The flags that such a program is loaded with.
    pub(super) const fn flags(self) -> u32 {
        if self.frags { HAS_FRAGS } else { 0 }
    }

    /// The attach type that such a program is loaded with.
    pub(super) const fn attach_type(self) -> u32 {
        if self.typed { TYPED } else { 0 }
    }

    /// The forms of programs that an array of programs takes: tried out, since the kernel doesn't tell. Nothing is put into it.
    ///
    /// # Errors
    /// The kernel loads no program at all, or not for this process.
    pub(super) fn of_array(array: BorrowedFd<'_>) -> io::Result<Vec<Self>> {
        let mut taken = Vec::new();
        for form in Self::ALL {
            match probe(array, form) {
                Ok(_) => taken.push(form),
                Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(taken)
    }
}

/// Loads a small program that would call another from an array. The kernel compares the two as it compares the array with a program that
/// is put into it.
fn probe(array: BorrowedFd<'_>, form: Form) -> io::Result<OwnedFd> {
    let [a, b, c, d] = array.as_raw_fd().to_ne_bytes();
    let registers = |destination: u8, source: u8| {
        if cfg!(target_endian = "little") { source << 4 | destination } else { destination << 4 | source }
    };
    let number = |number: i32| number.to_ne_bytes();
    let instruction = |code: u8, registers: u8, value: [u8; 4]| {
        let [v, w, x, y] = value;
        [code, registers, 0, 0, v, w, x, y]
    };
    /// `BPF_PSEUDO_MAP_FD`, and the number of the helper `bpf_tail_call`.
    const MAP: u8 = 1;
    const TAIL_CALL: i32 = 12;
    const PASS: i32 = 2;
    let instructions = [
        // r2 = the array, which takes two; r3 = 0; call; r0 = XDP_PASS; exit.
        instruction(0x18, registers(2, MAP), [a, b, c, d]),
        [0; 8],
        instruction(0xb7, registers(3, 0), number(0)),
        instruction(0x85, 0, number(TAIL_CALL)),
        instruction(0xb7, registers(0, 0), number(PASS)),
        instruction(0x95, 0, number(0)),
    ];
    let code =
        Code { name: "fragwall_probe", license: c"Dual MIT/GPL", instructions: &instructions, typing: None };
    load(code, Kind::Xdp(form))
}
