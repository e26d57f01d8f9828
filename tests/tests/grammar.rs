//! Rules with all their parts on the command line and in force: they are kept as they were written, and a config's own
//! services are known to the rules that are added to it.

use std::fs;

use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;
use serde_json::Value;

const CONFIG: &str = r#"
rules = [
  "allow @myapp from 192.0.2.0/24",
  'deny icmpv6 echo-request log limit 10/s per source comment "too \"many\""',
]
[services]
myapp = ["tcp 8000-8100", "ip6 udp 53"]
"#;

fn rules(host: &Host) -> Vec<String> {
    let list = host.fragwall().json(&["list"]).unwrap();
    let rules = list["rules"].as_array().unwrap().iter();
    rules
        .map(|rule| rule["rule"].as_str().map(str::to_owned).unwrap_or_else(|| Value::to_string(rule)))
        .collect()
}

#[test]
fn a_configs_own_services_are_known_to_the_rules_that_are_added() {
    let host = Host::new("grammar").unwrap();
    let directory = temporary_directory("grammar").unwrap();
    let path = directory.path().join("fragwall.toml");
    fs::write(&path, CONFIG).unwrap();
    host.ok(&["attach", "eth0", "--config", &path.to_string_lossy(), "--allow", "@MyApp on eth0"]).unwrap();
    host.ok(&["deny", "@myapp", "comment", "for us", "log"]).unwrap();
    let mut wanted = vec![
        "allow @myapp from 192.0.2.0/24",
        r#"deny icmpv6 echo-request log limit 10/s per source comment "too \"many\"""#,
        "allow @myapp on eth0",
        r#"deny @myapp log comment "for us""#,
    ];
    assert_eq!(rules(&host), wanted);
    // What is in force is read back by every command, and written anew by each that changes it.
    host.ok(&["delete", "@myapp on eth0"]).unwrap();
    wanted.remove(2);
    assert_eq!(rules(&host), wanted);
    host.ok(&["delete", "deny", "@myapp", "log", "comment", "for us"]).unwrap();
    host.ok(&["allow", "@myapp", "from", "2001:db8::/32,", "192.0.2.7"]).unwrap();
    wanted[2] = "allow @myapp from 192.0.2.7,2001:db8::/32";
    assert_eq!(rules(&host), wanted);
}

#[test]
fn a_service_that_the_config_in_force_lacks_is_unknown() {
    let host = Host::new("unknown-service").unwrap();
    host.ok(&["attach", "eth0", "--allow", "@ike"]).unwrap();
    let output = host.fragwall().run(&["allow", "@myapp"]).unwrap();
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{words}");
    assert!(
        words.contains("unknown service `@myapp`") && words.contains("allow @myapp\n      ^^^^^^"),
        "{words}"
    );
}
