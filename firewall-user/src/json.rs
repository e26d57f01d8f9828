//! The JSON that is printed and written.

use serde::Serialize;

/// The version of its schema.
const SCHEMA: u32 = 1;

/// A document with the schema's version.
#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u32,
    #[serde(flatten)]
    data: &'a T,
}

/// A document in one line.
pub(crate) fn document<T: Serialize>(data: &T) -> serde_json::Result<String> {
    serde_json::to_string(&Versioned { version: SCHEMA, data })
}
