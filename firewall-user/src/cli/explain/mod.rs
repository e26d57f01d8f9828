//! `fragwall explain`

mod progress;
mod summary;
mod text;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use self::progress::Progress;
use super::{
    Global,
    args::FilterArgs,
    list::awaits_confirmation,
    output::{self, Lines},
};
use crate::{
    kernel::filter::Filter,
    observe::{
        capture::{Capture, Packet},
        explain::{Explainer, Explanation},
        stages::Stages,
        summary::Summary,
    },
    ruleset::Config,
};

/// Show how packets from a file would be judged, and why.
///
/// The real program judges each packet in order, in an instance of its own: no interface is needed, and a filter in force
/// isn't touched. With --json each packet is one line. It takes no account of when the packets came: they are judged as
/// fast as they are read, and there's no reassembly budget.
#[derive(Args, Debug)]
pub(super) struct Explain {
    #[command(flatten)]
    filter: FilterArgs,
    /// Judge by the rules and settings in force, as `fragwall list` and `fragwall save -` tell them.
    #[arg(long, conflicts_with_all = ["config", "allow", "default"])]
    attached: bool,
    /// The interface that the packets came in on, for rules that name one: if none is named here, that of the config file or of
    /// the filter in force, if it has one alone.
    #[arg(long, value_name = "IFACE")]
    on: Option<String>,
    /// Show what each stage found: the headers, the fragment table, essential ICMP, replies, the rule that matched, and rules before
    /// it that differ from the packet in one field.
    #[arg(long)]
    stages: bool,
    /// Show no packets, but how many there are of each verdict, reason and rule.
    #[arg(long, conflicts_with = "stages")]
    summary: bool,
    /// Take packets that the file marks as outgoing for what this host sent, so that replies to them are known. They aren't judged.
    /// Linux captures on the interface `any` have such marks, and some pcapng files.
    #[arg(long)]
    replies: bool,
    #[cfg(feature = "trace")]
    #[command(flatten)]
    trace: super::trace::TraceArgs,
    /// A pcap or pcapng file or a hex dump; `-` reads standard input.
    input: PathBuf,
}

/// What is told of a packet whose stages were asked for.
#[derive(Serialize)]
struct Staged<'a> {
    #[serde(flatten)]
    explanation: &'a Explanation,
    stages: Stages,
}

/// What is said of a capture once it has been read.
#[derive(Default)]
struct Notes {
    /// Packets of which a part is missing.
    cut: u64,
    /// Packets that the host sent.
    outgoing: u64,
}

impl Explain {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = self.config(global)?;
        let mut capture = Capture::open(&self.input)?;
        let on = self.on.clone().or_else(|| match &config.interfaces[..] {
            [only] => Some(only.clone()),
            _ => None,
        });
        let mut explainer = Explainer::new(config, on.as_deref(), self.replies)?;
        let mut summary = self.summary.then(Summary::default);
        let mut notes = Notes::default();
        let explained = self.explain(global, &mut capture, &mut explainer, &mut summary, &mut notes);
        if let Some(summary) = summary {
            summary::print(&summary.report(explainer.config()), global.json)?;
        }
        explained?;
        self.say(&notes);
        Ok(())
    }

    /// What packets are judged by.
    fn config(&self, global: &Global) -> anyhow::Result<Config> {
        if !self.attached {
            return Ok(self.filter.config()?.unwrap_or_default());
        }
        // Its lock isn't held any longer: a capture may be long.
        let filter = Filter::open(&global.bpffs)?;
        if filter.is_observing() {
            output::say("observing: this is what would become of packets; every packet passes");
        }
        if let Some(left) = filter.time_left()? {
            output::say(awaits_confirmation(left));
        }
        Ok(filter.config())
    }

    /// Explains each packet of a capture, or adds it to the summary if there's one.
    fn explain(
        &self,
        global: &Global,
        capture: &mut Capture,
        explainer: &mut Explainer,
        summary: &mut Option<Summary>,
        notes: &mut Notes,
    ) -> anyhow::Result<()> {
        #[cfg(feature = "trace")]
        let mut trace = self.trace.log().map(|log| explainer.instance().trace(log)).transpose()?;
        let mut lines = Lines::new(self.input == Path::new("-"));
        let progress = Progress::of(&self.input, self.summary);
        while let Some(packet) = capture.next() {
            let Packet { number, mut frame, original_len, outgoing, .. } = packet?;
            progress.at(number, capture.offset());
            if frame.len() < original_len {
                // What the capture left out is never looked at, but the lengths in the headers count it.
                notes.cut += 1;
                frame.resize(original_len, 0);
            }
            notes.outgoing += u64::from(outgoing);
            if outgoing && self.replies {
                explainer.send(&frame)?;
                if summary.is_none() && !global.json {
                    lines.line(&text::sent(number))?;
                }
                continue;
            }
            let explanation = explainer.explain(number, &frame)?;
            #[cfg(feature = "trace")]
            if let Some(trace) = &mut trace {
                trace.flush();
            }
            if let Some(summary) = summary {
                summary.add(&explanation, frame.len());
                continue;
            }
            let stages = self.stages.then(|| explainer.stages(&frame, &explanation));
            lines.line(&match stages {
                Some(stages) if global.json => {
                    serde_json::to_string(&Staged { explanation: &explanation, stages })?
                }
                None if global.json => serde_json::to_string(&explanation)?,
                stages => text::explained(&explanation, stages.as_ref(), explainer.config()),
            })?;
        }
        lines.finish()
    }

    fn say(&self, &Notes { cut, outgoing }: &Notes) {
        let input = self.input.display();
        let packets = |count| format!("{count} packet{}", if count == 1 { " was" } else { "s were" });
        if cut > 0 {
            output::say(format_args!(
                "{input}: {} captured in part: the missing bytes are taken for zeros",
                packets(cut)
            ));
        }
        match (self.replies, outgoing) {
            (true, 0) => output::say(format_args!(
                "{input}: no packet is marked as outgoing, so no reply is known; `tcpdump -i any` marks them"
            )),
            (false, 1..) => output::say(format_args!(
                "{input}: {} marked as outgoing, and judged as if it had come in; with --replies it's what this host sent",
                packets(outgoing)
            )),
            _ => {}
        }
    }
}
