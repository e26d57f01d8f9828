//! Texts that others have made: names of interfaces, rules, what packets say.

/// A text that a terminal shows and doesn't obey: control characters, and those that turn the direction of writing, become
/// question marks.
pub(super) fn safe(text: &str) -> String {
    text.chars().map(|character| if is_obeyed(character) { '?' } else { character }).collect()
}

fn is_obeyed(character: char) -> bool {
    let turns = matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    character.is_control() || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_replaced() {
        assert_eq!(safe("eth0\x1b[2J\r\n\x07\u{9b}1m"), "eth0?[2J????1m");
        assert_eq!(safe("comment 'a\u{202e}b\u{2066}'"), "comment 'a?b?'");
        let harmless = "allow udp 500 comment 'Büro – 事務所'";
        assert_eq!(safe(harmless), harmless);
    }
}
