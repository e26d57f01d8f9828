//! Frames as text: one a line, in hexadecimal, as `fragwall explain` reads them too.

use std::fmt::Write as _;

use anyhow::{Context, Result};

/// The lines.
pub fn lines<'a>(frames: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut text = String::new();
    for frame in frames {
        for byte in frame {
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\n');
    }
    text
}

/// The frames of such lines; what follows a `#`, and lines with nothing else, are left out.
///
/// # Errors
/// A line is no whole number of bytes in hexadecimal.
pub fn parse(text: &str) -> Result<Vec<Vec<u8>>> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    let numbered = lines.enumerate().filter(|(_, line)| !line.is_empty());
    numbered.map(|(n, line)| bytes(line).with_context(|| format!("line {} is no frame", n + 1))).collect()
}

fn bytes(line: &str) -> Result<Vec<u8>> {
    let pair = |pair: &[u8]| {
        let digits = std::str::from_utf8(pair)?;
        u8::from_str_radix(digits, 16).with_context(|| format!("{digits:?} is no byte"))
    };
    anyhow::ensure!(line.len().is_multiple_of(2), "an odd number of digits");
    line.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let frames = [vec![0, 0xff, 0x5a], vec![1; 20]];
        let text = lines(frames.iter().map(Vec::as_slice));
        assert!(text.starts_with("00ff5a\n01"));
        assert_eq!(parse(&format!("# two frames\n\n{text}")).unwrap(), frames);
    }

    #[test]
    fn what_is_no_frame_is_named() {
        for (text, said) in [("00\n0", "line 2"), ("0g", "line 1")] {
            assert!(parse(text).unwrap_err().to_string().starts_with(said), "{text}");
        }
    }
}
