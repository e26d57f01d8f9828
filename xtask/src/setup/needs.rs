//! What building and testing need: how each is recognised, and what brings it.

use std::{
    env,
    path::{Path, PathBuf},
};

use super::apt::{Package, Service};
use crate::ebpf_toolchain::{RustToolchain, find_linker};

/// One thing that building or testing needs.
pub(crate) struct Need {
    /// Its name, as the person knows it.
    pub(crate) what: &'static str,
    /// What it is needed for.
    pub(crate) why: &'static str,
    /// Says where it is, or in one sentence what is missing.
    pub(crate) detect: Detect,
    /// The Debian packages that bring it.
    pub(crate) packages: &'static [Package],
    /// The Debian suite those packages are in.
    pub(crate) suite: &'static str,
    /// What the packages start at boot, and nothing here wants running.
    pub(crate) services: &'static [Service],
}

/// How a need is recognised.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detect {
    /// All of these programs are there.
    Programs(&'static [&'static str]),
    /// A Rust toolchain can build for BPF.
    RustToolchain,
    /// There is a bpf-linker that is new enough.
    BpfLinker,
}

impl Detect {
    /// What was found, for a person to read.
    ///
    /// # Errors
    ///
    /// What is missing, for a person to read.
    pub(crate) fn find(self) -> Result<String, String> {
        match self {
            Self::RustToolchain => RustToolchain::find().map(|rust| rust.to_string()),
            Self::BpfLinker => find_linker().map(|file| file.display().to_string()),
            Self::Programs(names) => names
                .iter()
                .map(|name| match program(name) {
                    Some(file) => Ok(file.display().to_string()),
                    None => Err(format!("there is no `{name}`")),
                })
                .collect::<Result<Vec<_>, _>>()
                .map(|files| files.join(", ")),
        }
    }
}

/// A program's file. An absolute name is taken as it is; others are looked up on PATH, and in the system's folders that
/// an ordinary user's PATH lacks.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    if Path::new(name).is_absolute() {
        return Some(PathBuf::from(name)).filter(|file| file.is_file());
    }
    env::split_paths(&env::var_os("PATH").unwrap_or_default())
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file())
}

const BOOKWORM: &str = "bookworm";
/// What of bookworm is there in newer versions, too, made to run on it.
pub(super) const BACKPORTS: &str = "bookworm-backports";
const SECURITY: &str = "bookworm-security";

/// Everything that is needed, in the order in which it is installed.
pub(crate) const NEEDS: &[Need] = &[
    Need {
        what: "a C compiler",
        why: "Rust links with it",
        detect: Detect::Programs(&["cc"]),
        packages: &[Package::any("gcc"), Package::any("libc6-dev")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "the eBPF Rust toolchain",
        why: "it builds the kernel program, for which Rust's `core` has to be built from source",
        detect: Detect::RustToolchain,
        packages: &[
            Package::since("rustc-web", env!("CARGO_PKG_RUST_VERSION")),
            Package::since("cargo-web", env!("CARGO_PKG_RUST_VERSION")),
            Package::since("rust-web-src", env!("CARGO_PKG_RUST_VERSION")),
        ],
        suite: SECURITY,
        services: &[],
    },
    Need {
        what: "bpf-linker",
        why: "it links the kernel program and writes its BTF; it is built with LLVM's development files",
        detect: Detect::BpfLinker,
        packages: &[
            Package::any("llvm-22-dev"),
            Package::any("libpolly-22-dev"),
            Package::any("libzstd-dev"),
        ],
        suite: SECURITY,
        services: &[],
    },
    Need {
        what: "a C++ compiler",
        why: "the fuzzer is built with it: LLVM's libFuzzer, which comes as source",
        detect: Detect::Programs(&["c++"]),
        packages: &[Package::any("g++")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "iproute2",
        why: "the tests make network namespaces and links with it",
        detect: Detect::Programs(&["ip"]),
        packages: &[Package::any("iproute2")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "nftables",
        why: "a test compares its stateless rules with Fragwall's",
        detect: Detect::Programs(&["nft"]),
        packages: &[Package::any("nftables")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "iptables",
        why: "the demonstration and the tests compare its rules with Fragwall's",
        detect: Detect::Programs(&["iptables", "ip6tables"]),
        packages: &[Package::any("iptables")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "xdp-filter and xdp-loader",
        why: "the benchmark measures the one beside Fragwall, and a test has both share an interface with it",
        detect: Detect::Programs(&["xdp-filter", "xdp-loader"]),
        packages: &[Package::any("xdp-tools")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "strongSwan",
        why: "the demonstration and the tests run its IKE daemon",
        detect: Detect::Programs(&["/usr/lib/ipsec/charon", "swanctl", "pki"]),
        packages: &[
            Package::any("strongswan-charon"),
            Package::any("strongswan-swanctl"),
            Package::any("strongswan-pki"),
            Package::any("libstrongswan-standard-plugins"),
        ],
        suite: BOOKWORM,
        services: &[Service { unit: "strongswan-starter.service", script: "ipsec" }],
    },
    Need {
        what: "tcpdump",
        why: "a test explains packets that it captured",
        detect: Detect::Programs(&["tcpdump"]),
        packages: &[Package::any("tcpdump")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "ping",
        why: "a test sends ICMP echo requests with it",
        detect: Detect::Programs(&["ping"]),
        packages: &[Package::any("iputils-ping")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "netcat (OpenBSD's)",
        why: "the tests send and receive datagrams with it",
        detect: Detect::Programs(&["nc.openbsd"]),
        packages: &[Package::any("netcat-openbsd")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "iperf3",
        why: "a test sends datagrams in fragments with it",
        detect: Detect::Programs(&["iperf3"]),
        packages: &[Package::any("iperf3")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "traceroute",
        why: "a test follows a host's packets to a far one with it",
        detect: Detect::Programs(&["traceroute"]),
        packages: &[Package::any("traceroute")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "dnsmasq",
        why: "a test has it give a host an address by DHCPv6",
        detect: Detect::Programs(&["dnsmasq"]),
        packages: &[Package::any("dnsmasq-base")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "dhclient",
        why: "a test gets a host an address by DHCPv6 with it",
        detect: Detect::Programs(&["dhclient"]),
        packages: &[Package::any("isc-dhcp-client")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "promtool",
        why: "a test checks the metrics, the alerts and the example of a configuration with it",
        detect: Detect::Programs(&["promtool"]),
        packages: &[Package::any("prometheus")],
        suite: BOOKWORM,
        services: &[Service { unit: "prometheus.service", script: "prometheus" }],
    },
    Need {
        what: "tmux",
        why: "the tests have it keep the terminals that `fragwall top` draws on",
        detect: Detect::Programs(&["tmux"]),
        packages: &[Package::any("tmux")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "QEMU",
        why: "the tests run on other kernels in it",
        detect: Detect::Programs(&["qemu-system-x86_64"]),
        packages: &[Package::any("qemu-system-x86")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "kmod",
        why: "it finds the modules that those kernels need, and loads them there",
        detect: Detect::Programs(&["depmod", "modprobe"]),
        packages: &[Package::any("kmod")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "busybox",
        why: "those kernels boot to it",
        detect: Detect::Programs(&["busybox"]),
        packages: &[Package::any("busybox-static")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "xz",
        why: "it unpacks the newest kernel's modules",
        detect: Detect::Programs(&["xz"]),
        packages: &[Package::any("xz-utils")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "mmdebstrap",
        why: "a test makes the clean root with it that the package is installed in",
        detect: Detect::Programs(&["mmdebstrap"]),
        packages: &[Package::any("mmdebstrap")],
        suite: BOOKWORM,
        services: &[],
    },
    Need {
        what: "systemd-nspawn",
        why: "a test boots that root with it",
        detect: Detect::Programs(&["systemd-nspawn"]),
        packages: &[Package::any("systemd-container")],
        suite: BOOKWORM,
        services: &[],
    },
];
