//! XDP programs that are measured by the same method, whosever they are.

use std::fmt;

use anyhow::{Context as _, Result};
use aya::programs::{TestRun as _, TestRunOptions, Xdp};
use fragwall::kernel::{instance::Instance, run::Run, size::Size};

/// An XDP program that the kernel runs on a frame (`BPF_PROG_TEST_RUN`).
pub trait Program: fmt::Debug {
    /// Runs it on a frame, so many times over.
    ///
    /// # Errors
    /// The kernel refuses the frame.
    fn run(&mut self, frame: &[u8], repeat: u32) -> Result<Run>;

    /// How large it is.
    ///
    /// # Errors
    /// The kernel tells nothing about the program.
    fn size(&mut self) -> Result<Size>;
}

/// Fragwall's.
impl Program for Instance {
    fn run(&mut self, frame: &[u8], repeat: u32) -> Result<Run> {
        Ok(Self::run(self, frame, repeat)?)
    }

    fn size(&mut self) -> Result<Size> {
        Ok(Self::size(self)?)
    }
}

/// Another's.
impl Program for Xdp {
    fn run(&mut self, frame: &[u8], repeat: u32) -> Result<Run> {
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.repeat = repeat;
        let result = self.test_run(options).context("running another's program on a frame")?;
        Ok(Run { action: result.return_value, duration: result.duration })
    }

    fn size(&mut self) -> Result<Size> {
        Ok(Size::of(&self.info()?))
    }
}
