//! The rules of iptables and nftables in this network namespace, and what they do to fragments that Fragwall lets in.

use firewall_common::packet::Family;
use serde_json::Value;

use super::{
    finding::{Finding, Topic},
    tool::{self, ToolError},
};
use crate::{
    import::{self, FragmentTrap, Import, ImportError, Input},
    ruleset::Names,
};

/// The tools, with the arguments that have them print all rules.
const TOOLS: [(&str, &[&str]); 3] =
    [("iptables-save", &[]), ("ip6tables-save", &[]), ("nft", &["-j", "list", "ruleset"])];

/// What the rules of each tool are.
#[derive(Debug, Default)]
pub(super) struct Facts {
    tools: Vec<Tool>,
}

#[derive(Debug)]
struct Tool {
    /// The command line that prints its rules.
    command: String,
    rules: Result<Rules, String>,
}

/// What is known of rules.
#[derive(Debug, Default)]
struct Rules {
    traps: Vec<FragmentTrap>,
    tracks: [bool; Family::ALL.len()],
}

impl Facts {
    /// Has each tool that is installed print its rules, and reads them.
    pub(super) fn gather() -> Self {
        let mut facts = Self::default();
        let mut shown: Vec<(&str, String)> = Vec::new();
        for (name, arguments) in TOOLS {
            let printed = match tool::output(name, arguments) {
                Err(ToolError::Missing) => continue,
                printed => printed.map_err(|error| error.to_string()),
            };
            let command = [&[name], arguments].concat().join(" ");
            let rules = printed.and_then(|bytes| {
                let bytes = if name == "nft" {
                    without(&bytes, &shown)
                } else {
                    if is_nft_underneath(name) {
                        let family = if name == "iptables-save" { "ip" } else { "ip6" };
                        shown.extend(tables(&String::from_utf8_lossy(&bytes)).map(|table| (family, table)));
                    }
                    bytes
                };
                read(&command, bytes)
            });
            facts.tools.push(Tool { command, rules });
        }
        facts
    }

    /// Whether rules ask for connection tracking, of each IP version.
    pub(super) fn tracks(&self) -> [bool; 2] {
        let all = self.tools.iter().filter_map(|tool| tool.rules.as_ref().ok());
        all.fold([false; 2], |[four, six], Rules { tracks, .. }| [four | tracks[0], six | tracks[1]])
    }
}

/// Whether a tool of iptables' puts its rules into nftables, where `nft` shows them once more, and worse.
fn is_nft_underneath(name: &str) -> bool {
    let version = tool::output(name, &["--version"]).unwrap_or_default();
    String::from_utf8_lossy(&version).contains("nf_tables")
}

/// The tables that iptables-save prints.
fn tables(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| line.strip_prefix('*')).map(str::to_owned)
}

/// nft's JSON without some tables, of an address family and a name.
fn without(json: &[u8], tables: &[(&str, String)]) -> Vec<u8> {
    // What isn't JSON is for the importer to complain of.
    let Ok(mut all) = serde_json::from_slice::<Value>(json) else { return json.to_vec() };
    let is_shown = |object: &Value| {
        object.as_object().into_iter().flatten().any(|(kind, of)| {
            let table = &of[if kind == "table" { "name" } else { "table" }];
            tables.iter().any(|(family, name)| of["family"] == *family && *table == **name)
        })
    };
    if let Some(objects) = all["nftables"].as_array_mut() {
        objects.retain(|object| !is_shown(object));
    }
    all.to_string().into_bytes()
}

/// What a tool's rules are. None that filter what comes in is nothing to complain of.
fn read(command: &str, bytes: Vec<u8>) -> Result<Rules, String> {
    let input = Input { name: command.to_owned(), bytes };
    match import::import(&[input], None, Names::system()) {
        Ok(Import { traps, tracks, .. }) => Ok(Rules { traps, tracks }),
        Err(ImportError::NothingHere(_) | ImportError::Empty(_)) => Ok(Rules::default()),
        Err(error) => Err(error.to_string()),
    }
}

/// What there is to say of them.
pub(super) fn findings(facts: &Facts) -> Vec<Finding> {
    let tracks = facts.tracks();
    let mut findings = Vec::new();
    for Tool { command, rules } in &facts.tools {
        match rules {
            Ok(Rules { traps, .. }) => {
                // Connections that other rules ask to be tracked are put together before these rules, too.
                let traps = traps.iter().filter(|trap| !tracks[trap.family.index()]);
                findings.extend(traps.map(|trap| trapped(command, trap)));
            }
            Err(problem) => findings.push(Finding::note(
                Topic::Rules,
                format!("those of `{command}` can't be read: {problem}"),
                "look through them for rules that drop what has no ports: trailing fragments have none",
            )),
        }
    }
    if findings.is_empty() {
        let commands: Vec<_> = facts.tools.iter().map(|tool| format!("`{}`", tool.command)).collect();
        let found = match &commands[..] {
            [] => "neither iptables nor nftables is installed".to_owned(),
            _ => {
                format!("none of those that {} print drops fragments of what it lets in", commands.join(", "))
            }
        };
        findings.push(Finding::ok(Topic::Rules, found));
    }
    findings
}

fn trapped(command: &str, trap: &FragmentTrap) -> Finding {
    let place = trap.place.as_ref().map_or_else(|| command.to_owned(), ToString::to_string);
    Finding::problem(
        Topic::Rules,
        format!("{place}: {}; what Fragwall lets in is lost there", trap.text),
        format!(
            "carry the rules over (`{command} | fragwall import`), then take them off: docs/migrate.md tells how"
        ),
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    const CLASSIC: &str = "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p udp -m multiport --dports 500,4500 -j ACCEPT\n\
                           -A INPUT -j REJECT --reject-with icmp6-port-unreachable\nCOMMIT\n";
    const TRACKED: &str = "*filter\n:INPUT DROP [0:0]\n-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
                           -A INPUT -p udp -m udp --dport 500 -j ACCEPT\nCOMMIT\n";

    fn tool(command: &str, text: &str) -> Tool {
        Tool { command: command.to_owned(), rules: read(command, text.as_bytes().to_vec()) }
    }

    fn of(tools: Vec<Tool>) -> Vec<Finding> {
        findings(&Facts { tools })
    }

    pub(crate) fn examples() -> Vec<Finding> {
        [
            of(vec![tool("iptables-save", ""), tool("nft -j list ruleset", "{\"nftables\": []}")]),
            of(vec![tool("ip6tables-save", CLASSIC)]),
            of(vec![tool("iptables-save", "something else\n")]),
            of(Vec::new()),
        ]
        .concat()
    }

    #[test]
    fn rules_that_drop_what_has_no_ports_are_a_problem_with_their_line() {
        let [finding] = &of(vec![tool("ip6tables-save", CLASSIC)])[..] else { panic!("one finding") };
        assert_eq!(finding.level.word(), "problem");
        assert!(
            finding.found.starts_with("ip6tables-save:4: this ruleset rejects the second fragment"),
            "{finding}"
        );
        assert!(!finding.found.contains("here it gets in"), "that is said of a config");
        assert!(finding.advice.as_ref().unwrap().contains("`ip6tables-save | fragwall import`"));
    }

    #[test]
    fn rules_that_track_connections_are_no_problem_for_others_either() {
        assert_eq!(of(vec![tool("ip6tables-save", TRACKED)])[0].level.word(), "ok");
        let both = || vec![tool("ip6tables-save", CLASSIC), tool("ip6tables-save", TRACKED)];
        assert_eq!(Facts { tools: both() }.tracks(), [false, true]);
        assert_eq!(of(both())[0].level.word(), "ok");
    }

    #[test]
    fn what_isnt_understood_is_a_note_and_what_isnt_there_nothing() {
        let levels: Vec<_> = examples().iter().map(|finding| finding.level.word()).collect();
        assert_eq!(levels, ["ok", "problem", "note", "ok"]);
        assert_eq!(
            of(vec![tool("iptables-save", "*nat\n:PREROUTING ACCEPT [0:0]\nCOMMIT\n")])[0].level.word(),
            "ok"
        );
    }

    #[test]
    fn what_iptables_shows_isnt_read_twice() {
        let table = |family: &str, name: &str| {
            format!(
                "{{\"table\": {{\"family\": \"{family}\", \"name\": \"{name}\"}}}}, \
                 {{\"chain\": {{\"family\": \"{family}\", \"table\": \"{name}\", \"name\": \"INPUT\"}}}}"
            )
        };
        let all =
            [table("ip", "filter"), table("ip6", "filter"), table("inet", "filter"), table("ip6", "own")];
        let json = format!("{{\"nftables\": [{}]}}", all.join(", "));
        let shown: Vec<_> = tables(CLASSIC).map(|table| ("ip6", table)).collect();
        let left: Value = serde_json::from_slice(&without(json.as_bytes(), &shown)).unwrap();
        let wanted = [table("ip", "filter"), table("inet", "filter"), table("ip6", "own")].join(", ");
        assert_eq!(left, serde_json::from_str::<Value>(&format!("{{\"nftables\": [{wanted}]}}")).unwrap());
    }
}
