//! Called by a dispatcher, in the place of one of its functions: as bpfman loads programs.

use anyhow::{Context as _, Result};
use aya::{
    Ebpf, EbpfLoader,
    programs::{Extension, Xdp, XdpMode},
};
use firewall_tests::harness::entry::NAME;
use firewall_tests::harness::host::Host;
use fragwall::kernel::{dispatcher, entry};

use super::{ALLOW, is_filtered, is_open};

/// A dispatcher on a host's `eth0`, and Fragwall's entry in one of its places.
struct Dispatcher {
    _dispatcher: Ebpf,
    _entry: Ebpf,
}

impl Dispatcher {
    fn on(host: &Host, place: &str) -> Result<Self> {
        let mut dispatcher = EbpfLoader::new().btf(None).load(dispatcher::OBJECT)?;
        let program: &mut Xdp = dispatcher.program_mut("xdp_dispatcher").context("no program")?.try_into()?;
        program.load()?;
        let fd = program.fd()?.try_clone()?;
        let mut entry = EbpfLoader::new().btf(None).extension(NAME).load(entry::OBJECT)?;
        let extension: &mut Extension = entry.program_mut(NAME).context("no entry")?.try_into()?;
        extension.load(fd, place)?;
        extension.attach()?;
        host.netns.enter(|| {
            let program: &mut Xdp =
                dispatcher.program_mut("xdp_dispatcher").context("no program")?.try_into()?;
            program.attach("eth0", XdpMode::Driver)?;
            Ok(())
        })?;
        Ok(Self { _dispatcher: dispatcher, _entry: entry })
    }
}

/// One that the kernel allows; if it allows none, that is said.
fn dispatcher(host: &Host, place: &str) -> Option<Dispatcher> {
    match Dispatcher::on(host, place) {
        Ok(dispatcher) => Some(dispatcher),
        Err(refused) => {
            let denied = refused.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>());
            let denied: Vec<_> = denied.filter_map(std::io::Error::raw_os_error).collect();
            assert_eq!(denied, [nix::libc::EPERM], "{refused:#}");
            println!(
                "a dispatcher: left out, this kernel lets no program take the place of another's function: {refused:#}"
            );
            None
        }
    }
}

fn filters_in(place: &str) {
    let host = Host::new("dispatcher").unwrap();
    let Some(kept) = dispatcher(&host, place) else { return };
    is_open(&host).unwrap();
    let attached = host.fragwall().json(&["attach", "eth0", "--allow", ALLOW]).unwrap();
    assert_eq!(attached["interfaces"][0]["called_by"]["name"], "xdp_dispatcher", "{attached}");
    is_filtered(&host).unwrap();
    host.ok(&["allow", "udp", "7001", "--confirm", "60s"]).unwrap();
    is_open(&host).unwrap();
    host.ok(&["rollback"]).unwrap();
    is_filtered(&host).unwrap();
    let doctor = host.fragwall().run(&["doctor"]).unwrap();
    let told = String::from_utf8(doctor.stdout).unwrap();
    assert!(told.contains("a dispatcher, which calls \"fragwall_entry\""), "{told}");
    host.ok(&["detach"]).unwrap();
    is_open(&host).unwrap();
    assert_eq!(host.pins().unwrap(), Vec::<String>::new());
    drop(kept);
}

#[test]
fn in_its_first_place() {
    filters_in("prog0");
}

#[test]
fn in_its_second_place() {
    filters_in("prog1");
}
