//! A host behind a filter that allows nothing, and the networks it lives on: routers that say how far packets come and how large they
//! may be, and a server that gives it its address.

mod dhcp;
mod mtu;
mod path;
mod traceroute;
