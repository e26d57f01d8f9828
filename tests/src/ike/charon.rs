//! strongSwan's IKE daemon, one a host, kept apart from the machine's own.

use std::fs;
use std::net::IpAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;
use tempfile::TempDir;

use super::certificates::{Certificates, Credentials, Role};
use crate::harness::mounts;
use crate::harness::netns::Netns;
use crate::harness::process::{Daemon, copy_program, find_program, run, run_ok};
use crate::harness::temporary_directory;

/// Where distributions keep charon, which isn't in PATH.
const CHARON: [&str; 5] = [
    "/usr/lib/ipsec/charon",
    "/usr/libexec/ipsec/charon",
    "/usr/libexec/strongswan/charon",
    "/usr/lib/strongswan/charon",
    "/usr/local/libexec/ipsec/charon",
];
/// The name of the connection in the generated configuration.
const CONNECTION: &str = "peer";
/// How long a daemon may take to start on a loaded machine.
const START_LIMIT: Duration = Duration::from_secs(90);
/// Longer than the retransmissions configured below last (10 s), so that charon gives up before this does.
const INITIATE_LIMIT: Duration = Duration::from_secs(60);

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Both daemons hold the same established IKE SA.
    Established,
    /// The initiator gave up after its last retransmission.
    Failed,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Established => "established",
            Self::Failed => "failed",
        })
    }
}

/// Where charon is installed.
///
/// # Errors
/// It is in none of the places known.
pub fn locate() -> Result<PathBuf> {
    match CHARON.iter().map(PathBuf::from).find(|path| path.is_file()).or_else(|| find_program("charon")) {
        Some(path) => Ok(path),
        None => bail!("strongSwan's charon isn't installed; run `cargo xtask setup`"),
    }
}

/// A running daemon with its connection loaded. It is killed, and its files removed, on drop.
#[derive(Debug)]
pub struct Charon {
    daemon: Daemon,
    swanctl: PathBuf,
    directory: TempDir,
}

impl Charon {
    /// Starts the daemon of a role in a network namespace.
    ///
    /// # Errors
    /// strongSwan is missing, or refuses to start or to load its configuration; what it said is quoted.
    pub fn start(
        netns: &Netns,
        role: Role,
        addresses: [IpAddr; 2],
        certificates: &Certificates,
    ) -> Result<Self> {
        let directory = temporary_directory(role.name())?;
        let files = Files { root: directory.path() };
        files.write(role, addresses, certificates.of(role))?;
        let programs = files.root.join("bin");
        let charon = copy_program(&locate()?, &programs)?;
        let swanctl = find_program("swanctl").context("swanctl isn't installed; run `cargo xtask setup`")?;
        let swanctl = copy_program(&swanctl, &programs)?;
        let mut command = netns.command(&charon.to_string_lossy())?;
        command.env("STRONGSWAN_CONF", files.configuration());
        // Charon's pid file has a path fixed at its build and keeps a second daemon from starting.
        mounts::replace(&mut command, c"/run", &files.root.join("run"))?;
        let mut daemon = Daemon::spawn(&mut command, &files.root.join("charon.log"))?;
        let socket = files.socket();
        daemon.wait_until(|| UnixStream::connect(&socket).is_ok(), START_LIMIT)?;
        let charon = Self { daemon, swanctl, directory };
        run_ok(charon.swanctl().args(["--load-all", "--uri", &charon.uri()]))
            .with_context(|| charon.log())?;
        Ok(charon)
    }

    /// Sets the IKE SA up and waits until it is or the daemon has given up.
    ///
    /// # Errors
    /// The exchange ended in any other way than these two, a failed authentication say; the daemon's log is quoted.
    pub fn initiate(&self) -> Result<Outcome> {
        let mut command = self.swanctl();
        let timeout = INITIATE_LIMIT.as_secs().to_string();
        command.args(["--initiate", "--ike", CONNECTION, "--timeout", &timeout, "--uri", &self.uri()]);
        let output = run(&mut command, INITIATE_LIMIT * 2)?;
        if output.status.success() {
            return Ok(Outcome::Established);
        }
        let log = self.log();
        if log.contains("giving up after") && log.contains("peer not responding") {
            return Ok(Outcome::Failed);
        }
        bail!("swanctl --initiate ended with {}, and not for want of an answer:\n{log}", output.status)
    }

    /// Ends the IKE SA, which the peer is told of.
    ///
    /// # Errors
    /// There's none, or the peer doesn't answer.
    pub fn terminate(&self) -> Result<()> {
        run_ok(self.swanctl().args(["--terminate", "--ike", CONNECTION, "--uri", &self.uri()]))
            .map(drop)
            .with_context(|| self.log())
    }

    /// Whether the daemon holds an established IKE SA.
    ///
    /// # Errors
    /// swanctl fails.
    pub fn is_established(&self) -> Result<bool> {
        let Output { stdout, .. } =
            run_ok(self.swanctl().args(["--list-sas", "--raw", "--uri", &self.uri()]))?;
        Ok(String::from_utf8_lossy(&stdout).contains("state=ESTABLISHED"))
    }

    /// What the daemon has logged until now.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    fn swanctl(&self) -> Command {
        let files = Files { root: self.directory.path() };
        let mut command = Command::new(&self.swanctl);
        command.env("STRONGSWAN_CONF", files.configuration()).env("SWANCTL_DIR", files.root.join("swanctl"));
        command
    }

    fn uri(&self) -> String {
        format!("unix://{}", Files { root: self.directory.path() }.socket().display())
    }
}

/// The strongswan.conf of `pki` and `swanctl`: only the plugins that are needed, so that the machine's own
/// configuration doesn't matter.
pub(super) fn tools_configuration() -> String {
    const PLUGINS: &str = "random openssl pem pkcs1 pkcs8 x509 pubkey gmp sha1 sha2 hmac drbg";
    format!("pki {{\n  load = {PLUGINS}\n}}\nswanctl {{\n  load = {PLUGINS}\n}}\n")
}

/// The files of one daemon.
#[derive(Clone, Copy, Debug)]
struct Files<'a> {
    root: &'a Path,
}

impl Files<'_> {
    fn configuration(self) -> PathBuf {
        self.root.join("strongswan.conf")
    }

    fn socket(self) -> PathBuf {
        self.root.join("charon.vici")
    }

    fn write(self, role: Role, addresses: [IpAddr; 2], credentials: &Credentials) -> Result<()> {
        let write = |name: &str, contents: &[u8]| {
            let path = self.root.join(name);
            let directory = path.parent().unwrap_or(self.root);
            fs::create_dir_all(directory)
                .and_then(|()| fs::write(&path, contents))
                .with_context(|| format!("can't write {}", path.display()))
        };
        for name in ["bin", "run"] {
            fs::create_dir(self.root.join(name)).context("can't make charon's directories")?;
        }
        write("strongswan.conf", self.daemon_configuration().as_bytes())?;
        write("swanctl/swanctl.conf", connection(role, addresses).as_bytes())?;
        write("swanctl/private/host.key", &credentials.key)?;
        write("swanctl/x509/host.pem", &credentials.certificate)?;
        write("swanctl/x509ca/root.pem", &credentials.root)?;
        write("swanctl/x509ca/upper.pem", &credentials.intermediates[0])?;
        write("swanctl/x509ca/lower.pem", &credentials.intermediates[1])
    }

    /// A fragment_size of 0 and a max_packet beyond the certificates' size leave the fragmenting to IP; the
    /// retransmissions end after 10 s.
    fn daemon_configuration(self) -> String {
        let socket = self.socket();
        let socket = socket.display();
        let tools = tools_configuration();
        format!(
            "charon {{
  load = random nonce openssl pem pkcs1 pkcs8 x509 constraints pubkey gmp sha1 sha2 aes hmac kdf drbg \
             kernel-netlink socket-default vici
  fragment_size = 0
  max_packet = 30000
  retransmit_tries = 4
  retransmit_timeout = 1
  retransmit_base = 1.35
  install_routes = no
  install_virtual_ip = no
  plugins {{
    vici {{
      socket = unix://{socket}
    }}
  }}
  filelog {{
    stderr {{
      default = 1
      ike_name = yes
      flush_line = yes
    }}
  }}
}}
{tools}"
        )
    }
}

/// The swanctl.conf of a host. `encap` moves the exchange to UDP 4500 with IKE_AUTH, as behind a NAT; the IKE SA is set up
/// without a child, so that the kernel needs no ESP.
fn connection(role: Role, [local, remote]: [IpAddr; 2]) -> String {
    let (identity, peer) = (role.identity(), role.peer().identity());
    format!(
        "connections {{
  {CONNECTION} {{
    version = 2
    local_addrs = {local}
    remote_addrs = {remote}
    fragmentation = no
    childless = force
    encap = yes
    mobike = no
    send_cert = always
    keyingtries = 1
    local {{
      auth = pubkey
      certs = host.pem
      id = {identity}
    }}
    remote {{
      auth = pubkey
      id = {peer}
    }}
    children {{
      {CONNECTION} {{
      }}
    }}
  }}
}}
"
    )
}
