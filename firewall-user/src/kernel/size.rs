//! How large programs are.

use aya::programs::ProgramInfo;

/// How large a program is to the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many instructions the verifier walked, over all paths; Linux 5.16.
    pub verified_instructions: Option<u32>,
    /// What the kernel's compiler made of it, in bytes; 0 if it has none, and interprets programs.
    pub machine_code: u32,
}

impl Size {
    /// Of what the kernel tells.
    pub fn of(info: &ProgramInfo) -> Self {
        Self { verified_instructions: info.verified_instruction_count(), machine_code: info.size_jitted() }
    }
}
