//! What a config file may say, and how a wrong one is told so.

use proptest::prelude::*;

use super::*;
use crate::ruleset::{
    Match,
    replies::{MAX_LIFETIME, MIN_LIFETIME},
    strategies,
};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text, Path::new("f.toml"), &Names::parse("", ""))
}

/// Asserts that `text` is refused with a rendering of exactly these lines.
#[track_caller]
fn refused(text: &str, lines: &[&str]) {
    let rendered = parse(text).expect_err(text).render();
    assert_eq!(rendered.lines().collect::<Vec<_>>(), lines);
}

/// Asserts that `text` is refused at `place` and that the message has `says` in it.
#[track_caller]
fn refused_at(text: &str, place: &str, says: &str) {
    let message = parse(text).expect_err(text).to_string();
    assert!(message.starts_with(&format!("f.toml:{place}: ")), "{message}");
    assert!(message.contains(says), "{message}");
}

#[test]
fn an_empty_file_is_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!((config.default, config.fragments.table), (Action::Deny, 65536));
    assert_eq!((config.fragments.early, config.fragments.timeout), (Early::Pass, Duration::from_secs(30)));
    assert_eq!(parse("[fragments]\n").unwrap(), Config::default());
    assert_eq!(parse("# only a comment").unwrap(), Config::default());
}

#[test]
fn every_key_counts() {
    let config = parse(concat!(
        "interfaces = [\"eth0\", 'wan.100']\ndefault = \"allow\"\n",
        "rules = [\n  \"allow @ike\",   # a service\n  'deny udp isakmp, 4500',\n]\n",
        "[fragments]\nearly = \"drop\"\nearly-budget = 64\ntimeout = \"500ms\"\ntable = 4_194_304\n",
    ))
    .unwrap();
    assert_eq!(config.interfaces, ["eth0", "wan.100"]);
    assert_eq!(config.default, Action::Allow);
    assert_eq!(
        config.rules.iter().map(Rule::to_string).collect::<Vec<_>>(),
        ["allow @ike", "deny udp 500,4500"]
    );
    let wanted = Fragments {
        early: Early::Drop,
        early_budget: 64,
        timeout: Duration::from_millis(500),
        table: 1 << 22,
    };
    assert_eq!(config.fragments, wanted);
}

#[test]
fn a_wrong_word_in_a_rule_is_pointed_at_where_it_stands() {
    refused(
        "default = \"deny\"\nrules = [\n  \"allow @ike\",\n  \"allow udp 500,99999\", # ports\n]\n",
        &[
            "f.toml:4:18: rule 2: port 99999 is too large: ports go from 1 to 65535",
            "    4 |   \"allow udp 500,99999\", # ports",
            "                         ^^^^^",
        ],
    );
    refused_at(
        "rules = ['refuse udp']",
        "1:11",
        "unknown action `refuse`: expected `allow`, `deny` or `reject`",
    );
    refused_at("# é\nrules = ['allow esp', 'allow ']", "2:29", "rule 2: which packets?");
    refused_at("rules = ['allow üdp']", "1:17", "'ü'");
    refused_at("rules = ['']", "1:11", "the rule is empty");
}

#[test]
fn a_rule_with_escapes_is_pointed_at_as_a_whole() {
    refused_at(r#"rules = ["allow esp", "allow\tudb"]"#, "1:23", "unknown protocol `udb`");
    refused_at("rules = [\n\"\"\"\nallow udb\"\"\"]", "2:1", "unknown protocol `udb`");
}

#[test]
fn unknown_keys_and_words_are_refused() {
    refused_at("\nreply = true\n", "2:1", "unknown field `reply`, expected one of `interfaces`");
    refused_at("replies = \"yes\"", "1:11", "expected `true`, `false` or a table");
    refused_at("[replies]\nudp-timeout = \"3m\"", "2:1", "unknown field `udp-timeout`");
    refused_at(
        "[replies]\ntcp = \"6000h\"",
        "2:7",
        "flows can't be remembered for 6000h: expected between 1s and 120h",
    );
    refused_at("icmp-errors = \"no\"", "1:15", "expected a boolean");
    refused_at("icmp_errors = false", "1:1", "unknown field `icmp_errors`");
    refused_at("[replies]\ntable = 1000", "2:9", "a table of 1000 flows can't be had");
    refused_at("[fragments]\nearly_budget = 8192", "2:1", "unknown field `early_budget`");
    refused(
        "default = \"refuse\"",
        &[
            "f.toml:1:11: unknown word \"refuse\": expected `allow`, `deny` or `reject`",
            "    1 | default = \"refuse\"",
            "                  ^^^^^^^^",
        ],
    );
    refused_at("defalt = 'deny'", "1:1", "did you mean `default`?");
    refused_at("[fragments]\nearly_budget = 8192", "2:1", "did you mean `early-budget`?");
    refused_at("default = 'ACCEPT'", "1:11", "did you mean `allow`?");
    refused_at("default = 'dney'", "1:11", "did you mean `deny`?");
    refused_at("[fragments]\nearly = 'hold'", "2:9", "expected `pass` or `drop`");
}

#[test]
fn what_is_no_toml_or_of_the_wrong_type_is_refused_where_it_stands() {
    refused_at("default = \"deny\"\nrules = [\"allow esp\"\ndefault = 1", "3:1", "");
    refused_at("rules = 'allow esp'", "1:9", "expected a sequence");
    refused_at("rules = [\n5]", "2:1", "expected a string");
    refused_at("fragments = 3", "1:13", "invalid type");
    refused_at("default = 'deny'\ndefault = 'deny'", "2:1", "duplicate");
    refused_at("default = \"deny", "1:16", "");
    assert!(!parse("x").unwrap_err().to_string().contains('\n'));
}

#[test]
fn a_budget_is_a_number_of_fragments() {
    for (budget, ok) in
        [(-1, false), (0, false), (1, true), (8192, true), (1 << 24, true), ((1 << 24) + 1, false)]
    {
        let text = format!("[fragments]\nearly-budget = {budget}");
        match parse(&text) {
            Ok(config) => assert_eq!((ok, i64::from(config.fragments.early_budget)), (true, budget)),
            Err(_) => {
                assert!(!ok, "{budget}");
                refused_at(&text, "2:16", "expected a number from 1 to 16777216");
            }
        }
    }
}

#[test]
fn interfaces_have_names_that_interfaces_can_have() {
    for name in ["", ".", "..", "a/b", "a b", "a:1", &"x".repeat(128)] {
        refused_at(&format!("interfaces = ['ok', '{name}']"), "1:21", "can't be an interface's name");
    }
    refused_at("interfaces = ['eth0', 'eth0']", "1:23", "named twice");
}

#[test]
fn the_fragment_table_and_its_timeout_have_bounds() {
    for table in ["0", "-64", "32", "63", "65", "100000", "8388608", "4294967296", "68719476736"] {
        refused_at(
            &format!("[fragments]\ntable = {table}"),
            "2:9",
            "expected a power of two from 64 to 4194304",
        );
    }
    assert_eq!(parse("[fragments]\ntable = 64").unwrap().fragments.table, 64);
    for timeout in ["0s", "9ms", "61m", "2h"] {
        refused_at(&format!("[fragments]\ntimeout = '{timeout}'"), "2:11", "expected 10ms to 1h");
    }
    refused_at("[fragments]\ntimeout = '30'", "2:11", "\"30\" is no length of time");
    refused_at("[fragments]\ntimeout = 30", "2:11", "expected a string");
}

#[test]
fn too_many_rules_are_refused_at_the_first_too_many() {
    let rules = "'allow esp',\n".repeat(MAX_RULES);
    assert_eq!(parse(&format!("rules = [\n{rules}]")).unwrap().rules.len(), MAX_RULES);
    refused_at(&format!("rules = [\n{rules}'allow esp']"), "4098:1", "4097 rules are too many");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let names = Names::parse("", "");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fragwall.toml");
    let message = |path: &Path| Config::read(path, &names).unwrap_err().render();
    assert_eq!(
        message(&path),
        format!("can't read {}: No such file or directory (os error 2)", path.display())
    );
    assert!(message(folder.path()).contains("is a directory"));
    fs::write(&path, vec![b'#'; MAX_SIZE as usize]).unwrap();
    assert_eq!(Config::read(&path, &names).unwrap(), Config::default());
    fs::write(&path, vec![b'#'; MAX_SIZE as usize + 1]).unwrap();
    assert!(message(&path).contains("more than 1048576 bytes"));
    assert!(message(Path::new("/dev/zero")).contains("more than 1048576 bytes"));
    fs::write(&path, b"# fine\n# caf\xe9 au lait\n").unwrap();
    assert!(message(&path).contains("toml:2:6: this isn't UTF-8"), "{}", message(&path));
}

#[test]
fn no_control_character_reaches_a_terminal() {
    for text in
        [r#"interfaces = ["\u001b[2J"]"#, r#"default = "\u001b""#, r#""\u001b" = 1"#, r#"rules = ["\u001b"]"#]
    {
        let rendered = parse(text).unwrap_err().render();
        assert!(!rendered.contains(|c: char| c.is_control() && c != '\n'), "{rendered:?}");
    }
    let rendered = parse("default = 'deny'\u{7}").unwrap_err().render();
    assert!(!rendered.contains('\u{7}'), "{rendered:?}");
}

#[test]
fn windows_files_are_read_and_shown_as_they_are() {
    let text = "\u{feff}default = 'deny'\r\nrules = [\r\n  'allow udb'\r\n]\r\n";
    let rendered = parse(text).unwrap_err().render();
    let wanted = "f.toml:3:10: rule 1: unknown protocol `udb`: ";
    assert!(rendered.starts_with(wanted), "{rendered}");
    assert!(rendered.ends_with("\n    3 |   'allow udb'\n                 ^^^"), "{rendered}");
}

#[test]
fn services_of_ones_own_are_used_in_rules() {
    let config = parse(concat!(
        "rules = ['allow @MyApp from 192.0.2.0/24', 'deny @one']\n",
        "[services]\nmyapp = ['tcp 8000-8100', 'udp 53 ', \"udp domain\"]\nOne = \"ip6 udp 546 from port 547\"\n",
    ))
    .unwrap();
    let rules: Vec<_> = config.rules.iter().map(Rule::to_string).collect();
    assert_eq!(rules, ["allow @myapp from 192.0.2.0/24", "deny @one"]);
    let services: Vec<_> =
        config.services.iter().map(|service| format!("{} = {service}", service.name())).collect();
    assert_eq!(services, ["myapp = tcp 8000-8100; udp 53", "one = ip6 udp 546 from port 547"]);
    assert_eq!(config.rules[0].matching.terms(), config.services[0].terms());
    let names = config.names(&Names::parse("", ""));
    assert!(Rule::parse("allow @myapp", &names).is_ok() && Rule::parse("allow @ssh", &names).is_ok());
}

#[test]
fn what_is_wrong_with_a_service_is_pointed_at() {
    refused(
        "[services]\nmine = [\"tcp 80\", \"udp 99999\"]\n",
        &[
            "f.toml:2:24: service @mine: port 99999 is too large: ports go from 1 to 65535",
            "    2 | mine = [\"tcp 80\", \"udp 99999\"]",
            "                               ^^^^^",
        ],
    );
    refused_at("[services]\nmine = 'udb 5'", "2:9", "@mine: unknown protocol `udb`");
    refused_at("[services]\nssh = 'tcp 2222'", "2:1", "@ssh is there already, built in, and means `tcp 22`");
    refused_at("[services]\nSSH = 'tcp 2222'", "2:1", "@ssh is there already");
    refused_at("[services]\nA = 'esp'\na = 'ah'", "3:1", "@a is there twice");
    refused_at("[services]\na = 'esp'\na = 'ah'", "3:1", "duplicate");
    for name in ["a b", "", "\u{e9}", "@a", "a.b", &"x".repeat(33)] {
        refused_at(&format!("[services]\n'{name}' = 'esp'"), "2:1", "can't be a service's name");
    }
    assert_eq!(parse(&format!("[services]\n{} = 'esp'", "x".repeat(32))).unwrap().services.len(), 1);
    refused_at("[services]\na = []", "2:5", "@a is empty");
    refused_at("[services]\na = ''", "2:6", "which packets?");
    refused_at("[services]\na = 5", "2:5", "expected what the service needs");
    refused_at("[services]\na = ['esp', 5]", "2:13", "expected a string");
    refused_at("[services]\na = ['esp', '@ike']", "2:14", "not of services");
    refused_at("[services]\na = 'udp from ::1'", "2:10", "belong to the rules");
    refused_at("rules = ['allow @myap']\n[services]\nmyapp = 'esp'", "1:17", "did you mean `@myapp`?");
    refused_at("services = 5", "1:12", "expected a map");
}

#[test]
fn services_have_bounds() {
    let services = |count| (0..count).map(|n| format!("s{n:03} = 'esp'\n")).collect::<String>();
    let most = own_services::MAX_SERVICES;
    assert_eq!(parse(&format!("[services]\n{}", services(most))).unwrap().services.len(), most);
    refused_at(&format!("[services]\n{}", services(most + 1)), "258:1", "257 services are too many");
    let terms = |count| vec!["'udp 5'"; count].join(",");
    assert_eq!(parse(&format!("[services]\na = [{}]", terms(64))).unwrap().services[0].terms().len(), 1);
    refused_at(&format!("[services]\na = [{}]", terms(65)), "2:518", "expected 64 at most");
}

fn services() -> impl Strategy<Value = Vec<Arc<Service>>> {
    let terms = prop::collection::vec(strategies::term(), 1..4).prop_map(|terms| {
        let mut kept = Vec::new();
        terms.into_iter().for_each(|term| {
            if !kept.contains(&term) {
                kept.push(term)
            }
        });
        kept
    });
    prop::collection::btree_map("x-[a-z0-9_-]{0,5}", terms, 0..4).prop_map(|services| {
        services.into_iter().map(|(name, terms)| Arc::new(Service::new(&name, terms))).collect()
    })
}

fn config() -> impl Strategy<Value = Config> {
    (
        prop::collection::btree_set("[a-z\"\\\\é'#.]{3,12}", 0..4),
        strategies::action(),
        prop::collection::vec(strategies::rule(), 0..10),
        services(),
        prop_oneof![Just(Early::Pass), Just(Early::Drop)],
        MIN_TIMEOUT.as_millis() as u64..=MAX_TIMEOUT.as_millis() as u64,
        1..=MAX_BUDGET,
        6..=22_u32,
        (prop::option::of(replies()), any::<bool>()),
    )
        .prop_map(
            |(
                interfaces,
                default,
                mut rules,
                services,
                early,
                timeout,
                early_budget,
                table,
                (replies, icmp_errors),
            )| {
                rules.extend(
                    services
                        .iter()
                        .cloned()
                        .map(|service| Rule::new(Action::Reject, Match::service(service))),
                );
                let timeout = Duration::from_millis(timeout);
                Config {
                    interfaces: interfaces.into_iter().collect(),
                    default,
                    rules,
                    services,
                    replies,
                    icmp_errors,
                    fragments: Fragments { early, early_budget, timeout, table: 1 << table },
                }
            },
        )
}

fn replies() -> impl Strategy<Value = Replies> {
    let lifetimes = prop::array::uniform6(MIN_LIFETIME.as_secs()..=MAX_LIFETIME.as_secs());
    (lifetimes, 6..=22_u32).prop_map(|(lifetimes, table)| {
        let [tcp, tcp_opening, tcp_closing, udp, udp_unanswered, icmp] = lifetimes.map(Duration::from_secs);
        Replies { tcp, tcp_opening, tcp_closing, udp, udp_unanswered, icmp, table: 1 << table }
    })
}

proptest! {
    #[test]
    fn a_config_is_read_back_as_it_was_written(config in config()) {
        let text = config.to_string();
        prop_assert_eq!(parse(&text).map_err(|error| error.render()), Ok(config));
    }

    #[test]
    fn no_text_panics(
        text in prop_oneof![
            "\\PC{0,60}",
            "(rules|default|interfaces|\\[fragments\\]|table)[ =\\[\\]'\"a-z0-9\n\\\\]{0,40}",
        ],
    ) {
        if let Err(error) = parse(&text) {
            prop_assert!(error.render().lines().count() >= 3);
        }
    }
}
