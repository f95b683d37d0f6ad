//! Command lines as a shell splits them.

use crate::source::{FileId, Span};

/// The lines of a script or a Dockerfile, those that go on joined and comments left out, each with its bytes.
pub(crate) fn joined_lines(file: FileId, text: &str) -> Vec<(String, Span)> {
    let mut out = Vec::new();
    let mut joined = String::new();
    let (mut from, mut offset) = (0, 0);
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if joined.is_empty() {
            from = start + line.len() - line.trim_start().len();
        }
        match trimmed.strip_suffix('\\') {
            Some(more) => {
                joined.push_str(more);
                joined.push(' ');
            }
            None => {
                joined.push_str(trimmed);
                let end = start + line.trim_end().len();
                out.push((std::mem::take(&mut joined), Span::from_range(file, from..end)));
            }
        }
    }
    out
}

/// Splits as a shell does, as far as quotes, escapes and the operators between commands go.
pub(crate) fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut begun = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' | '"' => {
                begun = true;
                while let Some(inner) = chars.next() {
                    match inner {
                        _ if inner == c => break,
                        '\\' if c == '"' => word.extend(chars.next()),
                        '$' if c == '"' => dollar(&mut chars, &mut word),
                        _ => word.push(inner),
                    }
                }
            }
            '$' => {
                begun = true;
                dollar(&mut chars, &mut word);
            }
            '`' => {
                begun = true;
                word.push(c);
                word.extend(chars.by_ref().take_while(|inner| *inner != '`'));
                word.push(c);
            }
            '\\' => match chars.next() {
                Some('\n') | None => {}
                Some(escaped) => {
                    begun = true;
                    word.push(escaped);
                }
            },
            '\n' | ';' | '&' | '|' => {
                finish(&mut words, &mut word, &mut begun);
                let mut operator = c.to_string();
                operator.extend(chars.next_if(|&next| next == c && c != '\n' && c != ';'));
                words.push(operator);
            }
            c if c.is_whitespace() => finish(&mut words, &mut word, &mut begun),
            c => {
                begun = true;
                word.push(c);
            }
        }
    }
    finish(&mut words, &mut word, &mut begun);
    words
}

/// A `$`, and behind it the whole of a `$(...)`: what another program prints is one word.
fn dollar(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, word: &mut String) {
    word.push('$');
    if chars.peek() != Some(&'(') {
        return;
    }
    let mut depth = 0_usize;
    for c in chars {
        word.push(c);
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
}

fn finish(words: &mut Vec<String>, word: &mut String, begun: &mut bool) {
    if *begun {
        words.push(std::mem::take(word));
        *begun = false;
    }
}
