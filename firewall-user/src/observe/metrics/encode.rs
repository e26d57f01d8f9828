//! Writing metrics in Prometheus's text format, version 0.0.4, and in OpenMetrics 1.0.

use std::fmt::{Display, Write as _};

use super::{
    Format,
    family::{Family, Kind},
};

/// A text of metrics, family by family.
pub(super) struct Encoder {
    format: Format,
    text: String,
}

/// Where a family's samples go.
pub(super) struct Samples<'e> {
    encoder: &'e mut Encoder,
    family: &'e Family,
    /// Whether what the family is has been told.
    is_told: bool,
}

impl Encoder {
    pub(super) const fn new(format: Format) -> Self {
        Self { format, text: String::new() }
    }

    /// Begins a family, all of whose samples are to follow. One without samples isn't told of.
    pub(super) fn family<'e>(&'e mut self, family: &'e Family) -> Samples<'e> {
        Samples { encoder: self, family, is_told: false }
    }

    /// The whole text.
    pub(super) fn finish(mut self) -> String {
        if self.format == Format::OpenMetrics {
            self.text.push_str("# EOF\n");
        }
        self.text
    }

    /// Tells what a family is. OpenMetrics names the family; the text format, which knows no families, its samples.
    fn describe(&mut self, family: &Family) {
        let open = self.format == Format::OpenMetrics;
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Info if open => "info",
            Kind::Gauge | Kind::Info => "gauge",
        };
        let name = if open { family.name.to_owned() } else { family.sample_name() };
        self.line(format_args!("# HELP {name} {}", family.help));
        self.line(format_args!("# TYPE {name} {kind}"));
        if open && let Some(unit) = family.unit() {
            self.line(format_args!("# UNIT {name} {unit}"));
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to a string can't fail.
        let _ = writeln!(self.text, "{line}");
    }
}

impl Samples<'_> {
    /// A sample, with the values of the family's labels in their order.
    pub(super) fn sample(&mut self, values: &[&str], value: impl Display) {
        let Self { encoder, family, is_told } = self;
        debug_assert_eq!(family.labels.len(), values.len(), "{}", family.name);
        if !std::mem::replace(is_told, true) {
            encoder.describe(family);
        }
        let text = &mut encoder.text;
        text.push_str(family.name);
        text.push_str(family.kind.suffix());
        for (index, (label, value)) in family.labels.iter().zip(values).enumerate() {
            text.push(if index == 0 { '{' } else { ',' });
            text.push_str(label);
            text.push_str("=\"");
            escape(value, text);
            text.push('"');
        }
        if !family.labels.is_empty() {
            text.push('}');
        }
        encoder.line(format_args!(" {value}"));
    }
}

/// Writes a label's value as both formats have it.
fn escape(value: &str, text: &mut String) {
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::family::{BUILD, INTERFACE_BYTES, TABLE_HITS, UP};

    fn text(format: Format) -> String {
        let mut encoder = Encoder::new(format);
        encoder.family(&BUILD).sample(&["1.2.3"], 1);
        encoder.family(&UP).sample(&[], 0);
        encoder.family(&TABLE_HITS);
        let mut bytes = encoder.family(&INTERFACE_BYTES);
        bytes.sample(&["a\"b\\c\nd", "pass", "enforcing"], 18_446_744_073_709_551_615_u64);
        bytes.sample(&["é", "drop", "enforcing"], 2);
        encoder.finish()
    }

    #[test]
    fn the_text_format_names_samples() {
        assert_eq!(
            text(Format::Text),
            "# HELP fragwall_build_info The version of this command.\n\
             # TYPE fragwall_build_info gauge\n\
             fragwall_build_info{version=\"1.2.3\"} 1\n\
             # HELP fragwall_up Whether a filter is attached to any interface.\n\
             # TYPE fragwall_up gauge\n\
             fragwall_up 0\n\
             # HELP fragwall_interface_bytes_total Bytes of these packets' frames.\n\
             # TYPE fragwall_interface_bytes_total counter\n\
             fragwall_interface_bytes_total{interface=\"a\\\"b\\\\c\\nd\",verdict=\"pass\",stance=\"enforcing\"} 18446744073709551615\n\
             fragwall_interface_bytes_total{interface=\"é\",verdict=\"drop\",stance=\"enforcing\"} 2\n"
        );
    }

    #[test]
    fn openmetrics_names_families_and_units_and_has_an_end() {
        let text = text(Format::OpenMetrics);
        for line in [
            "# TYPE fragwall_build info",
            "fragwall_build_info{version=\"1.2.3\"} 1",
            "# TYPE fragwall_interface_bytes counter",
            "# UNIT fragwall_interface_bytes bytes",
            "fragwall_interface_bytes_total{interface=\"é\",verdict=\"drop\",stance=\"enforcing\"} 2",
        ] {
            assert!(text.lines().any(|other| other == line), "no {line} in {text}");
        }
        assert!(text.ends_with("\n# EOF\n") && !text.contains("hits"), "{text}");
    }
}
