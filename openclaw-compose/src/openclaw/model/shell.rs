//! Command lines as a shell splits them.

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
