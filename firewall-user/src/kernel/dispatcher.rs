//! A program by which several share an interface, as libxdp and bpfman have it, for tests of what Fragwall does among others.

/// The kernel object, built for the BPF target by the build script. Its program `xdp_dispatcher` calls `prog0` and `prog1`.
pub static OBJECT: &[u8] = aya::include_bytes_aligned!(concat!(env!("OUT_DIR"), "/dispatcher"));
