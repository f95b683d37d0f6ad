//! What a container's command asks OpenClaw to do: the subcommand and the flags, found inside exec forms, shell lines and
//! wrappers alike.

use crate::source::{Span, Text};

use super::services::Service;

/// An OpenClaw command line.
#[derive(Clone, Default)]
pub(crate) struct Invocation {
    /// The words after the program, flags and their values left out: `["gateway", "run"]`.
    pub(crate) words: Vec<String>,
    pub(crate) flags: Vec<Flag>,
    /// False when the command runs something else, or nothing was given.
    pub(crate) is_openclaw: bool,
    /// False when neither command nor entrypoint is given: the image decides.
    pub(crate) given: bool,
    /// Something that cannot be seen from here runs first, and may write a configuration or hand in a secret.
    pub(crate) through_script: bool,
    /// Variables that the command line sets for the program it starts, in order.
    pub(crate) assigned: Vec<Assignment>,
}

/// `NAME=value` before a program, or `export NAME=value` in an earlier command of the line.
#[derive(Clone)]
pub(crate) struct Assignment {
    pub(crate) name: String,
    pub(crate) value: Text,
    /// The word of the command that holds it.
    pub(crate) span: Span,
}

/// A `--name value` or `--name=value`.
#[derive(Clone)]
pub(crate) struct Flag {
    pub(crate) name: String,
    pub(crate) value: Option<Text>,
    /// The word of the command that holds the value.
    pub(crate) span: Span,
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
/// Commands of OpenClaw that need no gateway.
const OFFLINE: [&str; 12] = [
    "setup",
    "onboard",
    "configure",
    "config",
    "doctor",
    "plugins",
    "completion",
    "help",
    "update",
    "backup",
    "reset",
    "node",
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
    pub(crate) fn of(service: &Service<'_>) -> Self {
        let words: Vec<(String, Span)> = service
            .entrypoint
            .iter()
            .chain(&service.command)
            .flatten()
            .flat_map(|word| split_if_shell(word.value.expose()).into_iter().map(|part| (part, word.span)))
            .collect();
        let given = service.entrypoint.as_ref().is_some_and(|words| !words.is_empty())
            || service.command.as_ref().is_some_and(|words| !words.is_empty());
        Self { given, ..Self::of_words(&words) }
    }

    fn of_words(words: &[(String, Span)]) -> Self {
        let segments = words.split(|(word, _)| matches!(word.as_str(), "&&" | "||" | ";" | "|" | "&" | "\n"));
        let mut found = Self::default();
        let mut exported = Vec::new();
        for segment in segments {
            let command = Self::of_segment(segment);
            let export = segment.iter().skip_while(|(word, _)| word != "export");
            exported.extend(export.filter_map(|(word, span)| assignment(word, *span)));
            // A gateway wins over the preparations before it; else the first OpenClaw command counts.
            if command.is_openclaw && (command.is_gateway() || !found.is_openclaw) {
                let assigned = exported.iter().cloned().chain(command.assigned).collect();
                found = Self { assigned, ..command };
            }
        }
        let waits = words.first().is_none_or(|(word, _)| IDLE.contains(&last_part(word)));
        found.through_script = words.iter().any(|(word, _)| is_script(word)) || !found.is_openclaw && !waits;
        found
    }

    fn of_segment(segment: &[(String, Span)]) -> Self {
        let program = segment.iter().position(|(word, _)| is_program(word));
        // An image whose entrypoint is OpenClaw, or a script before it, gets the subcommand as its first word.
        let bare = segment.iter().position(|(word, _)| word == "gateway").filter(|at| {
            let before = segment.get(..*at).unwrap_or_default();
            before.iter().all(|(word, _)| {
                is_script(word) || word.starts_with('-') || WRAPPERS.contains(&last_part(word))
            })
        });
        let (at, rest) = match (program, bare) {
            (Some(at), _) => (at, segment.get(at + 1..).unwrap_or_default()),
            (None, Some(at)) => (at, segment.get(at..).unwrap_or_default()),
            (None, None) => return Self::default(),
        };
        let before = segment.get(..at).unwrap_or_default();
        let assigned = before.iter().filter_map(|(word, span)| assignment(word, *span)).collect();
        let mut out = Self { is_openclaw: true, given: true, assigned, ..Self::default() };
        let mut rest = rest.iter().peekable();
        while let Some((word, span)) = rest.next() {
            let Some(flag) = word.strip_prefix("--") else {
                if !word.starts_with('-') {
                    out.words.push(word.clone());
                }
                continue;
            };
            let (name, value, span) = match flag.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(Text::from(value)), *span),
                None if SWITCHES.contains(&flag) => (flag.to_owned(), None, *span),
                None => match rest.next_if(|(next, _)| !next.starts_with("--")) {
                    Some((value, span)) => (flag.to_owned(), Some(Text::from(value.as_str())), *span),
                    None => (flag.to_owned(), None, *span),
                },
            };
            out.flags.push(Flag { name, value, span });
        }
        out
    }

    /// Whether this starts a gateway.
    pub(crate) fn is_gateway(&self) -> bool {
        self.words.first().is_some_and(|word| word == "gateway" || word == "gateway-daemon")
            && !self.words.get(1).is_some_and(|word| GATEWAY_QUESTIONS.contains(&word.as_str()))
    }

    /// Whether this is a command that asks a gateway. The others work on files; how a node finds its gateway is not known.
    pub(crate) fn asks_gateway(&self) -> bool {
        !self.words.first().is_some_and(|word| OFFLINE.contains(&word.as_str()))
    }

    /// The last `--name` that has a value.
    pub(crate) fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().rev().find(|flag| flag.name == name && flag.value.is_some())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.flags.iter().any(|flag| flag.name == name)
    }
}

/// Commands that keep a container there for `docker compose exec`.
pub(crate) const IDLE: [&str; 5] = ["sleep", "tail", "bash", "sh", "cat"];
/// Programs that start another one as it is.
const WRAPPERS: [&str; 9] =
    ["tini", "dumb-init", "docker-init", "exec", "env", "gosu", "su-exec", "sh", "bash"];

fn last_part(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn is_script(word: &str) -> bool {
    let name = last_part(word);
    name.ends_with(".sh") || name.ends_with("entrypoint")
}

fn assignment(word: &str, span: Span) -> Option<Assignment> {
    let (name, value) = word.split_once('=')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    is_name.then(|| Assignment { name: name.to_owned(), value: Text::from(value), span })
}

fn is_program(word: &str) -> bool {
    let name = last_part(word);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn of(words: &[&str]) -> Invocation {
        let span = Span::new(FileId::new(0), 0, 0);
        let words: Vec<_> =
            words.iter().flat_map(|word| split_if_shell(word)).map(|word| (word, span)).collect();
        Invocation::of_words(&words)
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
            &["tini", "-s", "--", "/app/docker-entrypoint.sh", "gateway", "--bind", "lan"],
        ] {
            let found = of(words);
            assert!(found.is_gateway(), "{words:?}");
            let bind = found.flag("bind").and_then(|flag| flag.value.as_ref());
            assert!(bind.is_some_and(|bind| bind.is("lan")), "{words:?}");
        }
    }

    #[test]
    fn what_the_line_sets_for_its_program_is_kept() {
        let found = of(&["sh", "-c", "export A=$(cat \"/run/a b\") B=1; C=\"$X\" exec openclaw gateway"]);
        let set: Vec<_> = found.assigned.iter().map(|set| (set.name.as_str(), set.value.expose())).collect();
        assert_eq!(set, [("A", "$(cat \"/run/a b\")"), ("B", "1"), ("C", "$X")]);
        assert!(found.is_gateway() && !found.through_script);
        assert!(of(&["/start.sh"]).through_script && of(&["/start.sh", "gateway"]).is_gateway());
    }

    #[test]
    fn questions_to_a_gateway_are_no_gateway() {
        assert!(!of(&["openclaw", "gateway", "status"]).is_gateway());
        assert!(!of(&["openclaw", "devices", "list"]).is_gateway());
        assert!(!of(&["nginx", "-g", "daemon off;"]).is_openclaw);
        assert!(!of(&["sleep", "infinity"]).is_openclaw);
    }
}
