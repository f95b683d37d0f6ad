//! What a container's command asks OpenClaw to do: the subcommand and the flags, found inside exec forms, shell lines and
//! wrappers alike.

use crate::source::{FileId, Span, Text};

use super::files::Reader;
use super::image::{self, Image, Source};
use super::services::{At, Service, Services};
use super::shell::{joined_lines, shell_words};

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
    /// Nobody knows what the container starts: an image that is not the official one, or a script that was not given. Which
    /// flags it gives, which port is whose, and whether the gateway stands behind a proxy of the image's own is not known.
    pub(crate) is_unseen: bool,
    /// A server of another kind is started beside it, such as nginx.
    pub(crate) has_server: bool,
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

/// Subcommands of `openclaw gateway` that ask a running gateway, or the host's service manager, instead of being one.
const GATEWAY_QUESTIONS: [&str; 15] = [
    "start",
    "suspend",
    "resume",
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
    pub(crate) fn of(
        service: &Service<'_>,
        services: &Services<'_>,
        image: &Image,
        files: &mut Reader<'_>,
    ) -> Self {
        let written = |words: &Option<Vec<At<&Text>>>| -> Option<Vec<(String, Span)>> {
            let words = words.as_ref()?;
            Some(words.iter().map(|word| (word.value.expose().to_owned(), word.span)).collect())
        };
        let given = [&service.entrypoint, &service.command]
            .into_iter()
            .any(|words| words.as_ref().is_some_and(|words| !words.is_empty()));
        let own = written(&service.entrypoint);
        // An entrypoint of the compose file drops the command of the image.
        let of_image = if own.is_none() { image.command.clone() } else { None };
        let entrypoint = own.or_else(|| image.entrypoint.clone()).unwrap_or_default();
        let command = written(&service.command).or(of_image).unwrap_or_default();
        let split = |words: &[(String, Span)]| -> Vec<(String, Span)> {
            let parts = |(word, span): &(String, Span)| {
                let span = *span;
                split_if_shell(word).into_iter().map(move |part| (part, span))
            };
            words.iter().flat_map(parts).collect()
        };
        let (entrypoint, command) = (split(&entrypoint), split(&command));
        let words = [entrypoint.as_slice(), command.as_slice()].concat();
        let mut found = Self { given, ..Self::of_words(&words) };
        if let Some((script, arguments)) = script(&words, service, services, image, files) {
            let lines = script_words(script.0, script.1.expose(), arguments);
            let inside = Self::of_words(&lines);
            let server =
                lines.iter().any(|(word, _)| SERVERS.contains(&last_part(word))) || hands_over(&lines);
            if inside.is_gateway() || !found.is_gateway() && inside.is_openclaw {
                found = Self { given, ..inside };
            }
            (found.through_script, found.has_server) = (true, server);
        } else {
            // The official image starts its gateway by itself; of any other nobody knows what it starts.
            let silent = words.is_empty() && image.source != Source::OfficialImage;
            let hidden = !words.is_empty() && found.through_script;
            found.through_script |= silent;
            found.is_unseen = (silent || hidden) && !found.is_openclaw;
        }
        found
    }

    /// What the compose file itself spells out, whatever the image adds.
    pub(crate) fn written(service: &Service<'_>) -> Self {
        let words = [&service.entrypoint, &service.command].into_iter().flatten().flatten();
        let words: Vec<(String, Span)> =
            words.map(|word| (word.value.expose().to_owned(), word.span)).collect();
        Self::of_words(&words)
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

/// Servers that images put before a gateway.
const SERVERS: [&str; 6] = ["nginx", "caddy", "haproxy", "socat", "traefik", "envoy"];

/// Interpreters of programs of one's own.
const INTERPRETERS: [&str; 7] = ["node", "bun", "deno", "python", "python3", "java", "npm"];

/// Whether a script becomes another program than OpenClaw in the end: `exec node /opt/dashboard/server.mjs`.
fn hands_over(lines: &[Word]) -> bool {
    let statements = lines.split(|(word, _)| matches!(word.as_str(), "\n" | ";" | "&&" | "||"));
    statements.into_iter().any(|statement| {
        let program = statement.iter().skip_while(|(word, _)| word != "exec").nth(1);
        program.is_some_and(|(word, _)| INTERPRETERS.contains(&last_part(word)))
            && !Invocation::of_segment(statement).is_openclaw
    })
}

/// A word of a command line, and where it stands.
type Word = (String, Span);

/// The script that a container starts, where its text is there, and the words it gets.
fn script<'w>(
    words: &'w [Word],
    service: &Service<'_>,
    services: &Services<'_>,
    image: &Image,
    files: &mut Reader<'_>,
) -> Option<((FileId, Text), &'w [Word])> {
    let at =
        words.iter().position(|(word, _)| !word.starts_with('-') && !WRAPPERS.contains(&last_part(word)))?;
    let (path, arguments) = words.get(at..)?.split_first()?;
    if is_program(&path.0) || !path.0.starts_with('/') {
        return None;
    }
    let mounted = image::start_text(files.inside(service, services, &path.0));
    let script = mounted.or_else(|| {
        let source = image.copied(&path.0)?;
        let directory = source.rsplit_once('/')?.0.to_owned();
        image::start_text(files.on_host(&source, &directory))
    })?;
    (is_script(&path.0) || script.1.expose().starts_with("#!")).then_some((script, arguments))
}

/// The words of a script, each with the bytes of its line; `"$@"` is what the script gets.
fn script_words(file: FileId, text: &str, arguments: &[(String, Span)]) -> Vec<(String, Span)> {
    let mut out = Vec::new();
    for (line, span) in joined_lines(file, text) {
        for word in shell_words(&line) {
            match word.as_str() {
                "$@" | "$*" => out.extend_from_slice(arguments),
                _ => out.push((word, span)),
            }
        }
        out.push(("\n".to_owned(), span));
    }
    out
}

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
        assert!(!of(&["sh", "-c", "openclaw gateway start; exec python -m app"]).is_gateway());
        assert!(!of(&["openclaw", "devices", "list"]).is_gateway());
        assert!(!of(&["nginx", "-g", "daemon off;"]).is_openclaw);
        assert!(!of(&["sleep", "infinity"]).is_openclaw);
    }
}
