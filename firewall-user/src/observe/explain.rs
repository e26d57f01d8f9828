//! How the program judges packets: the real one, in an instance of its own, away from any interface.

use firewall_common::{
    fragment::{Class, Fragment},
    record::Trace,
    rules::Slot,
    verdict::{Judgement, Reason, Verdict},
};
use serde::Serialize;

use crate::{
    kernel::{
        Error,
        document::Document,
        instance::{self, Instance},
        run::RUN_ON,
    },
    ruleset::{Config, compile::Host},
};

/// How one packet was judged.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Explanation {
    /// The packet's number in its capture, from 1.
    pub packet: u64,
    /// [`Verdict::name`].
    pub verdict: &'static str,
    /// [`Reason::name`].
    pub reason: &'static str,
    /// The number in the configuration, from 1, of the rule that decided; a trailing fragment bears its first's.
    pub rule: Option<usize>,
    /// [`Class::name`].
    pub class: &'static str,
    /// What its header says of its place in a fragmented datagram, if it's a fragment.
    pub fragment: Option<FragmentPlace>,
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
/// packets before them left.
#[derive(Debug)]
pub struct Explainer {
    document: Document,
    instance: Instance,
}

impl Explainer {
    /// Loads an instance of the program for a configuration, and for packets that come in on an interface of that name, if one
    /// is named.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub fn new(config: Config, on: Option<&str>) -> Result<Self, Error> {
        let document = Document::new(config)?;
        let interfaces = on.map(|name| (name.to_owned(), RUN_ON)).into_iter().collect();
        let host = Host { interfaces, ..instance::host()? };
        let instance = Instance::of_document(&document, &host, true)?;
        Ok(Self { document, instance })
    }

    /// Judges the packet that has this number and this frame.
    ///
    /// # Errors
    /// The kernel refuses to run the program on it.
    pub fn explain(&mut self, packet: u64, frame: &[u8]) -> Result<Explanation, Error> {
        let trace = match self.instance.judge(frame)? {
            Some(trace) => trace,
            // No interface hands a frame without an Ethernet header to a program; the program would say this of it.
            None => Trace::new(&Judgement::drop(Reason::Truncated), Fragment::OTHER, 0),
        };
        let (Some(verdict), Some(reason), Some(class)) = (
            Verdict::from_code(trace.verdict),
            Reason::from_code(trace.reason),
            Class::from_code(trace.class),
        ) else {
            let doing = format!("understanding the program's judgement of packet {packet}");
            return Err(Error::os(doing, std::io::Error::other(format!("{trace:?}"))));
        };
        let slot = Slot::from_index(usize::from(trace.slot));
        let is_fragment = !matches!(class, Class::Whole | Class::Other);
        Ok(Explanation {
            packet,
            verdict: verdict.name(),
            reason: reason.name(),
            rule: slot.and_then(|slot| self.document.number_of(slot)),
            class: class.name(),
            fragment: is_fragment.then_some(FragmentPlace {
                id: trace.id,
                offset: trace.offset,
                more: trace.more != 0,
            }),
        })
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
