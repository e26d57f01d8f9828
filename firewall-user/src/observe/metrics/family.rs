//! Every metric that is told: its name, what it means, and what tells its samples apart.

/// A metric family: samples of one meaning.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, without what a kind adds to it.
    pub name: &'static str,
    /// Of what kind it is.
    pub kind: Kind,
    /// The labels that tell its samples apart.
    pub labels: &'static [&'static str],
    /// What it means, in a sentence.
    pub help: &'static str,
}

/// What a metric's value does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It only grows, until the filter is detached.
    Counter,
    /// It goes up and down.
    Gauge,
    /// It's 1; its labels are what it tells.
    Info,
}

impl Kind {
    /// What it adds to a family's name in a sample's.
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Gauge => "",
            Self::Info => "_info",
        }
    }
}

impl Family {
    /// The name of its samples, by which it's asked for.
    pub fn sample_name(&self) -> String {
        format!("{}{}", self.name, self.kind.suffix())
    }

    /// The unit that its name ends in, if it has one.
    pub fn unit(&self) -> Option<&'static str> {
        ["bytes", "packets", "seconds"]
            .into_iter()
            .find(|unit| self.name.strip_suffix(unit).is_some_and(|name| name.ends_with('_')))
    }
}

macro_rules! families {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(pub(super) const $id: Family =
            Family { name: concat!("fragwall_", $name), kind: Kind::$kind, labels: &[$($label),*], help: $help };)+

        /// All of them, in the order in which they are told.
        pub const FAMILIES: &[Family] = &[$($id),+];
    };
}

families! {
    BUILD = Info "build" ["version"]
        "The version of this command.";
    UP = Gauge "up" []
        "Whether a filter is attached to any interface.";
    INTERFACE_ATTACHED = Gauge "interface_attached" ["interface"]
        "Whether the filter is attached to this interface, which it is or should be attached to.";
    OBSERVING = Gauge "observing" []
        "Whether the filter only observes: it judges and counts packets, and passes them all.";
    LOADED = Gauge "rules_loaded_timestamp_seconds" []
        "When the rules in force were loaded, by whatever command.";
    INTERFACE_PACKETS = Counter "interface_packets" ["interface", "verdict", "stance"]
        "Packets by interface; those of interfaces that are gone have an empty name.";
    INTERFACE_BYTES = Counter "interface_bytes" ["interface", "verdict", "stance"]
        "Bytes of these packets' frames.";
    REASON_PACKETS = Counter "packets" ["reason", "verdict", "stance"]
        "Packets by reason; each packet has exactly one.";
    REASON_BYTES = Counter "bytes" ["reason", "verdict", "stance"]
        "Bytes of these packets' frames.";
    RULE_PACKETS = Counter "rule_packets" ["number", "rule", "stance"]
        "Packets that a rule decided, trailing fragments of datagrams whose first it decided among them.";
    RULE_BYTES = Counter "rule_bytes" ["number", "rule", "stance"]
        "Bytes of these packets' frames.";
    RULE_TRAILING_PACKETS = Counter "rule_trailing_packets" ["number", "rule", "stance"]
        "The trailing fragments among the packets that a rule decided.";
    RULE_TRAILING_BYTES = Counter "rule_trailing_bytes" ["number", "rule", "stance"]
        "Bytes of these fragments' frames.";
    DEFAULT_PACKETS = Counter "default_packets" ["action", "stance"]
        "Packets that no rule matched, trailing fragments of datagrams whose first none matched among them.";
    DEFAULT_BYTES = Counter "default_bytes" ["action", "stance"]
        "Bytes of these packets' frames.";
    DEFAULT_TRAILING_PACKETS = Counter "default_trailing_packets" ["action", "stance"]
        "The trailing fragments among the packets that no rule matched.";
    DEFAULT_TRAILING_BYTES = Counter "default_trailing_bytes" ["action", "stance"]
        "Bytes of these fragments' frames.";
    TABLE_CAPACITY = Gauge "fragment_table_capacity" []
        "How many entries the fragment table has room for.";
    TABLE_ENTRIES = Gauge "fragment_table_entries" ["state"]
        "Entries of the fragment table that are taken; expired ones give way to any other.";
    TABLE_HITS = Counter "fragment_table_hits" []
        "Trailing fragments that found the verdict of their datagram's first fragment.";
    TABLE_REUSED = Counter "fragment_table_reused" []
        "Datagrams that took the place of one that had expired.";
    TABLE_EVICTED = Counter "fragment_table_evicted" []
        "Datagrams that pushed out one that hadn't expired.";
    TABLE_UNRECORDED = Counter "fragment_table_unrecorded" []
        "Datagrams that found no room in the fragment table.";
    RELOAD_SUCCESSFUL = Gauge "config_last_reload_successful" []
        "Whether the config file was put into force when it was last read.";
    RELOAD_TIME = Gauge "config_last_reload_success_timestamp_seconds" []
        "When the config file was last put into force.";
    EVENTS_WATCHING = Gauge "events_watching" []
        "Whether the filter tells this command of single packets at present.";
    EVENTS_WRITTEN = Counter "events_written" []
        "Events that were written.";
    EVENTS_LEFT_OUT = Counter "events_left_out" []
        "Events that the filter didn't tell of, since there were more than are told of in a second.";
    EVENTS_FAILED = Counter "events_failed" []
        "Events that couldn't be written: the disk is full, or the journal isn't there.";
    CONNECTIONS_SHED = Counter "http_connections_shed" []
        "Connections to this command that were closed or refused for want of room.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_helps_need_no_escaping_and_are_told_once() {
        for (index, family) in FAMILIES.iter().enumerate() {
            let Family { name, kind: _, labels, help } = family;
            let is_plain = |text: &str| text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(is_plain(name) && labels.iter().copied().all(is_plain), "{name}");
            assert!(help.ends_with('.') && !help.contains(['"', '\\', '\n']), "{name}");
            assert!(FAMILIES[..index].iter().all(|other| other.name != *name), "{name}");
        }
    }

    #[test]
    fn a_unit_is_the_last_word_of_a_name() {
        assert_eq!(INTERFACE_BYTES.unit(), Some("bytes"));
        assert_eq!(LOADED.unit(), Some("seconds"));
        assert_eq!(UP.unit(), None);
    }
}
