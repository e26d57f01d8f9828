//! What the JSON of the command line looks like.

use std::collections::BTreeSet;

use serde_json::Value;

/// The keys of a JSON document, those of objects in arrays once, as `interfaces[].name`.
fn keys(value: &Value) -> BTreeSet<String> {
    fn collect(value: &Value, path: &str, keys: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let dot = if path.is_empty() { "" } else { "." };
                    collect(value, &format!("{path}{dot}{name}"), keys);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for item in items {
                    collect(item, &format!("{path}[]"), keys);
                }
            }
            _ => {
                keys.insert(path.to_owned());
            }
        }
    }
    let mut all = BTreeSet::new();
    collect(value, "", &mut all);
    all
}

/// That a document of the command line's is of version 1 and has these keys, those of objects in arrays as `interfaces[].name`.
///
/// # Panics
/// It isn't, or has others.
pub fn assert_schema(value: &Value, expected: &[&str]) {
    assert_eq!(value["version"], 1, "{value}");
    let expected: BTreeSet<String> = expected.iter().map(|&key| key.to_owned()).collect();
    assert_eq!(keys(value), expected, "{value}");
}
