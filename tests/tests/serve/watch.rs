//! A config file that is changed, replaced or taken away, and nobody says so.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result};
use firewall_tests::harness::host::Host;
use firewall_tests::harness::temporary_directory;
use tempfile::TempDir;

use firewall_tests::harness::serving::{Serving, configure};

/// A config with one rule.
fn config(rule: &str) -> String {
    format!("interfaces = [\"eth0\"]\nrules = [\"{rule}\"]\n")
}

/// Waits until these are the rules.
fn has_rules(serving: &Serving<'_>, rules: &[&str]) {
    serving.until(|serving| Ok(serving.host.rules()? == rules)).unwrap();
}

#[test]
fn a_file_that_is_replaced_is_put_into_force_and_a_bad_one_changes_nothing() {
    let host = Host::new("watch").unwrap();
    let directory = temporary_directory("watch").unwrap();
    let path = configure(directory.path(), &config("allow udp 500")).unwrap();
    let next = directory.path().join("next");
    let replace = |text: &str| {
        fs::write(&next, text).unwrap();
        fs::rename(&next, &path).unwrap();
    };
    let mut serving = Serving::new(&host, &["--config", &path]).unwrap();
    let successful = "fragwall_config_last_reload_successful";
    replace(&config("allow udp 501"));
    has_rules(&serving, &["allow udp 501"]);
    // In place, by another of the same size.
    fs::write(&path, config("allow udp 502")).unwrap();
    has_rules(&serving, &["allow udp 502"]);

    let in_force = host.attached("eth0").unwrap();
    replace(&config("allow udpp 503"));
    serving.says("the config file was refused; what was in force before still is").unwrap();
    assert!(serving.daemon.log().contains(&format!("{path}:2:")), "{}", serving.daemon.log());
    assert_eq!(host.attached("eth0").unwrap(), in_force);
    assert_eq!(host.rules().unwrap(), ["allow udp 502"]);
    assert_eq!(serving.metrics().unwrap()[successful], 0.0);
    replace(&config("allow udp 504"));
    has_rules(&serving, &["allow udp 504"]);
    serving.until(|serving| Ok(serving.metrics()?[successful] == 1.0)).unwrap();

    // Taken away, and put back as it was.
    let in_force = host.attached("eth0").unwrap();
    fs::rename(&path, &next).unwrap();
    serving.says("what is in force stays so").unwrap();
    assert_eq!(host.attached("eth0").unwrap(), in_force);
    assert_eq!(serving.get("/readyz").unwrap().status, 200);
    assert_eq!(serving.metrics().unwrap()[successful], 1.0, "nothing was read");
    fs::rename(&next, &path).unwrap();
    // A rename changes the file's own time: it may be another.
    serving.says_times("reading the config file", 5).unwrap();
    serving.says("nothing changes, it's in force already").unwrap();
    assert_eq!(host.attached("eth0").unwrap(), in_force);
    let said = serving.end().unwrap();
    assert_eq!(said.matches("the config file was refused").count(), 1, "it's said once: {said}");
    assert_eq!(said.matches("what is in force stays so").count(), 1, "it's said once: {said}");
    assert_eq!(said.matches("reading the config file").count(), 5, "each was read once: {said}");
}

#[test]
fn a_config_map_is_another_when_its_link_leads_elsewhere() {
    let host = Host::new("configmap").unwrap();
    let volume = Volume::new("fragwall.toml", &config("allow udp 500")).unwrap();
    let path = volume.path().join("fragwall.toml");
    let mut serving = Serving::new(&host, &["--config", &path.to_string_lossy()]).unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 500"]);
    volume.publish(&config("allow udp 501")).unwrap();
    has_rules(&serving, &["allow udp 501"]);
    volume.publish("nonsense").unwrap();
    serving.says("the config file was refused").unwrap();
    assert_eq!(host.rules().unwrap(), ["allow udp 501"]);
    volume.publish(&config("allow udp 502")).unwrap();
    has_rules(&serving, &["allow udp 502"]);
    let said = serving.end().unwrap();
    assert!(!said.contains("what is in force stays so"), "it was never away: {said}");
}

/// A volume with a file of a ConfigMap, as a kubelet writes it: the file is a link into `..data`, which is a link to a directory for each
/// version.
pub(crate) struct Volume {
    directory: TempDir,
    file: &'static str,
}

impl Volume {
    pub(crate) fn new(file: &'static str, text: &str) -> Result<Self> {
        let volume = Self { directory: temporary_directory("volume")?, file };
        volume.publish(text)?;
        symlink(Path::new("..data").join(file), volume.path().join(file))?;
        Ok(volume)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Has it hold another text from one moment to the next. The directory of the one before is removed.
    pub(crate) fn publish(&self, text: &str) -> Result<()> {
        let directory = tempfile::Builder::new().prefix("..").tempdir_in(self.path())?.keep();
        fs::write(directory.join(self.file), text)?;
        let [data, next] = ["..data", "..data_tmp"].map(|name| self.path().join(name));
        let last = fs::read_link(&data).ok();
        symlink(directory.file_name().context("it has a name")?, &next)?;
        fs::rename(next, data)?;
        if let Some(last) = last {
            fs::remove_dir_all(self.path().join(last))?;
        }
        Ok(())
    }
}
