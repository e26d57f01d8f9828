//! Called by a dispatcher, in the place of one of its functions: as bpfman loads programs.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use aya::{
    Ebpf, EbpfLoader,
    programs::{Extension, Xdp, XdpMode, extension::ExtensionLinkId},
};
use firewall_tests::harness::entry::NAME;
use firewall_tests::harness::host::Host;
use fragwall::kernel::{dispatcher, entry, netlink};

use super::{ALLOW, is_filtered, is_open};

/// A dispatcher on a host's `eth0`, and Fragwall's entry in one of its places.
struct Dispatcher {
    dispatcher: Ebpf,
    entry: Ebpf,
    link: Option<ExtensionLinkId>,
}

impl Dispatcher {
    /// One that is on no interface yet.
    fn load(place: &str) -> Result<Self> {
        let mut dispatcher = EbpfLoader::new().btf(None).load(dispatcher::OBJECT)?;
        let program: &mut Xdp = dispatcher.program_mut("xdp_dispatcher").context("no program")?.try_into()?;
        program.load()?;
        let fd = program.fd()?.try_clone()?;
        let mut entry = EbpfLoader::new().btf(None).extension(NAME).load(entry::OBJECT)?;
        let extension: &mut Extension = entry.program_mut(NAME).context("no entry")?.try_into()?;
        extension.load(fd, place)?;
        let link = Some(extension.attach()?);
        Ok(Self { dispatcher, entry, link })
    }

    fn on(host: &Host, place: &str) -> Result<Self> {
        let mut loaded = Self::load(place)?;
        host.netns.enter(|| {
            let program: &mut Xdp =
                loaded.dispatcher.program_mut("xdp_dispatcher").context("no program")?.try_into()?;
            program.attach("eth0", XdpMode::Driver)?;
            Ok(())
        })?;
        Ok(loaded)
    }

    /// Takes the entry out of its place and puts it there again.
    fn put_again(&mut self) -> Result<()> {
        let entry: &mut Extension = self.entry.program_mut(NAME).context("no entry")?.try_into()?;
        if let Some(link) = self.link.take() {
            entry.detach(link)?;
        }
        self.link = Some(entry.attach()?);
        Ok(())
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

#[test]
fn it_is_found_while_others_put_programs_into_another_dispatcher() {
    const LOOKS: u32 = 1000;
    let host = Host::new("found").unwrap();
    let Some(kept) = dispatcher(&host, "prog0") else { return };
    let mut other = Dispatcher::load("prog1").unwrap();
    let eth0 = host.netns.enter(|| Ok(netlink::interface("eth0")?)).unwrap();
    let looked = AtomicBool::new(false);
    std::thread::scope(|threads| {
        let putting = threads.spawn(|| {
            let mut put = 0_u32;
            while !looked.load(Ordering::Relaxed) {
                // The place is taken as long as whoever looks has the link open that was there.
                put += u32::from(other.put_again().is_ok());
            }
            put
        });
        let missed = (0..LOOKS).filter(|_| !entry::is_on(&eth0)).count();
        looked.store(true, Ordering::Relaxed);
        let put = putting.join().unwrap();
        assert!(put > 0);
        assert_eq!(missed, 0, "of {LOOKS} looks, as {put} programs were put");
    });
    drop(kept);
}
