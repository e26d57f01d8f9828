//! What pktgen's files say.

/// What the file of a device says of its last or present run.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Device {
    /// Packets that its driver took.
    pub(super) packets: u64,
    /// Packets that its driver refused.
    pub(super) errors: u64,
    /// How long it has been sending, in microseconds.
    pub(super) microseconds: u64,
    /// What is behind "Result: ", all of its lines in one.
    pub(super) result: String,
}

impl Device {
    /// Of a file's text; `None` if it's no such file.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self {
            packets: number(text, "pkts-sofar:")?,
            errors: number(text, "errors:")?,
            microseconds: number(text, "stopped:")?.saturating_sub(number(text, "started:")?),
            result: result(text)?,
        })
    }

    /// Whether a run has ended: "OK: 3456(c3401+d54) usec, 1000 (60byte,0frags) …" stands there then, and what the last setting came to before.
    pub(super) fn has_ended(&self) -> bool {
        self.result.strip_prefix("OK: ").is_some_and(|rest| {
            rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).starts_with("(c")
        })
    }
}

/// What stands behind "Result: ", all of its lines in one; of a device or of a thread.
pub(super) fn result(text: &str) -> Option<String> {
    let (_, result) = text.split_once("Result: ")?;
    Some(result.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The devices that a thread has, by its file; `None` if it's no such file.
pub(super) fn devices(text: &str) -> Option<Vec<String>> {
    let list = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(line.split_whitespace().map(str::to_owned))
    };
    Some(list("Running:")?.chain(list("Stopped:")?).collect())
}

/// The number behind a name.
fn number(text: &str, name: &str) -> Option<u64> {
    let (_, rest) = text.split_once(name)?;
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As Linux 6.12 prints it.
    const ENDED: &str = "\
Params: count 1000  min_pkt_size: 60  max_pkt_size: 60
     frags: 0  delay: 0  clone_skb: 0  ifname: eth0@0
     flows: 0 flowlen: 0
     queue_map_min: 0  queue_map_max: 0
     dst_min: 192.0.2.1  dst_max: 192.0.2.1
     src_min: 192.0.2.2  src_max: 192.0.2.2
     src_mac: 02:00:00:00:00:02 dst_mac: 02:00:00:00:00:01
     udp_src_min: 4500  udp_src_max: 4500  udp_dst_min: 4500  udp_dst_max: 4500
     src_mac_count: 0  dst_mac_count: 0
     Flags: UDPCSUM
Current:
     pkts-sofar: 1000  errors: 3
     started: 5000000us  stopped: 5003456us idle: 54us
     seq_num: 1001  cur_dst_mac_offset: 0  cur_src_mac_offset: 0
     cur_saddr: 192.0.2.2  cur_daddr: 192.0.2.1
     cur_udp_dst: 4500  cur_udp_src: 4500
     cur_queue_map: 0
     flows: 0
Result: OK: 3456(c3401+d54) usec, 1000 (60byte,0frags)
  289352pps 138Mb/sec (138888960bps) errors: 3
";

    #[test]
    fn a_run_is_read() {
        let device = Device::parse(ENDED).unwrap();
        assert_eq!((device.packets, device.errors, device.microseconds), (1000, 3, 3456));
        assert_eq!(
            device.result,
            "OK: 3456(c3401+d54) usec, 1000 (60byte,0frags) 289352pps 138Mb/sec (138888960bps) errors: 3"
        );
        assert!(device.has_ended());
    }

    #[test]
    fn settings_are_told_from_ends() {
        for (result, has_ended) in [
            ("Idle", false),
            ("Starting", false),
            ("OK: count=1000", false),
            ("OK: flags=0x1", false),
            ("OK: 12(c1+d11) usec, 0 (60byte,-1frags)", true),
            ("ERROR: node not possible", false),
        ] {
            let device = Device { packets: 0, errors: 0, microseconds: 0, result: result.to_owned() };
            assert_eq!(device.has_ended(), has_ended, "{result}");
        }
        let refused = "Running: \nStopped: \nResult: ERROR: can not add device none@0\n";
        assert_eq!(result(refused).unwrap(), "ERROR: can not add device none@0");
    }

    #[test]
    fn devices_of_a_thread_run_or_wait() {
        let text = "Running: eth0@0 \nStopped: eth1 eth2@0 \nResult: OK: add_device=eth2@0\n";
        assert_eq!(devices(text).unwrap(), ["eth0@0", "eth1", "eth2@0"]);
        assert_eq!(devices("Running: \nStopped: \nResult: NA\n").unwrap(), [""; 0]);
        assert_eq!(devices(ENDED), None);
        assert_eq!(Device::parse(text), None);
    }
}
