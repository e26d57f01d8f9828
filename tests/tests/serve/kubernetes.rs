//! What is there for Kubernetes: the pod that the manifest makes has what `fragwall serve` needs, and no more.

use std::fs;
use std::path::Path;
use std::process::Command;

use firewall_tests::harness::fragwall::binary;
use firewall_tests::harness::host::{HOST, Host};
use firewall_tests::harness::process::{copy_program, run_ok, tool};
use firewall_tests::harness::{requirements, temporary_directory};
use serde::Deserialize as _;
use serde_json::Value;
use tempfile::TempDir;

use super::watch::Volume;
use firewall_tests::harness::serving::Serving;

/// Enters the root directory of a container, which nothing can be written to: $1 is the directory, $2 is mounted to $3 in it, and $4 to $5.
/// Every container has a /dev, a /proc and a /sys that can't be written to. The binary of a test isn't linked statically as the image's is, so
/// the machine's libraries are there; nothing of its /etc is.
const ENTER: &str = r#"
mount --bind "$1" "$1"
for directory in dev proc sys usr lib lib64; do
    [ ! -d "/$directory" ] || { mkdir -p "$1/$directory"; mount --rbind "/$directory" "$1/$directory"; }
done
mkdir -p "$1/$3" "$1/$5"
mount --bind "$2" "$1/$3"
mount --bind "$4" "$1/$5"
mount -o remount,bind,ro "$1"
mount -o remount,bind,ro "$1/sys"
root=$1
shift 5
exec chroot "$root" "$@"
"#;

/// The documents of a text.
fn documents(text: &str) -> Vec<Value> {
    serde_yaml_ng::Deserializer::from_str(text)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

/// The manifest's object of a kind.
fn object(kind: &str) -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/kubernetes/fragwall.yaml");
    let objects = documents(&fs::read_to_string(path).unwrap());
    assert!(objects.iter().all(|object| object["apiVersion"].is_string()), "{objects:?}");
    objects.into_iter().find(|object| object["kind"] == kind).expect(kind)
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

/// The pod of the manifest.
struct Pod {
    spec: Value,
    root: TempDir,
}

impl Pod {
    fn new() -> Self {
        let spec = object("DaemonSet")["spec"]["template"]["spec"].clone();
        let root = temporary_directory("pod").unwrap();
        copy_program(binary().unwrap(), root.path()).unwrap();
        Self { spec, root }
    }

    fn container(&self) -> &Value {
        &self.spec["containers"][0]
    }

    /// Where something of the pod's volumes is in the container, and which volume that is.
    fn mounted(&self, name: &str) -> (&str, &Value) {
        let named = |list: &'_ Value| {
            list.as_array().unwrap().iter().position(|entry| entry["name"] == name).unwrap()
        };
        let (mounts, volumes) = (&self.container()["volumeMounts"], &self.spec["volumes"]);
        (mounts[named(mounts)]["mountPath"].as_str().unwrap(), &volumes[named(volumes)])
    }

    /// The arguments, as the kubelet makes them.
    fn arguments(&self) -> Vec<String> {
        let environment = self.container()["env"].as_array().unwrap();
        assert!(environment.iter().all(|variable| variable["name"] == "HOST_IP"), "{environment:?}");
        let node = HOST[1].to_string();
        texts(&self.container()["args"])
            .iter()
            .map(|argument| argument.replace("$(HOST_IP)", &node))
            .collect()
    }

    /// What runs in the container, on a node.
    fn command(&self, node: &Host, volume: &Path) -> Command {
        let mut command = node.netns.command("unshare").unwrap();
        command.args(["--mount", "sh", "-ec", ENTER, "sh"]).arg(self.root.path());
        command.arg(node.bpffs.path()).arg(self.mounted("bpffs").0);
        command.arg(volume).arg(self.mounted("config").0);
        let context = &self.container()["securityContext"];
        assert_eq!(texts(&context["capabilities"]["drop"]), ["ALL"]);
        let added = texts(&context["capabilities"]["add"]);
        let set: String = added.iter().map(|name| format!(",+{}", name.to_lowercase())).collect();
        command.arg("setpriv").arg(format!("--bounding-set=-all{set}"));
        for (field, value) in
            [("privileged", false), ("allowPrivilegeEscalation", false), ("readOnlyRootFilesystem", true)]
        {
            assert_eq!(context[field], value, "{field}");
        }
        command.args(["--no-new-privs", "/fragwall"]).args(self.arguments());
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command
    }
}

#[test]
fn the_pod_serves_with_what_the_manifest_gives_it() {
    requirements::require(&["unshare", "setpriv", "chroot"]).unwrap();
    let node = Host::new("pod").unwrap();
    let pod = Pod::new();
    let map = object("ConfigMap");
    assert_eq!(pod.mounted("config").1["configMap"]["name"], map["metadata"]["name"]);
    assert_eq!(pod.mounted("bpffs").1["hostPath"]["path"], "/sys/fs/bpf");
    let text = map["data"]["fragwall.toml"].as_str().unwrap();
    let volume = Volume::new("fragwall.toml", text).unwrap();
    let mut serving = Serving::run(&node, &mut pod.command(&node, volume.path())).unwrap();
    assert!(node.attached("eth0").unwrap().is_some());
    for (probe, path) in [("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")] {
        let get = &pod.container()[probe]["httpGet"];
        assert_eq!(get["path"], path);
        assert_eq!(serving.get(path).unwrap().status, 200);
        let port =
            pod.container()["ports"].as_array().unwrap().iter().find(|port| port["name"] == get["port"]);
        assert_eq!(port.unwrap()["containerPort"], serving.connect().unwrap().peer_addr().unwrap().port());
    }
    volume.publish("interfaces = [\"eth0\"]\nrules = [\"allow @ssh\"]\n").unwrap();
    serving.until(|serving| Ok(serving.host.rules()? == ["allow @ssh"])).unwrap();
    let in_force = node.attached("eth0").unwrap();
    // As when the node kills it, and the next one comes.
    serving.daemon.signal(nix::sys::signal::Signal::SIGKILL).unwrap();
    serving.daemon.ended(firewall_tests::harness::serving::LIMIT).unwrap();
    assert_eq!(node.attached("eth0").unwrap(), in_force, "the filter stays");
    let serving = Serving::run(&node, &mut pod.command(&node, volume.path())).unwrap();
    assert_eq!(serving.get("/readyz").unwrap().status, 200);
    serving.end().unwrap();
    assert_eq!(node.attached("eth0").unwrap(), in_force, "the same program");
}

#[test]
fn the_daemon_sets_pods_are_its_own() {
    let set = object("DaemonSet");
    let (spec, labels) = (&set["spec"], &set["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(&spec["selector"]["matchLabels"], labels);
    let namespace = object("Namespace");
    for object in [&set, &object("ConfigMap")] {
        assert_eq!(object["metadata"]["namespace"], namespace["metadata"]["name"]);
    }
}

#[test]
fn prometheus_takes_what_the_page_on_many_hosts_says() {
    requirements::require(&["promtool"]).unwrap();
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fleet.md")).unwrap();
    let directory = temporary_directory("fleet").unwrap();
    let blocks: Vec<&str> =
        page.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    let (configurations, lists): (Vec<&str>, Vec<&str>) =
        blocks.into_iter().partition(|text| text.starts_with("scrape_configs:"));
    assert!(configurations.len() == 3 && lists.len() == 1, "{configurations:?} {lists:?}");
    // The file that one of them names, in the place of those that it means.
    let list = directory.path().join("list.yml");
    fs::write(&list, lists[0]).unwrap();
    for text in configurations {
        if text.contains("kubernetes_sd_configs:") {
            // Debian's promtool is built without it.
            assert_eq!(documents(text).len(), 1);
            continue;
        }
        let text = text.replace("/etc/prometheus/fragwall/*.yml", &list.to_string_lossy());
        let path = directory.path().join("prometheus.yml");
        fs::write(&path, text).unwrap();
        run_ok(tool("promtool").args(["check", "config"]).arg(path)).unwrap();
    }
}
