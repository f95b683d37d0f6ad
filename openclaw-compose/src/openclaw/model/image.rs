//! What a service's image brings along: its start, its user, its variables. The official image's are known; those of any
//! other are what its Dockerfile or the inspected container says, and are not known where neither was given.

use std::collections::BTreeMap;

use crate::openclaw::rules::version::{self, Version};
use crate::project::Node;
use crate::source::{FileId, Span, Text};

use super::config;
use super::files::{Found, Reader};
use super::services::Service;
use super::shell::{joined_lines, shell_words};

/// Who says what a container starts with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The compose file itself.
    Compose,
    /// It is the official image, whose start, user and home are known.
    OfficialImage,
    /// The Dockerfile of its build.
    Dockerfile,
    /// The inspected container.
    Inspect,
    /// A mount makes it likely, and nothing says so.
    Mount,
    /// Nobody.
    Nobody,
}

impl Source {
    /// Whether a rule may conclude from it.
    pub(crate) fn is_sure(self) -> bool {
        !matches!(self, Self::Mount | Self::Nobody)
    }
}

/// An image as far as it is known.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) source: Source,
    pub(crate) entrypoint: Option<Vec<(String, Span)>>,
    pub(crate) command: Option<Vec<(String, Span)>>,
    pub(crate) user: Option<String>,
    /// Its own variables.
    pub(crate) environment: BTreeMap<String, (Text, Span)>,
    /// Files of the build's context by their path in the image.
    copies: Vec<(String, String)>,
}

/// The repositories of the official image, its older names included. A bare name is what its own build is tagged.
const OFFICIAL: [&str; 6] =
    ["openclaw", "openclaw/openclaw", "clawdbot/clawdbot", "moltbot/moltbot", "clawdbot", "moltbot"];
/// Registries from which these are pulled.
const REGISTRIES: [&str; 3] = ["ghcr.io/", "docker.io/", "index.docker.io/"];
/// Tags of the official image that are not releases.
const MOVING_TAGS: [&str; 6] = ["latest", "local", "main", "beta", "slim", "stable"];
/// The largest Dockerfile or script that is read, in bytes.
const LONGEST: usize = 64 * 1024;

/// Whether a reference names the official image.
pub(crate) fn is_official(image: &str) -> bool {
    let repository = version::repository(image);
    let name = REGISTRIES.iter().find_map(|registry| repository.strip_prefix(registry)).unwrap_or(repository);
    // A tag that says neither a release nor a channel is somebody's own build.
    let tag = version::tag(image)
        .is_none_or(|tag| MOVING_TAGS.contains(&tag) || tag.parse::<Version>().is_ok() || name.contains('/'));
    OFFICIAL.contains(&name) && tag
}

impl Image {
    fn unknown() -> Self {
        Self {
            source: Source::Nobody,
            entrypoint: None,
            command: None,
            user: None,
            environment: BTreeMap::new(),
            copies: Vec::new(),
        }
    }

    fn official() -> Self {
        Self { source: Source::OfficialImage, ..Self::unknown() }
    }

    /// The image of a service: what it is built from where it is built, else what its name says.
    pub(crate) fn of(service: &Service<'_>, files: &mut Reader<'_>) -> Self {
        if service.built {
            return service
                .node
                .and_then(|node| built(node.get("build")?, files))
                .unwrap_or_else(Self::unknown);
        }
        match &service.image {
            Some(image) if is_official(image.value) => Self::official(),
            _ => Self::unknown(),
        }
    }

    /// The host's file that was copied to `path` of the image.
    pub(crate) fn copied(&self, path: &str) -> Option<String> {
        self.copies.iter().rev().find_map(|(target, source)| {
            let name = source.rsplit('/').next().unwrap_or(source);
            let into = target.strip_suffix('/').map(|directory| format!("{directory}/{name}"));
            (into.as_deref().unwrap_or(target) == path).then(|| source.clone())
        })
    }
}

/// A text short enough to be looked at as a start.
pub(crate) fn start_text(found: Found) -> Option<(FileId, Text)> {
    match found {
        Found::Text(file, text) if text.expose().len() <= LONGEST => Some((file, text)),
        _ => None,
    }
}

/// Follows the Dockerfile of a build to its last stage.
fn built(build: &Node, files: &mut Reader<'_>) -> Option<Image> {
    let context = build.get("context").and_then(Node::expose)?;
    let name = build.get("dockerfile").and_then(Node::expose).unwrap_or("Dockerfile");
    let (file, text) = start_text(files.on_host(&config::normalise(context, name), context))?;
    let given = |name: &str| build.get("args")?.get(name)?.text().cloned();
    read(file, text.expose(), context, build.get("target").and_then(Node::expose), &given)
}

fn read(
    file: FileId,
    text: &str,
    context: &str,
    target: Option<&str>,
    given: &dyn Fn(&str) -> Option<Text>,
) -> Option<Image> {
    let mut stages: BTreeMap<String, Image> = BTreeMap::new();
    let mut defaults: BTreeMap<String, Text> = BTreeMap::new();
    let mut image: Option<Image> = None;
    let mut stage = String::new();
    let mut directory = "/".to_owned();
    // The ids of the accounts that the file makes, by their names.
    let mut accounts: BTreeMap<String, String> = BTreeMap::new();
    for (line, span) in joined_lines(file, text) {
        let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((&line, ""));
        let rest = rest.trim();
        match word.to_ascii_uppercase().as_str() {
            "ARG" => {
                if let Some((name, default)) = rest.split_once('=') {
                    defaults.insert(name.trim().to_owned(), Text::from(default.trim_matches(['"', '\''])));
                }
            }
            "FROM" => {
                if target.is_some_and(|target| image.is_some() && target == stage) {
                    break;
                }
                if let Some(done) = image.take() {
                    stages.insert(std::mem::take(&mut stage), done);
                }
                let mut words = rest.split_whitespace().filter(|word| !word.starts_with("--"));
                let base = config::substitute(words.next().unwrap_or_default(), &mut |name| {
                    given(name).or_else(|| defaults.get(name).cloned())
                });
                stage = words.nth(1).unwrap_or_default().to_owned();
                let base = base.text.expose();
                let below = stages.get(base).cloned();
                image = Some(below.unwrap_or_else(|| match is_official(base) {
                    true => Image::official(),
                    false => Image { source: Source::Dockerfile, ..Image::unknown() },
                }));
                directory = "/".to_owned();
            }
            instruction => {
                let Some(image) = &mut image else { continue };
                let path = |path: &str| config::normalise(&directory, path);
                match instruction {
                    "WORKDIR" => directory = path(rest),
                    "RUN" => accounts.extend(made_accounts(rest)),
                    "USER" => {
                        let (user, group) =
                            rest.split_once(':').map_or((rest, None), |(user, group)| (user, Some(group)));
                        let user = accounts.get(user).map_or(user, String::as_str);
                        image.user =
                            Some(group.map_or_else(|| user.to_owned(), |group| format!("{user}:{group}")));
                    }
                    "ENV" => {
                        for (name, value) in variables(rest) {
                            image.environment.insert(name, (Text::from(value), span));
                        }
                    }
                    // An entrypoint of its own drops the command of the image below.
                    "ENTRYPOINT" => {
                        image.source = Source::Dockerfile;
                        (image.entrypoint, image.command) = (Some(command(rest, span)), None);
                    }
                    "CMD" => {
                        image.source = Source::Dockerfile;
                        image.command = Some(command(rest, span));
                    }
                    "COPY" | "ADD" if !rest.contains("--from=") => {
                        let words: Vec<&str> =
                            rest.split_whitespace().filter(|word| !word.starts_with("--")).collect();
                        if let Some((target, sources)) = words.split_last() {
                            let many = if sources.len() > 1 && !target.ends_with('/') { "/" } else { "" };
                            let slash = if target.ends_with('/') || *target == "." { "/" } else { many };
                            let target = path(target);
                            image.copies.extend(sources.iter().map(|source| {
                                let target = format!("{}{slash}", target.trim_end_matches('/'));
                                (target, config::normalise(context, source.trim_start_matches('/')))
                            }));
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    image
}

/// The accounts that a command makes with an id of their own: `useradd -u 998 NAME`, `adduser --uid 998 NAME`.
fn made_accounts(command: &str) -> Vec<(String, String)> {
    let commands = command.split(['&', ';', '|']).map(str::trim);
    let makes = |command: &&str| {
        let program = command.split(' ').next().unwrap_or_default();
        matches!(program.rsplit('/').next(), Some("useradd" | "adduser" | "usermod"))
    };
    let account = |command: &str| {
        let words: Vec<&str> = command.split_whitespace().collect();
        let at = words.iter().position(|word| matches!(*word, "-u" | "--uid"));
        let joined = words.iter().find_map(|word| word.strip_prefix("--uid="));
        let id = joined.or_else(|| words.get(at? + 1).copied())?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit());
        // `adduser --uid 998 NAME GROUP` is what nobody writes: the name is last.
        is_id.then(|| (words.last().copied().unwrap_or_default().to_owned(), id.to_owned()))
    };
    commands.filter(makes).filter_map(account).collect()
}

/// `A=1 B="two words"`, or the older `A 1`.
fn variables(rest: &str) -> Vec<(String, String)> {
    let words = shell_words(rest);
    if words.first().is_some_and(|word| word.contains('=')) {
        return words
            .iter()
            .filter_map(|word| word.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }
    rest.split_once(char::is_whitespace)
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .into_iter()
        .collect()
}

/// The exec form's words, or a shell's.
fn command(rest: &str, span: Span) -> Vec<(String, Span)> {
    let words = serde_json::from_str::<Vec<String>>(rest)
        .unwrap_or_else(|_| ["sh", "-c", rest].map(str::to_owned).to_vec());
    words.into_iter().map(|word| (word, span)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> Image {
        read(FileId::new(0), text, "/srv", None, &|_| None).expect("a stage")
    }

    #[test]
    fn the_official_image_is_known_by_its_name_and_release() {
        for (name, wanted) in [
            ("ghcr.io/openclaw/openclaw:2026.9.6", true),
            ("openclaw/openclaw:latest", true),
            ("openclaw:local", true),
            ("openclaw:2026.9.6@sha256:00", true),
            ("openclaw:custom", false),
            ("coollabsio/openclaw:2026.6.11", false),
            ("ghcr.io/somebody/openclaw:latest", false),
            ("myclaw:1", false),
        ] {
            assert_eq!(is_official(name), wanted, "{name}");
        }
    }

    #[test]
    fn a_dockerfile_says_who_starts_what() {
        let own = image(
            "FROM node:24 AS build\nRUN x\nFROM node:24\n# why\nCOPY --chmod=755 start.sh /usr/bin/\nENV HOME=/home/agent \\\n  A=1\nUSER agent\nENTRYPOINT [\"/usr/bin/start.sh\"]\n",
        );
        assert_eq!((own.source, own.user.as_deref()), (Source::Dockerfile, Some("agent")));
        assert!(own.environment["HOME"].0.is("/home/agent") && own.environment["A"].0.is("1"));
        assert_eq!(own.copied("/usr/bin/start.sh").as_deref(), Some("/srv/start.sh"));
        assert_eq!(own.entrypoint.expect("an entrypoint")[0].0, "/usr/bin/start.sh");
    }

    #[test]
    fn a_stage_on_the_official_image_keeps_what_it_does_not_change() {
        let own = image("ARG FROM_=ghcr.io/openclaw/openclaw:2026.9.6\nFROM ${FROM_}\nRUN apt-get update\n");
        assert_eq!(own.source, Source::OfficialImage);
        let made = image(
            "FROM node:24\nRUN npm i -g openclaw && useradd -u 998 -m -d /sandbox sandbox\nUSER sandbox\n",
        );
        assert_eq!(made.user.as_deref(), Some("998"));
        assert_eq!(image("FROM openclaw:local\nCMD [\"bash\"]\n").source, Source::Dockerfile);
        assert_eq!(image("FROM debian:12\n").source, Source::Dockerfile);
    }
}
