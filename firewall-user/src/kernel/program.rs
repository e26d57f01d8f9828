//! A program that the kernel has loaded.

use std::{
    io,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
    path::Path,
    time::Duration,
};

use nix::libc;

use super::{
    object::{self, describe},
    size::Size,
    syscall::bpf,
};

/// `BPF_PROG_TEST_RUN` of `linux/bpf.h`.
const TEST_RUN: libc::c_int = 10;

/// A loaded program. It's gone when this is dropped, unless it's pinned or attached.
#[derive(Debug)]
pub(super) struct Program(OwnedFd);

/// What a program is run on.
#[derive(Debug, Default)]
pub(super) struct Input<'a> {
    /// The frame.
    pub(super) frame: &'a [u8],
    /// The context, as the program's kind has it; empty for one that the kernel makes up.
    pub(super) context: &'a [u8],
    /// How often it's run.
    pub(super) repeat: u32,
    /// Whether its frames go where it says, so many at once (Linux 5.18).
    pub(super) live: Option<u32>,
}

/// What a run came to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ran {
    /// What the program returned.
    pub(super) returned: u32,
    /// How long a run took, on average.
    pub(super) duration: Duration,
    /// How long the frame is afterwards, in bytes.
    pub(super) length: usize,
}

impl Program {
    /// The program of a descriptor.
    pub(super) const fn new(program: OwnedFd) -> Self {
        Self(program)
    }

    /// Its descriptor.
    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }

    /// Pins it.
    ///
    /// # Errors
    /// Something is there, or it's no bpffs.
    pub(super) fn pin(&self, path: &Path) -> io::Result<()> {
        object::pin(self.fd(), path)
    }

    /// Runs it, away from any interface; what became of the frame goes to `output`, if that isn't empty.
    ///
    /// # Errors
    /// The kernel refuses the frame, or what became of it is longer than `output`.
    pub(super) fn run(&self, input: &Input<'_>, output: &mut [u8]) -> io::Result<Ran> {
        /// The part of `union bpf_attr` that the command reads, and writes.
        #[repr(C)]
        struct Attributes {
            program: u32,
            returned: u32,
            input_length: u32,
            output_length: u32,
            input: u64,
            output: u64,
            repeat: u32,
            duration: u32,
            context_length: u32,
            context_output_length: u32,
            context: u64,
            context_output: u64,
            flags: u32,
            cpu: u32,
            batch: u32,
            padding: u32,
        }
        /// `BPF_F_TEST_XDP_LIVE_FRAMES`.
        const LIVE: u32 = 1 << 1;
        let Input { frame, context, repeat, live } = *input;
        let address = |bytes: &[u8]| if bytes.is_empty() { 0 } else { bytes.as_ptr() as u64 };
        let mut attributes = Attributes {
            program: self.0.as_raw_fd() as u32,
            returned: 0,
            input_length: frame.len() as u32,
            output_length: output.len() as u32,
            input: address(frame),
            output: if output.is_empty() { 0 } else { output.as_mut_ptr() as u64 },
            repeat,
            duration: 0,
            context_length: context.len() as u32,
            context_output_length: 0,
            context: address(context),
            context_output: 0,
            flags: if live.is_some() { LIVE } else { 0 },
            cpu: 0,
            batch: live.unwrap_or_default(),
            padding: 0,
        };
        // SAFETY: what it reads and writes is as long as it's told, any bytes are a value of a number, and all of it outlives the call.
        unsafe { bpf(TEST_RUN, &mut attributes) }?;
        Ok(Ran {
            returned: attributes.returned,
            duration: Duration::from_nanos(attributes.duration.into()),
            length: attributes.output_length as usize,
        })
    }

    /// Its id.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    #[cfg(feature = "trace")]
    pub(super) fn id(&self) -> io::Result<u32> {
        let mut kind_and_id = [0_u32; 2];
        // SAFETY: integers.
        unsafe { describe(self.fd(), &mut kind_and_id) }?;
        Ok(kind_and_id[1])
    }

    /// How large it is.
    ///
    /// # Errors
    /// The kernel doesn't tell.
    pub(super) fn size(&self) -> io::Result<Size> {
        /// `struct bpf_prog_info` of `linux/bpf.h`.
        #[derive(Default)]
        #[repr(C)]
        struct Info {
            kind_and_id: [u32; 2],
            tag: u64,
            machine_code: u32,
            instructions: u32,
            /// From the address of the first to the count of runs that were left out.
            others: [u64; 24],
            verified_instructions: u32,
            padding: u32,
        }
        let mut info = Info::default();
        // SAFETY: integers.
        unsafe { describe(self.fd(), &mut info) }?;
        let Info { machine_code, verified_instructions, .. } = info;
        let verified_instructions = Some(verified_instructions).filter(|&count| count > 0);
        Ok(Size { verified_instructions, machine_code })
    }
}
