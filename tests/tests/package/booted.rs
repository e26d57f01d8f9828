//! The README's way of installing it, a boot, upgrades, and its removal.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::thread::scope;

use firewall_tests::harness::host::{Attached, Host};
use firewall_tests::harness::pinned::Pinned;
use firewall_tests::harness::wait::wait_until;
use firewall_tests::harness::{requirements, temporary_directory};
use tempfile::TempDir;

use super::machine::Machine;
use super::packages::{Build, make, workspace};
use super::root::unpack;
use super::stream::Stream;

/// What the administrator makes of the config file.
const CONFIG: &str = "interfaces = [\"eth0\"]\nrules = [\"allow udp 500\"]\n";

/// Sets up the network as a host does: not before what has to be in force then. It fails unless the filter is.
const NETWORK: &str = "[Unit]\nDefaultDependencies=no\nAfter=network-pre.target\nBefore=network.target\n\
                       [Service]\nType=oneshot\nRemainAfterExit=yes\n\
                       ExecStartPre=/bin/sh -c 'fragwall status --json | grep -q \\'\"name\":\"eth0\"\\''\n\
                       ExecStart=ip link set eth0 up\n[Install]\nWantedBy=multi-user.target\n";

/// What the units are left of root's privileges, in the order that systemd has them in.
const CAPABILITIES: [&str; 3] = ["net_admin", "perfmon", "bpf"];

#[test]
fn the_package_is_installed_booted_upgraded_and_removed() {
    requirements::require(&["ip", "mmdebstrap", "systemd-nspawn", "nsenter", "unshare", "dpkg-deb", "strip"])
        .unwrap();
    let computer = Computer::new(Build::wanted());
    computer.installs();
    computer.host.netns.ip(&["link", "set", "eth0", "down"]).unwrap();
    let stream = Stream::new(&computer.host).unwrap();
    let machine = computer.boots(&stream);
    let program = computer.reloads(&machine);
    computer.fails_to_upgrade(&machine, &program);
    computer.upgrades(&machine);
    let program = computer.program();
    assert_eq!((stream.missing().unwrap(), stream.denied().unwrap()), (0, 0));
    machine.ok("systemctl stop fragwall fragwall-serve").unwrap();
    assert_eq!(computer.program(), program, "stopping them doesn't take it off");
    computer.removes(&machine, &stream);
}

/// A root directory and a network, which are booted more than once.
struct Computer {
    directory: TempDir,
    root: PathBuf,
    host: Host,
    build: Build,
    /// The README's command that makes the packages, and those behind it.
    make: String,
    commands: Vec<String>,
}

impl Computer {
    /// With the package in it, which isn't installed.
    fn new(build: Build) -> Self {
        let mut commands = commands();
        let make = commands.remove(0);
        assert!(commands.iter().any(|line| line.contains("dpkg -i")) && commands.len() >= 5, "{commands:?}");
        let directory = temporary_directory("package").unwrap();
        let root = directory.path().join("root");
        let host = Host::with_mtu("package", 1500).unwrap();
        let computer = Self { directory, root, host, build, make, commands };
        let made = computer.directory.path().join("made");
        scope(|scope| {
            // The one mostly waits for the network and the disk, the other for the processor.
            let package = scope.spawn(|| computer.package(None, &made));
            fs::create_dir(&computer.root).unwrap();
            unpack(&computer.root).unwrap();
            package.join().unwrap();
        });
        fs::create_dir(computer.packages().parent().unwrap()).unwrap();
        fs::rename(made, computer.packages()).unwrap();
        computer
    }

    /// Where the commands look for packages, in root's own directory.
    fn packages(&self) -> PathBuf {
        self.root.join("root/target/package")
    }

    /// Makes a package; its file's name.
    fn package(&self, version: Option<&str>, out: &Path) -> String {
        let package = make(&self.make, self.build, version, out).unwrap();
        package.file_name().unwrap().to_string_lossy().into_owned()
    }

    fn write(&self, path: &str, text: &str, mode: u32) {
        fs::write(self.root.join(path), text).unwrap();
        fs::set_permissions(self.root.join(path), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn boot(&self, log: &str) -> Machine {
        Machine::boot(&self.root, &self.host, &self.directory.path().join(log)).unwrap()
    }

    fn program(&self) -> Option<Attached> {
        self.host.attached("eth0").unwrap()
    }

    /// By the commands as they are written; nothing is in force before the last but one.
    fn installs(&self) {
        self.write("usr/bin/editor", &format!("#!/bin/sh\ncat > \"$1\" <<'END'\n{CONFIG}END\n"), 0o755);
        let machine = self.boot("install");
        for line in &self.commands {
            let is_last = Some(line) == self.commands.last();
            assert!(is_last || self.host.pins().unwrap().is_empty(), "it filters before `{line}`");
            machine.ok(line).unwrap();
        }
        assert!(self.program().is_some());
        assert_eq!(machine.ok("systemctl is-active fragwall").unwrap().trim(), "active");
        let verify = "systemd-analyze verify --man=no fragwall.service fragwall-serve.service";
        let verified = machine.run(verify).unwrap();
        assert!(verified.status.success() && verified.stderr.is_empty(), "{verified:?}");
        for page in ["fragwall", "fragwall-apply"] {
            assert!(self.root.join(format!("usr/share/man/man8/{page}.8.gz")).is_file(), "{page}");
        }
        self.needs_each_capability(&machine);
        machine.ok("systemctl enable fragwall-serve").unwrap();
    }

    /// Leaves nothing in force.
    fn needs_each_capability(&self, machine: &Machine) {
        for unit in ["fragwall", "fragwall-serve"] {
            let has = machine.ok(&format!("systemctl show -P CapabilityBoundingSet {unit}")).unwrap();
            assert_eq!(has.trim(), CAPABILITIES.map(|name| format!("cap_{name}")).join(" "), "{unit}");
        }
        machine.ok("fragwall detach").unwrap();
        let apply = |names: &[&str]| {
            let set: String = names.iter().map(|name| format!(",+{name}")).collect();
            machine
                .run(&format!("setpriv --bounding-set=-all{set} fragwall apply /etc/fragwall/fragwall.toml"))
                .unwrap()
        };
        for lacks in CAPABILITIES {
            let others: Vec<&str> = CAPABILITIES.into_iter().filter(|name| *name != lacks).collect();
            let applied = apply(&others);
            assert!(!applied.status.success() && self.program().is_none(), "without {lacks}: {applied:?}");
        }
        let applied = apply(&CAPABILITIES);
        assert!(applied.status.success() && self.program().is_some(), "{applied:?}");
        machine.ok("fragwall detach").unwrap();
    }

    /// Its next boot, with an interface that has to be set up.
    fn boots(&self, stream: &Stream) -> Machine {
        self.write("etc/systemd/system/network.service", NETWORK, 0o644);
        let wants = self.root.join("etc/systemd/system/multi-user.target.wants/network.service");
        symlink("/etc/systemd/system/network.service", wants).unwrap();
        let machine = self.boot("boot");
        stream.missing().unwrap();
        assert_eq!(stream.denied().unwrap(), 0, "the network was up before the rules were in force");
        are_active(&machine);
        machine
    }

    /// The file is put into force anew, by both; what is in force then.
    fn reloads(&self, machine: &Machine) -> Option<Attached> {
        let before = self.program();
        let change = "echo 'icmp-errors = false' >> /etc/fragwall/fragwall.toml; systemctl reload fragwall";
        machine.ok(change).unwrap();
        let reloaded = self.program();
        assert_ne!(before, reloaded);
        // The other's is begun by it, not waited for.
        are_active(machine);
        reloaded
    }

    /// A package that is broken behind its scripts: dpkg finds out after it has begun.
    fn fails_to_upgrade(&self, machine: &Machine, program: &Option<Attached>) {
        let whole = fs::read_dir(self.packages()).unwrap().map(|entry| entry.unwrap().path());
        let whole = whole.into_iter().find(|path| path.extension().is_some_and(|end| end == "deb")).unwrap();
        let bytes = fs::read(whole).unwrap();
        fs::write(self.packages().join("broken.deb"), &bytes[..bytes.len() / 2]).unwrap();
        let installed = machine.run("dpkg -i target/package/broken.deb").unwrap();
        assert!(!installed.status.success(), "{installed:?}");
        let status = machine.ok("dpkg-query -W -f '${db:Status-Status}' fragwall").unwrap();
        assert_eq!(status, "installed");
        assert_eq!(self.program(), *program);
        are_active(machine);
    }

    /// The filter is as an older version left it; the new one takes it over while datagrams come in.
    fn upgrades(&self, machine: &Machine) {
        Pinned::of(&self.host).unwrap().becomes_layout_7().unwrap();
        let program = self.program();
        let newer = self.package(Some("99.0"), &self.packages());
        let process = machine.ok("systemctl show -P MainPID fragwall-serve").unwrap();
        let said = machine.run(&format!("dpkg -i target/package/{newer}")).unwrap();
        let words = String::from_utf8_lossy(&said.stderr);
        assert!(
            said.status.success() && words.contains("the program of version 0.0.9 was replaced"),
            "{said:?}"
        );
        assert_eq!(machine.ok("dpkg-query -W -f '${Version}' fragwall").unwrap(), "99.0");
        let restarted = machine.ok("systemctl show -P MainPID fragwall-serve").unwrap();
        assert_ne!(restarted, process, "the new one runs");
        assert_ne!(self.program(), program, "the new one's program");
        let status = machine.ok("fragwall status").unwrap();
        assert!(status.contains("as this is") && status.contains("rules: 1, default deny"), "{status}");
        let last = machine.ok("tail -n 1 /etc/fragwall/fragwall.toml").unwrap();
        assert_eq!(last.trim(), "icmp-errors = false");
    }

    fn removes(&self, machine: &Machine, stream: &Stream) {
        // As if the filter couldn't be taken off.
        machine.ok("mv /usr/sbin/fragwall . && ln -s /bin/false /usr/sbin/fragwall").unwrap();
        assert!(!machine.run("dpkg -r fragwall").unwrap().status.success());
        let status = machine.ok("dpkg-query -W -f '${db:Status-Status}' fragwall").unwrap();
        assert_eq!(status, "installed", "the package stays");
        machine.ok("mv -f fragwall /usr/sbin/fragwall").unwrap();
        assert_eq!((stream.missing().unwrap(), stream.denied().unwrap()), (0, 0));

        machine.ok("ip netns add side && ip -n side link add eth1 type veth peer name eth2").unwrap();
        machine.ok("fragwall --netns side attach eth1 && touch /run/netns/none-any-more").unwrap();
        machine.ok("dpkg -r fragwall").unwrap();
        assert_eq!(self.program(), None);
        assert!(self.host.pins().unwrap().is_empty(), "in the namespace, too");
        wait_until(|| Ok(stream.denied()? > 0)).unwrap();
        let config = self.root.join("etc/fragwall/fragwall.toml");
        assert!(config.is_file(), "the config file stays until it's purged");
        machine.ok("dpkg -P fragwall").unwrap();
        let left = machine.ok("find /etc /usr /var/lib/systemd /lib -iname '*fragwall*'").unwrap();
        assert_eq!(left, "");
        assert_eq!(machine.ok("systemctl --failed --quiet --no-legend").unwrap(), "");
    }
}

/// The commands of the README's section on installing.
fn commands() -> Vec<String> {
    let readme = fs::read_to_string(workspace().join("README.md")).unwrap();
    let section =
        readme.split("\n## ").find_map(|section| section.strip_prefix("Install\n")).expect("no section");
    section.lines().filter_map(|line| line.strip_prefix("    ")).map(str::to_owned).collect()
}

/// Waits until both units are, and do nothing else.
fn are_active(machine: &Machine) {
    let is_so = || {
        let states = machine.run("systemctl is-active fragwall fragwall-serve")?;
        Ok(states.stdout == b"active\nactive\n")
    };
    wait_until(is_so).unwrap();
}
