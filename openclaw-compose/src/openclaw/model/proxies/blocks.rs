//! Words, statements and blocks of nginx and Caddy: what nests in braces. nginx ends a statement with `;`, Caddy with its line.

use std::ops::Range;

/// Deeper nesting is not read: no proxy needs it.
const DEEPEST: usize = 32;

/// What ends a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    Semicolon,
    Line,
}

/// A word as it is meant, without its quotes, and its bytes.
#[derive(Debug)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) range: Range<usize>,
}

/// A statement with the block behind it, if it has one.
#[derive(Debug, Default)]
pub(super) struct Statement {
    pub(super) words: Vec<Word>,
    pub(super) block: Option<Vec<Self>>,
    /// All of it that stands before the block.
    pub(super) range: Range<usize>,
}

impl Statement {
    pub(super) fn name(&self) -> &str {
        self.words.first().map_or("", |word| word.text.as_str())
    }

    /// The words behind its name.
    pub(super) fn arguments(&self) -> &[Word] {
        self.words.get(1..).unwrap_or_default()
    }

    pub(super) fn children(&self) -> &[Self] {
        self.block.as_deref().unwrap_or_default()
    }
}

/// Reads a text; what is beyond reading is left out.
pub(super) fn parse(text: &str, ends: Ends) -> Vec<Statement> {
    let mut open: Vec<(Statement, Vec<Statement>)> = Vec::new();
    let mut here: Vec<Statement> = Vec::new();
    let mut statement = Statement::default();
    let bytes = text.as_bytes();
    let mut at = 0;
    let finish = |statement: &mut Statement, here: &mut Vec<Statement>| {
        if !statement.words.is_empty() {
            here.push(std::mem::take(statement));
        }
    };
    while let Some(&byte) = bytes.get(at) {
        // Caddy's placeholders have braces of their own; its blocks open behind a blank and close alone.
        let is_brace = |brace: u8| byte == brace && (ends == Ends::Semicolon || is_alone(bytes, at));
        match byte {
            b'\n' if ends == Ends::Line => {
                finish(&mut statement, &mut here);
                at += 1;
            }
            b'\\' if ends == Ends::Line && bytes.get(at + 1) == Some(&b'\n') => at += 2,
            b';' if ends == Ends::Semicolon => {
                statement.range.end = at + 1;
                finish(&mut statement, &mut here);
                at += 1;
            }
            b'#' => at = text.get(at..).and_then(|rest| rest.find('\n')).map_or(bytes.len(), |end| at + end),
            _ if byte.is_ascii_whitespace() => at += 1,
            _ if is_brace(b'{') => {
                if open.len() == DEEPEST {
                    break;
                }
                open.push((std::mem::take(&mut statement), std::mem::take(&mut here)));
                at += 1;
            }
            _ if is_brace(b'}') => {
                finish(&mut statement, &mut here);
                if let Some((mut whole, outer)) = open.pop() {
                    whole.block = Some(std::mem::replace(&mut here, outer));
                    here.push(whole);
                }
                at += 1;
            }
            _ => {
                let word = word(text, at, ends);
                if statement.words.is_empty() {
                    statement.range.start = at;
                }
                // A word takes at least its first byte.
                at = word.range.end.max(at + 1);
                statement.range.end = at;
                statement.words.push(word);
            }
        }
    }
    finish(&mut statement, &mut here);
    // What was never closed counts as far as it goes.
    while let Some((mut whole, outer)) = open.pop() {
        whole.block = Some(std::mem::replace(&mut here, outer));
        here.push(whole);
    }
    here
}

/// Whether nothing but blanks stands around a byte.
fn is_alone(bytes: &[u8], at: usize) -> bool {
    let blank = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_whitespace);
    blank(at.checked_sub(1).and_then(|before| bytes.get(before))) && blank(bytes.get(at + 1))
}

fn word(text: &str, at: usize, ends: Ends) -> Word {
    let rest = text.get(at..).unwrap_or_default();
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\'' | '`'));
    if let Some(quote) = quote.filter(|quote| ends == Ends::Line || *quote != '`') {
        let inside = rest.get(1..).unwrap_or_default();
        let mut escaped = false;
        let end = inside.find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let length = end.unwrap_or(inside.len());
        let range = at..(at + length + 2).min(text.len());
        return Word { text: inside.get(..length).unwrap_or_default().to_owned(), range };
    }
    let (mut is_variable, mut is_open) = (false, false);
    let length = rest.find(|c: char| {
        // `${NAME}` is a part of its word.
        let follows = std::mem::replace(&mut is_variable, c == '$');
        match c {
            '{' if follows => {
                is_open = true;
                false
            }
            '}' if is_open => {
                is_open = false;
                false
            }
            '{' | '}' | ';' => ends == Ends::Semicolon,
            _ => c.is_whitespace(),
        }
    });
    let length = length.unwrap_or(rest.len());
    Word { text: rest.get(..length).unwrap_or_default().to_owned(), range: at..at + length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(statements: &[Statement]) -> String {
        let one = |statement: &Statement| {
            let words: Vec<&str> = statement.words.iter().map(|word| word.text.as_str()).collect();
            let block =
                statement.block.as_ref().map_or_else(String::new, |block| format!("{{{}}}", shown(block)));
            format!("{}{block}", words.join(" "))
        };
        statements.iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn both_languages_come_apart_into_statements() {
        let nginx = "server{ # x\n listen 80; location ~ '^/a{2}$' { proxy_pass http://${UP}:1/; } add 'a;b' \"c}\"; }";
        assert_eq!(
            shown(&parse(nginx, Ends::Semicolon)),
            "server{listen 80; location ~ ^/a{2}${proxy_pass http://${UP}:1/}; add a;b c}}"
        );
        let caddy = "{\n email x\n}\n(s) {\n header A \"b c\"\n}\n{$HOST:x.org}, y.org {\n import s\n reverse_proxy a:1 {\n  to b:2\n }\n}\n";
        assert_eq!(
            shown(&parse(caddy, Ends::Line)),
            "{email x}; (s){header A b c}; {$HOST:x.org}, y.org{import s; reverse_proxy a:1{to b:2}}"
        );
        assert_eq!(shown(&parse("a { b", Ends::Line)), "a{b}");
        assert_eq!(shown(&parse("} a }", Ends::Line)), "a");
    }

    #[test]
    fn deep_and_long_texts_end() {
        let deep = "a{".repeat(100_000);
        assert_eq!(parse(&deep, Ends::Semicolon).len(), 1);
        let long = "'".repeat(100_001);
        assert!(!parse(&long, Ends::Semicolon).is_empty());
    }
}
