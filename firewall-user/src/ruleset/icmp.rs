//! Types and codes of ICMP and ICMPv6 messages.

/// Messages of one type, or of one type and code.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct IcmpType {
    /// The type.
    pub kind: u8,
    /// The code; `None` for every code.
    pub code: Option<u8>,
}

/// Some types of messages, sorted; at least one.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct IcmpTypes(Vec<IcmpType>);

impl IcmpTypes {
    /// Messages of any of these types; `None` if there's none.
    pub fn new(mut types: Vec<IcmpType>) -> Option<Self> {
        types.sort_unstable();
        types.dedup();
        (!types.is_empty()).then_some(Self(types))
    }

    /// The types, sorted.
    pub fn types(&self) -> &[IcmpType] {
        &self.0
    }
}
