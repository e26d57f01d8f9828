//! `fragwall explain`

use std::path::PathBuf;

use clap::Args;

use super::{Global, args::FilterArgs, output};
use crate::observe::{
    capture::{Capture, Packet},
    explain::{Explainer, Explanation, FragmentPlace},
};

/// Show how packets from a file would be judged, and why.
///
/// The real program judges each packet in order, in an instance of its own: no interface is needed, and a filter in force
/// isn't touched. With --json each packet is one line.
#[derive(Args, Debug)]
pub(super) struct Explain {
    #[command(flatten)]
    filter: FilterArgs,
    /// The interface that the packets came in on, for rules that name one: if none is named here, that of the config file, if it
    /// names one alone.
    #[arg(long, value_name = "IFACE")]
    on: Option<String>,
    /// A pcap or pcapng file or a hex dump; `-` reads standard input.
    input: PathBuf,
}

impl Explain {
    pub(super) fn run(&self, global: &Global) -> anyhow::Result<()> {
        let config = self.filter.config()?.unwrap_or_default();
        let capture = Capture::open(&self.input)?;
        let on = self.on.clone().or_else(|| match &config.interfaces[..] {
            [only] => Some(only.clone()),
            _ => None,
        });
        let mut explainer = Explainer::new(config, on.as_deref())?;
        #[cfg(feature = "trace")]
        let mut logger = explainer.instance().trace(trace::Stderr)?;
        let mut cut = 0_u64;
        for packet in capture {
            let Packet { number, mut frame, original_len, .. } = packet?;
            if frame.len() < original_len {
                // What the capture left out is never looked at, but the lengths in the headers count it.
                cut += 1;
                frame.resize(original_len, 0);
            }
            let explanation = explainer.explain(number, &frame)?;
            #[cfg(feature = "trace")]
            logger.flush();
            if global.json {
                output::line(&serde_json::to_string(&explanation)?)?;
            } else {
                output::line(&text(&explanation, &explainer))?;
            }
        }
        if cut > 0 {
            output::say(format_args!(
                "{}: {cut} packet{} captured in part: the missing bytes are taken for zeros",
                self.input.display(),
                if cut == 1 { " was" } else { "s were" }
            ));
        }
        Ok(())
    }
}

fn text(explanation: &Explanation, explainer: &Explainer) -> String {
    let Explanation { packet, verdict, reason, rule, class, fragment } = explanation;
    let mut text = format!("{packet:>6}  {verdict}  {reason}");
    if let Some(number) = rule
        && let Some(rule) = explainer.config().rules.get(number - 1)
    {
        text += &format!("  rule {number}: {rule}");
    }
    text += &format!("  ({class}");
    if let Some(FragmentPlace { id, offset, more }) = fragment {
        text += &format!(", id {id:#010x}, offset {offset}{}", if *more { ", more follow" } else { "" });
    }
    text + ")"
}

/// Where the program's own trace goes in a build that has one.
#[cfg(feature = "trace")]
mod trace {
    /// Prints each record to standard error.
    pub(super) struct Stderr;

    impl log::Log for Stderr {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }

        fn log(&self, record: &log::Record<'_>) {
            super::output::say(format_args!(
                "        {}: {}",
                record.level().as_str().to_lowercase(),
                record.args()
            ));
        }

        fn flush(&self) {}
    }
}
