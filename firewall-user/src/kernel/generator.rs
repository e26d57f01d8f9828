//! A generator of packets inside the kernel, for tests and benchmarks: it makes them far faster than any socket does, and
//! a program's cost for packets that differ can be measured with it.

use std::{io, num::NonZeroU32, path::Path};

use aya::{
    Pod,
    maps::{Array, MapError},
};

use super::{
    Error,
    instance::Instance,
    loaded::Loaded,
    loader::Loader,
    program::{Input, Ran},
    run::Run,
};

/// The program, built for the BPF target by the build script.
static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/generate"));

/// The names that the object gives to its maps.
mod names {
    pub(super) const FRAMES: &str = "FRAMES";
    pub(super) const POSITIONS: &str = "POSITIONS";
    pub(super) const NEXT: &str = "NEXT";
}

/// The longest frame that can be made, in bytes.
pub const MAX_FRAME: usize = 2044;
/// The shortest one, in bytes: Ethernet, IPv6 and either Fragment or UDP headers.
pub const MIN_FRAME: usize = 14 + 40 + 8;
/// How many frames are made before the stack gets them: what a driver handles at once.
const BATCH: u32 = 64;

/// What is generated: frames in turn, round after round.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The frames, of one IP version, all with a VLAN tag or none, and without IPv4 options: of IPv6 either fragments, with the Fragment header right
    /// behind the IPv6 header, or whole UDP packets, whose checksum holds as long as their source stays the same.
    pub frames: &'a [Vec<u8>],
    /// What identification the frames of a round bear, if they have one.
    pub ids: Ids,
    /// Which bits of the source change at random from round to round: of an IPv4 address, or of the second 32 bits of an
    /// IPv6 address, so that each has a /64 of its own.
    pub sources: u32,
    /// What randomness is drawn from. Generators of the same seed draw the same for a round.
    pub seed: u64,
    /// How many rounds there are; without a number it never ends.
    pub rounds: Option<u64>,
}

/// The identifications of a plan's rounds; IPv4 takes their lower 16 bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ids {
    /// 0, 1, 2 and so on: the round's number.
    Counted,
    /// Any.
    Random,
    /// Always 0.
    Same,
    /// In each round so much above what they were in the round before, and in the first so much above those of the plan's frames, which
    /// needn't be the same for all of a round.
    Stepped(NonZeroU32),
}

/// What becomes of the frames.
#[derive(Debug)]
pub enum Target<'a> {
    /// This program is run on them; what it returns becomes of them.
    Program(&'a mut Instance),
    /// They leave by the interface of that index, in the network namespace of the thread that runs the generator.
    Interface(u32),
    /// This XDP action is carried out.
    Action(u32),
}

/// Two generators on two CPUs that keep pace with each other.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// Where on a bpffs the two meet.
    pub pin: &'a Path,
    /// Which one it is.
    pub side: Side,
    /// By how many rounds it may be ahead of those that the other has completed; beyond that, its runs make nothing. At 0
    /// it stays behind, which one of the two can do.
    pub lead: u64,
}

/// One of two generators.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The one.
    One = 0,
    /// The other.
    Other = 1,
}

/// A loaded generator; it's for one thread.
#[derive(Debug)]
pub struct Generator {
    loaded: Loaded,
    first: Vec<u8>,
    side: Side,
}

/// The program's own form of a frame.
#[derive(Clone, Copy)]
#[repr(C)]
struct Frame {
    length: u32,
    bytes: [u8; MAX_FRAME],
}

/// How far a generator has got.
#[derive(Clone, Copy, Eq, PartialEq)]
#[repr(C, align(64))]
struct Position {
    round: u64,
    /// In the lower half of the first word; nothing in the others.
    turn: [u64; 7],
}

// SAFETY: an integer and bytes, without padding: any bits are a value.
unsafe impl Pod for Frame {}
// SAFETY: integers without padding.
unsafe impl Pod for Position {}

const _: () = assert!(size_of::<Frame>() == 4 + MAX_FRAME && size_of::<Position>() == 64);

impl Generator {
    /// Loads one.
    ///
    /// # Errors
    /// The kernel refuses it, or the plan's frames aren't what a plan is made of.
    pub fn load(plan: &Plan<'_>, target: Target<'_>, pace: Option<Pace<'_>>) -> Result<Self, Error> {
        let form = form(plan.frames)?;
        let loaded = try_load(plan, form, target, pace)?;
        let side = pace.map_or(Side::One, |pace| pace.side);
        Ok(Self { loaded, first: plan.frames[0].clone(), side })
    }

    /// Makes `repeat` frames; the kernel tells what became of the last one and how long one took on average.
    ///
    /// # Errors
    /// The kernel refuses to.
    pub fn run(&mut self, repeat: u32) -> Result<Run, Error> {
        let Ran { returned, duration, length: _ } =
            self.run_with(&Input { frame: &self.first, repeat, ..Input::default() }, &mut [])?;
        Ok(Run { action: returned, duration })
    }

    /// Makes `repeat` frames that go where their XDP action says, as if a driver had received them (Linux 5.18). Nobody
    /// tells what became of them.
    ///
    /// # Errors
    /// The kernel refuses to.
    pub fn run_live(&mut self, repeat: u32) -> Result<(), Error> {
        let input = Input { frame: &self.first, repeat, live: Some(BATCH), ..Input::default() };
        self.run_with(&input, &mut []).map(drop)
    }

    fn run_with(&self, input: &Input<'_>, output: &mut [u8]) -> Result<Ran, Error> {
        let ran = self.loaded.program.run(input, output);
        ran.map_err(|error| Error::os("running the generator", error))
    }

    /// Makes one frame and returns it; `None` if the plan has come to its end, or the other generator is too far behind.
    ///
    /// # Errors
    /// The kernel refuses to.
    pub fn make(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let mut frame = vec![0; MAX_FRAME];
        let before = self.position()?;
        let input = Input { frame: &self.first, repeat: 1, ..Input::default() };
        let length = self.run_with(&input, &mut frame)?.length;
        frame.truncate(length);
        Ok((self.position()? != before).then_some(frame))
    }

    /// How many rounds it has made.
    ///
    /// # Errors
    /// The kernel refuses to tell.
    pub fn rounds(&self) -> Result<u64, Error> {
        Ok(self.position()?.round)
    }

    fn position(&self) -> Result<Position, Error> {
        let position = || -> Result<Position, MapError> {
            Array::try_from(self.loaded.map(names::POSITIONS)?)?.get(&(self.side as u32), 0)
        };
        position().map_err(|error| Error::aya("reading the generator's position", error))
    }
}

fn try_load(
    plan: &Plan<'_>,
    form: Form,
    target: Target<'_>,
    pace: Option<Pace<'_>>,
) -> Result<Loaded, Error> {
    let Plan { frames, ids, sources, seed, rounds } = plan;
    let turns = frames.len() as u32;
    let end = rounds.unwrap_or(u64::MAX);
    let Form { kind, tag } = form;
    let is_v4 = u32::from(kind == Kind::V4);
    let has_id = u32::from(kind != Kind::WholeV6);
    let (random_ids, id_mask, step) = match ids {
        Ids::Counted => (0, u32::MAX, 0),
        Ids::Random => (1, u32::MAX, 0),
        Ids::Same => (0_u32, 0, 0),
        Ids::Stepped(step) => (0, u32::MAX, step.get()),
    };
    let sources = sources.to_be();
    let (side, lead) = pace.map_or((0, u64::MAX), |pace| (pace.side as u32, pace.lead));
    let (calls, interface, action) = match target {
        Target::Program(_) => (1, 0, 0),
        Target::Interface(index) => (0, index, 0),
        Target::Action(action) => (0, 0, action),
    };
    let mut loader = Loader::new(OBJECT);
    loader
        .set("TURNS", turns)
        .set("END", end)
        .set("SIDE", side)
        .set("LEAD", lead)
        .set("IS_V4", is_v4)
        .set("HAS_ID", has_id)
        .set("RANDOM_IDS", random_ids)
        .set("ID_MASK", id_mask)
        .set("STEP", step)
        .set("TAG", tag)
        .set("SOURCES", sources)
        .set("SEED", *seed)
        .set("CALLS", calls)
        .set("INTERFACE", interface)
        .set("ACTION", action)
        .entries(names::FRAMES, turns);
    if let Some(pace) = pace {
        loader.pin(names::POSITIONS, pace.pin.to_owned());
    }
    let mut loaded = loader.load()?;
    fill(&mut loaded, frames).map_err(|error| Error::aya("giving the generator its frames", error))?;
    if let Target::Program(instance) = target {
        let given = loaded.put(names::NEXT, &instance.loaded.program);
        given.map_err(|error| Error::aya("giving the generator the program that it calls", error))?;
    }
    Ok(loaded)
}

fn fill(loaded: &mut Loaded, frames: &[Vec<u8>]) -> Result<(), MapError> {
    let mut entries: Array<_, Frame> = Array::try_from(loaded.map_mut(names::FRAMES)?)?;
    for (turn, frame) in (0..).zip(frames) {
        let mut entry = Frame { length: frame.len() as u32, bytes: [0; MAX_FRAME] };
        entry.bytes[..frame.len()].copy_from_slice(frame);
        entries.set(turn, entry, 0)?;
    }
    Ok(())
}

/// What a plan's frames are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Form {
    kind: Kind,
    /// How many bytes their VLAN tag has.
    tag: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    V4,
    FragmentsV6,
    WholeV6,
}

/// What all the frames are.
fn form(frames: &[Vec<u8>]) -> Result<Form, Error> {
    let unsuitable = |why: String| Error::os("planning a generator", io::Error::other(why));
    let mut forms = frames.iter().map(|frame| form_of(frame).map_err(unsuitable));
    let first = forms.next().unwrap_or_else(|| Err(unsuitable("the plan has no frames".to_owned())))?;
    for form in forms {
        if form? != first {
            return Err(unsuitable(
                "the plan's frames have more than one IP version, whole IPv6 packets among fragments, or VLAN tags on some"
                    .to_owned(),
            ));
        }
    }
    Ok(first)
}

fn form_of(frame: &[u8]) -> Result<Form, String> {
    if !(MIN_FRAME..=MAX_FRAME).contains(&frame.len()) {
        return Err(format!("a frame has {} bytes instead of {MIN_FRAME} to {MAX_FRAME}", frame.len()));
    }
    let tag = if frame[12..14] == [0x81, 0x00] { 4 } else { 0 };
    // The EtherType, the version with IPv4's header length, and IPv6's Next Header: Fragment or UDP.
    let kind = match (&frame[tag + 12..tag + 14], frame[tag + 14], frame[tag + 20]) {
        ([0x08, 0x00], 0x45, _) => Kind::V4,
        ([0x86, 0xdd], version, 44) if version >> 4 == 6 => Kind::FragmentsV6,
        ([0x86, 0xdd], version, 17) if version >> 4 == 6 => Kind::WholeV6,
        _ => {
            return Err(
                "a frame is neither a bare IPv4 packet, nor an IPv6 fragment or UDP packet".to_owned()
            );
        }
    };
    Ok(Form { kind, tag: tag as u32 })
}
