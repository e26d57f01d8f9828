//! Events in systemd's journal, with a field for each thing that is known of a packet.
//!
//! Its native protocol is a datagram an entry: `FIELD=value` lines, or, if a value has line breaks, the field, its length in 64 bits and the
//! value (systemd.io/JOURNAL_NATIVE_PROTOCOL).

use std::{io, os::unix::net::UnixDatagram, time::Duration};

use serde_json::Value;

use crate::{observe::event::Told, serve::Error};

/// Where the journal takes entries.
const SOCKET: &str = "/run/systemd/journal/socket";
/// How long a busy journal is waited for: meanwhile events wait in the kernel, or are left out there and counted.
const PATIENCE: Duration = Duration::from_millis(500);
/// syslog's severities.
const NOTICE: u8 = 5;
const INFO: u8 = 6;

/// The journal, whether it's there or not.
#[derive(Debug)]
pub(super) struct Journal(UnixDatagram);

impl Journal {
    pub(super) fn new() -> Result<Self, Error> {
        let open = || {
            let socket = UnixDatagram::unbound()?;
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        };
        open().map(Self).map_err(|error| Error::system("making a socket for the journal", error))
    }

    /// Writes events; how many were written, and why no more were.
    pub(super) fn write(&mut self, events: &[Told]) -> (u64, io::Result<()>) {
        let mut written = 0;
        for told in events {
            match entry(told).and_then(|entry| self.0.send_to(&entry, SOCKET)) {
                Ok(_) => written += 1,
                // All others would be waited for as long.
                Err(error) => return (written, Err(error)),
            }
        }
        (written, Ok(()))
    }
}

/// An event as the journal takes it.
fn entry(told: &Told) -> io::Result<Vec<u8>> {
    let severity = if told.verdict == "pass" { INFO } else { NOTICE };
    let mut entry = Vec::new();
    field("MESSAGE", &told.to_string(), &mut entry);
    field("PRIORITY", &severity.to_string(), &mut entry);
    field("SYSLOG_IDENTIFIER", "fragwall", &mut entry);
    fields("FRAGWALL", &serde_json::to_value(told)?, &mut entry);
    Ok(entry)
}

/// A field for each value of a document, named by the keys that lead to it; `null` has none.
fn fields(name: &str, value: &Value, entry: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Object(members) => {
            for (key, value) in members {
                fields(&format!("{name}_{}", key.to_ascii_uppercase()), value, entry);
            }
        }
        Value::String(text) => field(name, text, entry),
        other => field(name, &other.to_string(), entry),
    }
}

fn field(name: &str, value: &str, entry: &mut Vec<u8>) {
    entry.extend(name.as_bytes());
    if value.contains('\n') {
        entry.push(b'\n');
        entry.extend((value.len() as u64).to_le_bytes());
    } else {
        entry.push(b'=');
    }
    entry.extend(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_value_has_a_field_and_a_line_break_ends_none() {
        let mut entry = Vec::new();
        let told = json!({"rule": 3, "by": "a\nb", "fragment": {"id": 1, "more": false}, "port": null});
        fields("FRAGWALL", &told, &mut entry);
        let expected = b"FRAGWALL_BY\n\x03\0\0\0\0\0\0\0a\nb\nFRAGWALL_FRAGMENT_ID=1\nFRAGWALL_FRAGMENT_MORE=false\nFRAGWALL_RULE=3\n";
        let mut lines: Vec<&[u8]> = entry.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(entry.len(), expected.len());
        let mut wanted: Vec<&[u8]> = expected.split_inclusive(|byte| *byte == b'\n').collect();
        lines.sort_unstable();
        wanted.sort_unstable();
        assert_eq!(lines, wanted);
    }
}
