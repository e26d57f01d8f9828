//! The JSON that `nft -j list ruleset` prints.

use serde_json::Value;

use super::Object;

/// What is wrong, and in which line.
pub(super) type Wrong = (Option<usize>, String);

/// The objects of a ruleset.
pub(super) fn objects(text: &str) -> Result<Vec<Object>, Wrong> {
    let mut whole: Value = serde_json::from_str(text)
        .map_err(|error| (Some(error.line().max(1)), format!("it's no JSON: {error}")))?;
    let Value::Array(list) = whole["nftables"].take() else {
        return Err((Some(1), "it has no list \"nftables\", as `nft -j list ruleset` prints it".to_owned()));
    };
    let mut objects = Vec::with_capacity(list.len());
    for entry in list {
        let Value::Object(entry) = entry else {
            return Err((Some(1), format!("{entry} in \"nftables\" is no object")));
        };
        for (kind, value) in entry {
            let text = match kind.as_str() {
                "rule" => value["expr"].to_string(),
                "chain" => declared(&value),
                _ => String::new(),
            };
            objects.push(Object { kind, value, line: None, text });
        }
    }
    Ok(objects)
}

/// How a chain is declared, in words.
fn declared(chain: &Value) -> String {
    let word = |key: &str| chain[key].as_str().unwrap_or_default();
    match word("hook") {
        "" => String::new(),
        hook => format!(
            "type {} hook {hook} priority {}; policy {};",
            word("type"),
            chain["prio"],
            word("policy")
        ),
    }
}
