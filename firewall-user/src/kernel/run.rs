//! Runs of the XDP program outside of any interface (`BPF_PROG_TEST_RUN`).

use std::{io, time::Duration};

use aya::maps::Array;
use firewall_common::{packet::ethernet, record::Trace};

use super::{
    Error,
    instance::{Instance, names},
    program::{Input, Ran},
};

/// The index of the loopback interface, which the kernel says test runs arrive on.
pub const RUN_ON: u32 = 1;

/// `XDP_TX`: the frame goes back out.
const XDP_TX: u32 = 3;
/// The room for a frame that a test run gives back, in bytes: the longest that the kernel runs programs on fit.
const MAX_ANSWER: usize = 1 << 16;

/// What became of a frame that the program was run on.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The XDP action: 1 drops, 2 passes, 3 sends an answer.
    pub action: u32,
    /// How long a run took, on average.
    pub duration: Duration,
}

impl Instance {
    /// Runs the program on a frame, `repeat` times over (`BPF_PROG_TEST_RUN`).
    ///
    /// # Errors
    /// The kernel refuses the frame: it must hold an Ethernet header, and be no longer than a jumbo frame.
    pub fn run(&mut self, frame: &[u8], repeat: u32) -> Result<Run, Error> {
        self.run_with(frame, repeat, None)
    }

    /// Runs the program on a frame of which the first buffer holds only so many bytes; Linux 6.18.
    ///
    /// # Errors
    /// The kernel refuses the frame, or is too old.
    pub fn run_in_buffers(&mut self, frame: &[u8], first: u32) -> Result<Run, Error> {
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let mut context = [0; 24];
        context[4..8].copy_from_slice(&first.to_ne_bytes());
        self.run_with(frame, 1, Some(&context))
    }

    fn run_with(&mut self, frame: &[u8], repeat: u32, context: Option<&[u8]>) -> Result<Run, Error> {
        let context = context.unwrap_or_default();
        let ran = self.loaded.program.run(&Input { frame, context, repeat, ..Input::default() }, &mut []);
        let Ran { returned, duration, length: _ } = ran.map_err(|error| running(frame, error))?;
        Ok(Run { action: returned, duration })
    }

    /// Runs the program on a frame; what it answers, if it does: the whole frame that it would send.
    ///
    /// # Errors
    /// The kernel refuses the frame.
    pub fn answer(&mut self, frame: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let mut answer = vec![0; MAX_ANSWER];
        let ran = self.loaded.program.run(&Input { frame, repeat: 1, ..Input::default() }, &mut answer);
        let Ran { returned, length, .. } = ran.map_err(|error| running(frame, error))?;
        answer.truncate(length);
        Ok(Some(answer).filter(|_| returned == XDP_TX))
    }

    /// Runs the program on a frame and returns how it was judged; the instance must have been loaded to explain itself.
    /// `None` if the frame is too short for an Ethernet header: the kernel doesn't run XDP programs on those.
    ///
    /// # Errors
    /// The kernel refuses the frame, or the program told nothing.
    pub fn judge(&mut self, frame: &[u8]) -> Result<Option<Trace>, Error> {
        if frame.len() < ethernet::HEADER {
            return Ok(None);
        }
        self.run(frame, 1)?;
        let trace = self.loaded.map(names::TRACE).and_then(|map| {
            let trace: Array<_, Trace> = Array::try_from(map)?;
            trace.get(&0, 0)
        });
        let trace = trace.map_err(|error| Error::aya("reading the program's judgement", error))?;
        if trace.serial != self.serial.wrapping_add(1) {
            let silent = io::Error::other("the program wrote none for this packet");
            return Err(Error::os("reading the program's judgement", silent));
        }
        self.serial = trace.serial;
        Ok(Some(trace))
    }
}

fn running(frame: &[u8], error: io::Error) -> Error {
    Error::os(format!("running the program on a frame of {} bytes", frame.len()), error)
}
