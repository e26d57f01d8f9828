//! How the program judges packets: the real one, in an instance of its own, away from any interface.

use firewall_common::{
    fragment::{Class, Fragment},
    record::Trace,
    rules::Slot,
    verdict::{Judgement, Reason, Verdict},
};
use serde::{Serialize, Serializer};

use super::stages::Stages;
use crate::{
    kernel::{
        Error,
        document::Document,
        egress::Egress,
        instance::{self, Instance, Settings},
        run::RUN_ON,
        scratch::Scratch,
    },
    ruleset::{Compiled, Config, compile::Host},
};

/// The longest frame that is given to the program on egress, in bytes: the kernel runs it on no frame in several buffers.
const LONGEST_SENT: usize = 1514;

/// How one packet was judged.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// The packet's number in its capture, from 1.
    pub packet: u64,
    /// What is done with it.
    #[serde(serialize_with = "verdict")]
    pub verdict: Verdict,
    /// Why.
    #[serde(serialize_with = "reason")]
    pub reason: Reason,
    /// The number in the configuration, from 1, of the rule that decided; a trailing fragment bears its first's.
    pub rule: Option<usize>,
    /// What kind of packet it is, in respect of fragmentation.
    #[serde(serialize_with = "class")]
    pub class: Class,
    /// What its header says of its place in a fragmented datagram, if it's a fragment.
    pub fragment: Option<FragmentPlace>,
    /// What it's credited to.
    #[serde(skip)]
    pub slot: Slot,
}

fn verdict<S: Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.name())
}

fn reason<S: Serializer>(reason: &Reason, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(reason.name())
}

fn class<S: Serializer>(class: &Class, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(class.name())
}

/// A fragment's place in its datagram.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct FragmentPlace {
    /// The identification.
    pub id: u32,
    /// The offset, in bytes.
    pub offset: u16,
    /// Whether more fragments follow.
    pub more: bool,
}

/// Judges packets one after another, as an interface with this configuration would: fragments meet the table that the
/// packets before them left, and replies the flows of what was sent before them.
#[derive(Debug)]
pub struct Explainer {
    document: Document,
    instance: Instance,
    /// What remembers the flows of what is sent, if that was asked for and replies are accepted.
    egress: Option<Egress>,
    interface: String,
}

impl Explainer {
    /// Loads an instance of the program for a configuration, and for packets that come in on an interface of that name, if one
    /// is named. With `sends`, it can be told what the host sends.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn new(config: Config, on: Option<&str>, sends: bool) -> Result<Self, Error> {
        let document = Document::new(config)?;
        let interfaces = on.map(|name| (name.to_owned(), RUN_ON)).into_iter().collect();
        let host = Host { interfaces, ..instance::host()? };
        let rules = Compiled::new(&document.rules(), document.config.default, &host)?;
        let settings = Settings::of_document(&document, &rules, true)?;
        let (instance, egress) = if sends && document.config.replies.is_some() {
            // The programs hold the table when its pin is gone.
            let scratch = Scratch::new()?;
            let flows = scratch.path().join("flows");
            (Instance::load_beside(&settings, &flows)?, Egress::of_document(&document, &flows)?)
        } else {
            (Instance::load(&settings)?, None)
        };
        Ok(Self { document, instance, egress, interface: on.unwrap_or_default().to_owned() })
    }

    /// Judges the packet that has this number and this frame.
    ///
    /// # Errors
    /// The kernel refuses to run the program on it.
    pub fn explain(&mut self, packet: u64, frame: &[u8]) -> Result<Explanation, Error> {
        let trace = match self.instance.judge(frame)? {
            Some(trace) => trace,
            // No interface hands a frame without an Ethernet header to a program; the program would say this of it.
            None => Trace::new(Judgement::drop(Reason::Truncated), Fragment::OTHER, 0),
        };
        let (Some(verdict), Some(reason), Some(class), Some(slot)) = (
            Verdict::from_code(trace.verdict),
            Reason::from_code(trace.reason),
            Class::from_code(trace.class),
            Slot::from_index(usize::from(trace.slot)),
        ) else {
            let doing = format!("understanding the program's judgement of packet {packet}");
            return Err(Error::os(doing, std::io::Error::other(format!("{trace:?}"))));
        };
        let is_fragment = !matches!(class, Class::Whole | Class::Other);
        Ok(Explanation {
            packet,
            verdict,
            reason,
            rule: self.document.number_of(slot),
            class,
            fragment: is_fragment.then_some(FragmentPlace {
                id: trace.id,
                offset: trace.offset,
                more: trace.more != 0,
            }),
            slot,
        })
    }

    /// Takes a frame for one that the host sends: replies to it are known from now on, if they are accepted and this was made
    /// to be told so. Frames longer than a link's, which segmentation offload shows to captures, go on with a flow that
    /// shorter ones began, and are left out.
    ///
    /// # Errors
    /// The kernel refuses to run the program on it.
    pub fn send(&mut self, frame: &[u8]) -> Result<(), Error> {
        match &mut self.egress {
            Some(egress)
                if (firewall_common::packet::ethernet::HEADER..=LONGEST_SENT).contains(&frame.len()) =>
            {
                egress.run(frame, 1).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// What each stage found of a packet's frame, which was judged like that.
    pub fn stages(&self, frame: &[u8], explanation: &Explanation) -> Stages {
        Stages::of(frame, explanation, &self.document.config, &self.interface)
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.document.config
    }

    /// The program's instance.
    pub fn instance(&mut self) -> &mut Instance {
        &mut self.instance
    }
}
