//! What a container's command asks OpenClaw to do: the subcommand and the flags, found inside exec forms, shell lines and
//! wrappers alike.

use crate::source::Span;

use super::services::Service;

/// An OpenClaw command line.
#[derive(Clone, Debug, Default)]
pub(super) struct Invocation {
    /// The words after the program, flags and their values left out: `["gateway", "run"]`.
    pub(super) words: Vec<String>,
    pub(super) flags: Vec<Flag>,
    /// False when the command runs something else, or nothing was given.
    pub(super) is_openclaw: bool,
    /// False when neither command nor entrypoint is given: the image decides.
    pub(super) given: bool,
}

/// A `--name value` or `--name=value`.
#[derive(Clone)]
pub(super) struct Flag {
    pub(super) name: String,
    pub(super) value: Option<String>,
    /// The word of the command that holds the value.
    pub(super) span: Span,
}

/// Names only: a value may be a token.
impl std::fmt::Debug for Flag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)
    }
}

/// Subcommands of `openclaw gateway` that ask a running gateway instead of being one.
const GATEWAY_QUESTIONS: [&str; 12] = [
    "status",
    "probe",
    "call",
    "health",
    "stop",
    "restart",
    "install",
    "uninstall",
    "discover",
    "auth-token",
    "logs",
    "usage-cost",
];
/// Flags without a value; every other `--flag` takes the next word unless that is a flag too.
const SWITCHES: [&str; 12] = [
    "allow-unconfigured",
    "dev",
    "force",
    "json",
    "no-open",
    "verbose",
    "reset",
    "latest",
    "yes",
    "help",
    "no-color",
    "compact",
];
/// Programs that are OpenClaw, by the last part of their path.
const PROGRAMS: [&str; 6] =
    ["openclaw", "openclaw.mjs", "clawdbot", "moltbot", "clawdbot.mjs", "moltbot.mjs"];
/// Node entry points of an OpenClaw checkout.
const ENTRIES: [&str; 4] = ["dist/index.js", "dist/entry.js", "dist/index.mjs", "dist/entry.mjs"];

impl Invocation {
    pub(super) fn of(service: &Service<'_>) -> Self {
        let words: Vec<(String, Span)> = service
            .entrypoint
            .iter()
            .chain(&service.command)
            .flatten()
            .flat_map(|word| split_if_shell(word.value).into_iter().map(|part| (part, word.span)))
            .collect();
        let given = service.entrypoint.as_ref().is_some_and(|words| !words.is_empty())
            || service.command.as_ref().is_some_and(|words| !words.is_empty());
        let segments = words.split(|(word, _)| matches!(word.as_str(), "&&" | "||" | ";" | "|" | "&" | "\n"));
        let mut found = Self { given, ..Self::default() };
        for segment in segments {
            let command = Self::of_segment(segment);
            // A gateway wins over the preparations before it; else the first OpenClaw command counts.
            if command.is_openclaw && (command.is_gateway() || !found.is_openclaw) {
                found = Self { given, ..command };
            }
        }
        found
    }

    fn of_segment(segment: &[(String, Span)]) -> Self {
        let program = segment.iter().position(|(word, _)| is_program(word));
        // An image whose entrypoint is OpenClaw gets the subcommand as its first word.
        let bare = segment.first().is_some_and(|(word, _)| word == "gateway");
        let rest = match program {
            Some(at) => segment.get(at + 1..).unwrap_or_default(),
            None if bare => segment,
            None => return Self::default(),
        };
        let mut out = Self { is_openclaw: true, given: true, ..Self::default() };
        let mut rest = rest.iter().peekable();
        while let Some((word, span)) = rest.next() {
            let Some(flag) = word.strip_prefix("--") else {
                if !word.starts_with('-') {
                    out.words.push(word.clone());
                }
                continue;
            };
            let (name, value, span) = match flag.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned()), *span),
                None if SWITCHES.contains(&flag) => (flag.to_owned(), None, *span),
                None => match rest.next_if(|(next, _)| !next.starts_with("--")) {
                    Some((value, span)) => (flag.to_owned(), Some(value.clone()), *span),
                    None => (flag.to_owned(), None, *span),
                },
            };
            out.flags.push(Flag { name, value, span });
        }
        out
    }

    /// Whether this starts a gateway.
    pub(super) fn is_gateway(&self) -> bool {
        self.words.first().is_some_and(|word| word == "gateway" || word == "gateway-daemon")
            && !self.words.get(1).is_some_and(|word| GATEWAY_QUESTIONS.contains(&word.as_str()))
    }

    /// The last `--name` that has a value.
    pub(super) fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().rev().find(|flag| flag.name == name && flag.value.is_some())
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name == name)
    }
}

fn is_program(word: &str) -> bool {
    let name = word.rsplit('/').next().unwrap_or(word);
    PROGRAMS.contains(&name)
        || ENTRIES.iter().any(|entry| word == *entry || word.ends_with(&format!("/{entry}")))
}

/// A word that holds a whole command line (a `command:` string, the argument of `sh -c`) becomes its words.
fn split_if_shell(word: &str) -> Vec<String> {
    if word.contains(char::is_whitespace) || word.contains("&&") || word.contains(';') {
        shell_words(word)
    } else {
        vec![word.to_owned()]
    }
}

/// Splits as a shell does, as far as quotes, escapes and the operators between commands go.
pub(super) fn shell_words(line: &str) -> Vec<String> {
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
                        _ => word.push(inner),
                    }
                }
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

fn finish(words: &mut Vec<String>, word: &mut String, begun: &mut bool) {
    if *begun {
        words.push(std::mem::take(word));
        *begun = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn of(words: &[&str]) -> Invocation {
        let span = Span::new(FileId::new(0), 0, 0);
        let words: Vec<_> =
            words.iter().flat_map(|word| split_if_shell(word)).map(|word| (word, span)).collect();
        let mut found = Invocation::default();
        for segment in words.split(|(word, _)| matches!(word.as_str(), "&&" | "||" | ";" | "|" | "&" | "\n"))
        {
            let command = Invocation::of_segment(segment);
            if command.is_openclaw && (command.is_gateway() || !found.is_openclaw) {
                found = command;
            }
        }
        found
    }

    #[test]
    fn finds_the_gateway_in_every_form() {
        for words in [
            &["node", "dist/index.js", "gateway", "--bind", "lan"][..],
            &["openclaw", "gateway", "run", "--bind=lan"],
            &["gateway", "--bind", "lan"],
            &[
                "sh",
                "-c",
                "mkdir -p /x && exec node /app/openclaw.mjs gateway --allow-unconfigured --bind \"lan\"",
            ],
            &["tini", "--", "/usr/local/bin/openclaw", "gateway", "--bind", "lan", "--port", "18789"],
        ] {
            let found = of(words);
            assert!(found.is_gateway(), "{words:?}");
            assert_eq!(found.flag("bind").and_then(|flag| flag.value.as_deref()), Some("lan"), "{words:?}");
        }
    }

    #[test]
    fn questions_to_a_gateway_are_no_gateway() {
        assert!(!of(&["openclaw", "gateway", "status"]).is_gateway());
        assert!(!of(&["openclaw", "devices", "list"]).is_gateway());
        assert!(!of(&["nginx", "-g", "daemon off;"]).is_openclaw);
        assert!(!of(&["sleep", "infinity"]).is_openclaw);
    }
}
