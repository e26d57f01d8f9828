//! One line of a hex dump: what kind it is, and the bytes in it.

use super::super::TextFault;

/// A fault at an index in the line.
pub(super) type LineFault = (usize, TextFault);

/// What a line is, as far as can be told from it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but space.
    Blank,
    /// A comment, or what tcpdump and tshark say around the packets.
    Remark,
    /// What tcpdump or tshark says of the packet whose bytes follow.
    Heading,
    /// A lone `*`: hexdump and od left out lines equal to the one before.
    Repeat,
    /// An offset and bytes.
    Row(Row),
    /// Anything else; if hex, then bytes alone.
    Plain,
}

/// An offset that begins a line, and how the bytes stand after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// The offset in bytes.
    pub(super) offset: u64,
    /// Where in the line the offset begins.
    pub(super) start: usize,
    /// Where in the line the bytes begin.
    pub(super) rest: usize,
    /// Whether a colon follows the offset.
    pub(super) colon: bool,
    /// Whether the offset begins with `0x`.
    pub(super) prefixed: bool,
}

/// The least digits of an offset without `0x`: fewer would be a byte.
const OFFSET_DIGITS: usize = 3;

/// What programs print among packets on their standard error, which pastes and redirections mix in.
const REMARKS: [&[u8]; 8] = [
    b"tcpdump: ",
    b"reading from file ",
    b"listening on ",
    b"dropped privs to ",
    b"No. ",
    b"Frame (",
    b"Running as ",
    b"Warning: ",
];

/// What tcpdump's lines begin with when it prints no timestamp.
const UNTIMED: [&[u8]; 3] = [b"IP ", b"IP6 ", b"ARP, "];

/// What kind of line this is; line end and trailing space have been taken off.
pub(super) fn classify(line: &[u8]) -> Kind {
    let text = line.trim_ascii_start();
    match text.first() {
        None => return Kind::Blank,
        Some(b'#') => return Kind::Remark,
        _ => {}
    }
    if text == b"*" {
        return Kind::Repeat;
    }
    if REMARKS.iter().any(|remark| line.starts_with(remark)) || is_count(line) {
        return Kind::Remark;
    }
    if is_heading(line) {
        return Kind::Heading;
    }
    row(line).map_or(Kind::Plain, Kind::Row)
}

/// Whether the line is tcpdump's closing "2 packets captured" and the like.
fn is_count(line: &[u8]) -> bool {
    let digits = run(line, |byte| byte.is_ascii_digit());
    digits > 0 && (line[digits..].starts_with(b" packet ") || line[digits..].starts_with(b" packets "))
}

/// Whether the line begins with a time, as tcpdump and tshark print it, after a packet number or none; or with a
/// protocol's name in the first column, as tcpdump -t prints it.
fn is_heading(line: &[u8]) -> bool {
    if UNTIMED.iter().any(|start| line.starts_with(start)) {
        return true;
    }
    let text = line.trim_ascii_start();
    let digits = run(text, |byte| byte.is_ascii_digit());
    let after = text[digits..].trim_ascii_start();
    let numbered = digits > 0 && after.len() < text.len() - digits;
    is_time(text) || (numbered && is_time(after))
}

/// Whether the text begins with `HH:MM:SS.`, `YYYY-MM-DD HH:MM:SS.` or seconds with a fraction, before a space.
fn is_time(text: &[u8]) -> bool {
    let text = if matches(text, b"dddd-dd-dd ") { &text[11..] } else { text };
    let whole = if matches(text, b"dd:dd:dd.") { 8 } else { run(text, |byte| byte.is_ascii_digit()) };
    let Some((b'.', fraction)) = text[whole..].split_first().map(|(dot, rest)| (*dot, rest)) else {
        return false;
    };
    let digits = run(fraction, |byte| byte.is_ascii_digit());
    whole > 0 && digits > 0 && fraction.get(digits) == Some(&b' ')
}

/// Whether the text begins like the pattern, in which `d` is any digit.
fn matches(text: &[u8], pattern: &[u8]) -> bool {
    text.len() >= pattern.len()
        && text.iter().zip(pattern).all(|(byte, like)| match like {
            b'd' => byte.is_ascii_digit(),
            _ => byte == like,
        })
}

/// How many bytes at the beginning of the text are so.
fn run(text: &[u8], is: impl Fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| is(byte)).count()
}

/// The offset that begins the line, if one does: digits with `0x` before or a colon after them (tcpdump, xxd), or
/// three and more digits before a group of two (hexdump -C, od -Ax -tx1, Wireshark).
fn row(line: &[u8]) -> Option<Row> {
    let start = run(line, u8::is_ascii_whitespace);
    let prefixed = line[start..].starts_with(b"0x");
    let from = if prefixed { start + 2 } else { start };
    let digits = run(&line[from..], u8::is_ascii_hexdigit);
    let end = from + digits;
    let colon = line.get(end) == Some(&b':');
    let rest = if colon { end + 1 } else { end };
    let group = line[rest..].trim_ascii_start();
    let spaced = group.len() < line.len() - rest;
    let pairs = run(group, |byte| !byte.is_ascii_whitespace()) == 2 && run(group, u8::is_ascii_hexdigit) == 2;
    let long = digits >= if prefixed { 1 } else { OFFSET_DIGITS };
    let is_row = if colon { spaced || group.is_empty() } else { spaced && pairs };
    if !long || !is_row {
        return None;
    }
    Some(Row { offset: number(&line[from..end])?, start, rest, colon, prefixed })
}

/// The number that these hex digits make, if they are hex digits and it fits.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The groups of a line from the index `at`: the space before each, where it begins, and itself.
fn groups(line: &[u8], at: usize) -> impl Iterator<Item = (&[u8], usize, &[u8])> {
    let mut at = at;
    std::iter::from_fn(move || {
        let space = run(&line[at..], u8::is_ascii_whitespace);
        let start = at + space;
        let length = run(&line[start..], |byte| !byte.is_ascii_whitespace());
        let group = (&line[at..start], start, &line[start..start + length]);
        at = start + length;
        (length > 0).then_some(group)
    })
}

/// Appends the bytes of a row to `bytes`. The characters that some dumps print beside them are left out: after a colon
/// they begin at the first gap of two spaces; else at `|` or `>`, at a gap of three, or at one of two that isn't the
/// gap that hexdump and Wireshark leave after eight bytes.
pub(super) fn row_bytes(line: &[u8], row: Row, bytes: &mut Vec<u8>) -> Result<(), LineFault> {
    let begin = bytes.len();
    for (index, (space, start, group)) in groups(line, row.rest).enumerate() {
        let gap = if space.contains(&b'\t') { 3 } else { space.len() };
        let read = bytes.len() - begin;
        if index > 0 && (gap > 2 || (gap == 2 && (row.colon || read != 8))) {
            break;
        }
        if matches!(group[0], b'#' | b'|' | b'>') {
            break;
        }
        let digits = group_bytes(start, group, bytes)?;
        if !row.colon && digits != 2 {
            return Err((start, TextFault::NotOneByte { digits }));
        }
    }
    Ok(())
}

/// Appends the bytes of a line without an offset to `bytes`, up to a comment.
pub(super) fn plain_bytes(line: &[u8], bytes: &mut Vec<u8>) -> Result<(), LineFault> {
    for (_, start, group) in groups(line, 0) {
        if group[0] == b'#' {
            break;
        }
        group_bytes(start, group, bytes)?;
    }
    Ok(())
}

/// Appends the bytes of one group, and says how many digits it has.
fn group_bytes(start: usize, group: &[u8], bytes: &mut Vec<u8>) -> Result<usize, LineFault> {
    let digits = run(group, u8::is_ascii_hexdigit);
    if digits < group.len() {
        // The text needn't be UTF-8: then the replacement character stands for what isn't.
        let character = String::from_utf8_lossy(&group[digits..]).chars().next().unwrap_or_default();
        return Err((start + digits, TextFault::NotHex { character }));
    }
    if digits % 2 != 0 {
        return Err((start, TextFault::OddDigits { digits }));
    }
    bytes.extend(group.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])));
    Ok(digits)
}

/// How far the line is indented, in columns, with a tab to every eighth.
pub(super) fn indent(line: &[u8]) -> usize {
    let space = line.iter().take_while(|byte| byte.is_ascii_whitespace());
    space.fold(0, |column: usize, byte| if *byte == b'\t' { (column + 8) / 8 * 8 } else { column + 1 })
}

/// The value of a character known to be a hex digit.
fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
