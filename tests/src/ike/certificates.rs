//! Certificates large enough that an IKE_AUTH doesn't fit in a packet, made on the spot.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, anyhow};

use super::charon::tools_configuration;
use crate::harness::process::{run_ok, tool};
use crate::harness::temporary_directory;

/// One of the two hosts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Role {
    /// It sends the requests.
    Initiator,
    /// It answers them.
    Responder,
}

impl Role {
    /// Both, the initiator first.
    pub const BOTH: [Self; 2] = [Self::Initiator, Self::Responder];

    /// The other one.
    pub fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }

    /// Its name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Initiator => "initiator",
            Self::Responder => "responder",
        }
    }

    /// Its IKE identity, in its certificate too.
    pub fn identity(self) -> &'static str {
        match self {
            Self::Initiator => "initiator.example",
            Self::Responder => "responder.example",
        }
    }
}

/// What one host needs to prove who it is and to judge its peer, in PEM.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The key of its own certificate.
    pub key: Vec<u8>,
    /// Its own certificate.
    pub certificate: Vec<u8>,
    /// The root that both trust.
    pub root: Vec<u8>,
    /// What leads from the root to its certificate. The peer doesn't have these, so they go into the IKE_AUTH.
    pub intermediates: [Vec<u8>; 2],
}

/// The credentials of both hosts: RSA keys of 4096 bits, each host below two intermediate authorities of its own.
#[derive(Clone, Debug)]
pub struct Certificates {
    initiator: Credentials,
    responder: Credentials,
}

impl Certificates {
    /// Those of a role.
    pub fn of(&self, role: Role) -> &Credentials {
        match role {
            Role::Initiator => &self.initiator,
            Role::Responder => &self.responder,
        }
    }

    /// The process's own, made when they are first asked for and kept in memory; no file is left.
    ///
    /// # Errors
    /// strongSwan's `pki` fails.
    pub fn shared() -> Result<Self> {
        static SHARED: Mutex<Option<Certificates>> = Mutex::new(None);
        let mut shared = SHARED.lock().map_err(|_| anyhow!("making the certificates panicked before"))?;
        if let Some(certificates) = &*shared {
            return Ok(certificates.clone());
        }
        Ok(shared.insert(Self::make()?).clone())
    }

    fn make() -> Result<Self> {
        let directory = temporary_directory("pki")?;
        let pki = Pki { directory: directory.path() };
        fs::write(pki.directory.join("strongswan.conf"), tools_configuration())
            .context("can't write pki's strongswan.conf")?;
        let generate = |name: String| move || pki.generate(&name);
        thread::scope(|scope| {
            let mut jobs = vec![scope.spawn(generate("root".to_owned()))];
            for role in Role::BOTH {
                for name in ["upper", "lower", "host"] {
                    jobs.push(scope.spawn(generate(format!("{}-{name}", role.name()))));
                }
            }
            jobs.into_iter().try_for_each(|job| job.join().map_err(|_| anyhow!("making a key panicked"))?)
        })?;
        pki.sign_root()?;
        Ok(Self {
            initiator: pki.credentials(Role::Initiator)?,
            responder: pki.credentials(Role::Responder)?,
        })
    }
}

/// strongSwan's `pki` in a directory where `NAME.key` and `NAME.pem` are.
#[derive(Clone, Copy, Debug)]
struct Pki<'a> {
    directory: &'a Path,
}

impl Pki<'_> {
    fn run(self, output: &str, arguments: &[&str]) -> Result<()> {
        let mut command = tool("pki");
        command.current_dir(self.directory).env("STRONGSWAN_CONF", self.directory.join("strongswan.conf"));
        let made = run_ok(command.args(arguments).args(["--outform", "pem"]))?;
        let path = self.directory.join(output);
        fs::write(&path, made.stdout).with_context(|| format!("can't write {}", path.display()))
    }

    fn generate(self, name: &str) -> Result<()> {
        self.run(&format!("{name}.key"), &["--gen", "--type", "rsa", "--size", "4096"])
    }

    fn sign_root(self) -> Result<()> {
        let subject = subject("root");
        self.run(
            "root.pem",
            &["--self", "--ca", "--in", "root.key", "--type", "rsa", "--dn", &subject, "--lifetime", "30"],
        )
    }

    fn sign(self, name: &str, issuer: &str, options: &[&str]) -> Result<()> {
        let (key, subject) = (format!("{name}.key"), subject(name));
        let (authority, authority_key) = (format!("{issuer}.pem"), format!("{issuer}.key"));
        let fixed = [
            "--issue",
            "--in",
            &key,
            "--type",
            "priv",
            "--dn",
            &subject,
            "--lifetime",
            "29",
            "--cacert",
            &authority,
            "--cakey",
            &authority_key,
        ];
        self.run(&format!("{name}.pem"), &[&fixed, options].concat())
    }

    fn credentials(self, role: Role) -> Result<Credentials> {
        let [upper, lower, host] = ["upper", "lower", "host"].map(|name| format!("{}-{name}", role.name()));
        self.sign(&upper, "root", &["--ca"])?;
        self.sign(&lower, &upper, &["--ca"])?;
        self.sign(&host, &lower, &["--san", role.identity()])?;
        Ok(Credentials {
            key: self.read(&format!("{host}.key"))?,
            certificate: self.read(&format!("{host}.pem"))?,
            root: self.read("root.pem")?,
            intermediates: [self.read(&format!("{upper}.pem"))?, self.read(&format!("{lower}.pem"))?],
        })
    }

    fn read(self, name: &str) -> Result<Vec<u8>> {
        let path = self.directory.join(name);
        fs::read(&path).with_context(|| format!("can't read {}", path.display()))
    }
}

fn subject(name: &str) -> String {
    format!("O=Fragwall's tests, CN={name}")
}
