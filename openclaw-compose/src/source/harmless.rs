//! The values that may be shown: those of a few names, where they look as such a value does.
//!
//! Everything that is not here is masked. A name on the list vouches for a shape, not for whatever stands behind it, and no
//! shape has room for a word that looks drawn at random.

use std::iter;
use std::ops::Range;

use super::known::{is_known, is_version};
use super::secret::{looks_random, looks_secret};

/// What a harmless value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A number, a size, a duration.
    Number,
    /// Ports, alone or as they are published.
    Port,
    /// What is inside a container: a port, or a path that begins as one.
    Target,
    /// A word of a fixed set, a name of this stack, a version, a time, an address, a path, or some of them joined.
    Plain,
    /// A path that begins as one: a word alone may be anything.
    Path,
    /// An image, pinned or not.
    Image,
    /// A URL, without user info, query and fragment, and of its path the words that programs say: who knows the address
    /// of a webhook may post there.
    Url,
    /// A command line: programs and flags that are known, and what the flags of this list are given.
    Command,
}

/// The names, by what their values look like.
#[rustfmt::skip]
const HARMLESS: &[(Shape, &[&str])] = &[
    (Shape::Number, &[
        // Compose files
        "cpus", "hard", "interval", "max-file", "max-size", "max_attempts", "mem_limit", "memory", "nofile", "pids_limit",
        "replicas", "retries", "shm_size", "size", "soft", "start_interval", "start_period", "stop_grace_period", "timeout",
        // docker inspect, podman info
        "ExitCode", "FailingStreak", "MaximumRetryCount", "Memory", "RestartCount", "container_id", "host_id",
        // supervisors
        "RestartSec", "TimeoutStopSec", "ThrottleInterval", "ExitTimeOut",
        // devices of a gateway
        "ts", "approvedAtMs", "createdAtMs", "lastSeenAtMs",
    ]),
    (Shape::Port, &[
        "expose", "port", "ports", "published", "HostPort", "CLAWDBOT_GATEWAY_PORT", "GATEWAY_PORT",
        "OPENCLAW_GATEWAY_PORT", "PORT",
    ]),
    (Shape::Target, &["target"]),
    (Shape::Plain, &[
        // Compose files
        "aliases", "cap_add", "cap_drop", "condition", "container_name", "context", "depends_on", "dns", "dockerfile",
        "driver", "encoding", "env_file", "external_links", "extra_hosts", "file", "gateway", "gid", "group_add", "host_ip",
        "hostname", "include", "ip_range", "ipc", "ipv4_address", "ipv6_address", "label_file", "links", "mode", "name",
        "network", "network_mode", "networks", "path", "pid", "platform", "profiles", "project", "propagation",
        "protocol", "pull_policy", "restart", "runtime", "security_opt", "selinux", "service", "source", "stop_signal",
        "subnet", "tmpfs", "type", "uid", "user", "userns_mode", "version", "volumes", "volumes_from", "working_dir",
        // openclaw.json
        "bind", "customBindHost", "trustedProxies",
        // docker inspect, docker info
        "Aliases", "Binds", "Created", "Destination", "DockerRootDir", "Driver", "FinishedAt", "Gateway", "HostIp",
        "IPAddress", "Mode", "Name", "NetworkMode", "OperatingSystem", "Propagation", "SecurityOptions", "Source",
        "StartedAt", "Status", "Type", "User", "WorkingDir",
        "com.docker.compose.container-number", "com.docker.compose.depends_on", "com.docker.compose.oneoff",
        "com.docker.compose.project", "com.docker.compose.project.config_files",
        "com.docker.compose.project.working_dir", "com.docker.compose.service", "com.docker.compose.version",
        "org.opencontainers.image.version",
        // supervisors
        "After", "EnvironmentFile", "KillSignal", "Label", "Requires", "Restart", "WantedBy", "Wants",
        "StandardErrorPath", "StandardOutPath", "WorkingDirectory",
        // devices of a gateway
        "approvedVia", "clientId", "clientMode", "deviceFamily", "role", "roles", "scopes",
        // variables
        "CLAWDBOT_GATEWAY_BIND", "COMPOSE_ENV_FILES", "COMPOSE_FILE", "COMPOSE_PROFILES", "COMPOSE_PROJECT_NAME",
        "NODE_VERSION", "OPENCLAW_ALLOW_INSECURE_PRIVATE_WS", "OPENCLAW_GATEWAY_BIND", "OPENCLAW_SERVICE_KIND",
        "OPENCLAW_VERSION",
    ]),
    (Shape::Path, &[
        "HOME", "OPENCLAW_CONFIG_DIR", "OPENCLAW_CONFIG_PATH", "OPENCLAW_GATEWAY_TOKEN_FILE", "OPENCLAW_HOME",
        "OPENCLAW_STATE_DIR", "OPENCLAW_WORKSPACE_DIR", "PATH",
    ]),
    (Shape::Image, &["image", "Image", "RepoDigests", "RepoTags", "OPENCLAW_IMAGE", "com.docker.compose.image"]),
    (Shape::Url, &[
        "allowedOrigins", "url", "CLAWDBOT_GATEWAY_URL", "GATEWAY_URL", "MOLTBOT_GATEWAY_URL", "OPENCLAW_GATEWAY_URL",
        "OPENCLAW_URL",
    ]),
    (Shape::Command, &[
        "command", "entrypoint", "test", "Args", "Cmd", "Entrypoint", "ExecStart", "Path", "ProgramArguments",
    ]),
];

/// The words of a command line that show: programs, subcommands, what a health check is made of.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "-c", "-e", "-f", "-q", "-s", "-sf", "-fsS", "-O", "-O-", "-g", "-p", "-v", "-z", "-", "--", "&&", "||", "|", ":",
    "?", "=>", "0", "1", ".catch", ".then", "process.exit", "r", "r.ok", "CMD", "CMD-SHELL", "NONE", "bash", "call",
    "cat", "chown", "config", "curl", "daemon", "devices", "docker", "doctor", "dumb-init", "env", "exec", "exit",
    "export", "fetch", "gateway", "gateway-daemon", "gosu", "health", "infinity", "init", "install", "list", "mkdir",
    "nc", "node", "onboard", "openclaw", "openclaw.mjs", "dist/index.js", "probe", "restart", "run", "setup", "sh", "sleep", "start",
    "status", "stop", "su-exec", "tail", "test", "tini", "tui", "wget",
];

/// The shape that the values of a name have, where they may be shown.
pub(super) fn shape(name: &str) -> Option<Shape> {
    HARMLESS.iter().find(|(_, names)| names.contains(&name)).map(|(shape, _)| *shape)
}

/// True for a name that may be shown: one that could be a key, and is not rather a value in its place.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "_-./$@:<+~".contains(c);
    // What a service is called may be long; a token has digits in it.
    let long =
        |word: &str| word.len() > 40 && (word.len() > 64 || word.bytes().any(|byte| byte.is_ascii_digit()));
    name.chars().all(fits) && !name.split(['.', '/']).any(long) && !name.split(['-', '_']).any(looks_random)
}

/// The parts of a value that may be shown, by the shape that its name vouches for. `before` is the item before it in its
/// list.
pub(super) fn visible(value: &str, shape: Option<Shape>, before: Option<&str>) -> Vec<Range<usize>> {
    // No alphabet is without these. A variable alone is no secret, whoever set it.
    let variable = value.strip_prefix('$').is_some_and(|name| is_variable(name) && is_name(name));
    if variable || matches!(value, "true" | "false" | "null" | "~") {
        return iter::once(0..value.len()).collect();
    }
    // A context may be a URL, and a path may not.
    let shape = if value.contains("://") && shape == Some(Shape::Plain) { Some(Shape::Url) } else { shape };
    let (path, has_user) = (path_of_url(value), value.contains('@'));
    let mut out = Vec::new();
    for piece in pieces(value) {
        let range = match piece {
            Piece::Reference(range) => {
                out.push(range);
                continue;
            }
            Piece::Text(range) => range,
        };
        let text = value.get(range.clone()).unwrap_or_default();
        let mut show = |part: Range<usize>| out.push(range.start + part.start..range.start + part.end);
        let is_path = path.is_some_and(|path| range.start > path);
        match shape {
            // User info may go on behind a reference.
            Some(Shape::Url) if has_user && text.len() < value.len() => {}
            Some(Shape::Url) if is_path => path_of(text, &mut show),
            Some(Shape::Url) => url(text, &mut show),
            Some(Shape::Command) => command(text, before, &mut show),
            Some(shape) if fits(text, shape) => show(0..text.len()),
            _ => {}
        }
    }
    out
}

enum Piece {
    /// `${NAME`, an operator, or `}`.
    Reference(Range<usize>),
    /// Everything else; defaults included, messages not.
    Text(Range<usize>),
}

/// A value and the `${NAME}` in it.
fn pieces(value: &str) -> Vec<Piece> {
    let bytes = value.as_bytes();
    let mut out = Vec::new();
    // Of every expression that is open: whether what it holds is a message.
    let mut open: Vec<bool> = Vec::new();
    let (mut at, mut text) = (0, 0);
    let flush = |out: &mut Vec<Piece>, open: &[bool], text: usize, at: usize| {
        if text < at && !open.contains(&true) {
            out.push(Piece::Text(text..at));
        }
    };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'$' if bytes.get(at + 1) == Some(&b'$') => at += 2,
            b'$' if bytes.get(at + 1) == Some(&b'{') => {
                let name = value.get(at + 2..).unwrap_or_default();
                let length =
                    name.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
                let rest = name.get(length..).unwrap_or_default();
                let name = name.get(..length).unwrap_or_default();
                let operator =
                    [":-", ":?", ":+", "-", "?", "+"].iter().find(|operator| rest.starts_with(**operator));
                let alone = value.starts_with("${") && value.ends_with('}');
                let known = (operator.is_some() || rest.starts_with('}'))
                    && (is_variable(name) || alone && !name.is_empty())
                    && is_name(name);
                flush(&mut out, &open, text, at);
                if !known {
                    return out;
                }
                let end = at + 2 + length + operator.map_or(0, |operator| operator.len());
                out.push(Piece::Reference(at..end));
                open.push(operator.is_some_and(|operator| operator.ends_with('?')));
                (at, text) = (end, end);
            }
            b'}' if !open.is_empty() => {
                flush(&mut out, &open, text, at);
                open.pop();
                out.push(Piece::Reference(at..at + 1));
                at += 1;
                text = at;
            }
            _ => at += 1,
        }
    }
    if open.is_empty() {
        flush(&mut out, &open, text, at);
    }
    out
}

fn fits(text: &str, shape: Shape) -> bool {
    let made_of =
        |others: &[u8]| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte));
    match shape {
        Shape::Number => {
            let unit = text.split(|c: char| !c.is_ascii_alphabetic()).map(str::len).max();
            text.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                && made_of(b".:-")
                && unit.unwrap_or_default() <= 3
                && !looks_random(text)
        }
        Shape::Port => text.split([':', '/', '-', '[', ']', '.', ',']).all(|part| {
            matches!(part, "tcp" | "udp" | "localhost")
                || part.len() <= 5 && part.bytes().all(|byte| byte.is_ascii_digit())
                || part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
        }),
        Shape::Target => fits(text, Shape::Port) || fits(text, Shape::Path),
        Shape::Image => {
            let digest = text.rsplit_once("sha256:").filter(|(name, digest)| {
                (name.is_empty() || name.ends_with('@'))
                    && digest.bytes().all(|byte| byte.is_ascii_hexdigit())
            });
            let name = digest.map_or(text, |(name, _)| name);
            let is_bare =
                !name.strip_suffix('@').unwrap_or(name).contains(['@', '?']) && !name.contains("://");
            made_of(b"._-/:@") && is_bare && !looks_random(name)
        }
        Shape::Plain => {
            let names_secret =
                |pair: &str| pair.split_once(['=', ':']).is_some_and(|(name, _)| looks_secret(name));
            text.len() <= 256
                && made_of(b"._-/:~@+,=*[]()%\\ ")
                && !text.split([',', ' ']).any(|word| names_secret(word) || holds_password(word))
                && !looks_random(text)
        }
        Shape::Path => {
            let drive = text.as_bytes().get(1..3).is_some_and(|drive| matches!(drive, b":\\" | b":/"));
            (drive || text.starts_with(['/', '.', '~'])) && fits(text, Shape::Plain)
        }
        Shape::Url | Shape::Command => false,
    }
}

/// `name:password@host` and `password@host:path`, which are no mounts of a path. Every host of repositories calls its user git.
fn holds_password(word: &str) -> bool {
    let Some((user, host)) = word.rsplit_once('@') else { return false };
    !user.starts_with(['.', '/', '~']) && user != "git" && (user.contains(':') || host.contains(':'))
}

/// The parts of a URL that may be shown: scheme, host, port and the words of its path that are known.
pub(super) fn url(text: &str, show: &mut dyn FnMut(Range<usize>)) {
    let Some(scheme) = text.find("://") else {
        // What is left of one between two references.
        if !text.contains('@') && fits(text, Shape::Plain) {
            host_and_path(text, show);
        }
        return;
    };
    let is_scheme = |byte: u8| byte.is_ascii_lowercase() || b"+-.".contains(&byte);
    if scheme > 8 || !text.bytes().take(scheme).all(is_scheme) {
        return;
    }
    let from = scheme + 3;
    show(0..from);
    let rest = text.get(from..).unwrap_or_default();
    let authority = rest.get(..rest.find(['/', '?', '#']).unwrap_or(rest.len())).unwrap_or_default();
    let host = authority.rfind('@').map_or(0, |at| at + 1);
    if rest.get(host..).unwrap_or_default().contains('@') {
        // User info with a slash in it that nobody escaped.
        return;
    }
    show(from + host - host.min(1)..from + host);
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let at = from + host;
    host_and_path(rest.get(host..end).unwrap_or_default(), &mut |part| show(at + part.start..at + part.end));
    show(from + end..from + (end + 1).min(rest.len()));
}

/// Where the path of a URL begins, which may be with a reference.
fn path_of_url(url: &str) -> Option<usize> {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    url.get(host..)?.find('/').map(|path| host + path)
}

fn host_and_path(text: &str, show: &mut dyn FnMut(Range<usize>)) {
    let host = text.find('/').unwrap_or(text.len());
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]*".contains(&byte);
    let (name, path) = text.split_at(host);
    if name.bytes().all(plain) && !looks_random(name) {
        show(0..host);
    }
    path_of(path, &mut |part| show(host + part.start..host + part.end));
}

fn path_of(text: &str, show: &mut dyn FnMut(Range<usize>)) {
    let mut at = 0;
    for part in text.split_inclusive('/') {
        let bare = part.strip_suffix('/').unwrap_or(part);
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let mut words = bare.split(['.', '_', '-']);
        if bare.chars().all(is_plain) && words.all(|word| is_known(word) || is_version(word)) {
            show(at..at + bare.len());
        }
        show(at + bare.len()..at + part.len());
        at += part.len();
    }
}

/// The words of a command line that may be shown. `before` is the word of the list before it.
fn command(line: &str, before: Option<&str>, show: &mut dyn FnMut(Range<usize>)) {
    let is_between = |c: char| c.is_whitespace() || "\"'`(),;".contains(c);
    let mut flag = before.and_then(|word| word.strip_prefix("--"));
    let mut at = 0;
    for word in line.split_inclusive(is_between) {
        let bare = word.strip_suffix(is_between).unwrap_or(word);
        let mut part = |range: Range<usize>| show(at + range.start..at + range.end);
        if !bare.is_empty() {
            self::word(bare, flag, &mut part);
            flag = bare.strip_prefix("--").filter(|flag| !flag.contains('='));
        }
        if !word.ends_with(char::is_whitespace) {
            part(bare.len()..word.len());
        }
        at += word.len();
    }
}

/// A word of a command line behind the flag before it.
fn word(word: &str, flag: Option<&str>, show: &mut dyn FnMut(Range<usize>)) {
    if flag.is_some_and(looks_secret) {
        return;
    }
    let flagged = flag.and_then(shape).filter(|_| !word.starts_with("--"));
    let (name, value) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (word, None),
    };
    let is_flag = name.strip_prefix("--").is_some_and(|name| {
        name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
    });
    if let Some(value) = value.filter(|_| is_flag || is_variable(name) && is_name(name)) {
        let from = name.len() + 1;
        show(0..from);
        let shape = shape(name.trim_start_matches('-'));
        for part in visible(value, shape.filter(|shape| *shape != Shape::Command), None) {
            show(from + part.start..from + part.end);
        }
    } else if let Some(shape) = flagged {
        for part in visible(word, Some(shape).filter(|shape| *shape != Shape::Command), None) {
            show(part);
        }
    } else if word.contains("://") {
        url(word, show);
    } else if is_flag && value.is_none()
        || WORDS.contains(&word)
        || word.starts_with(['/', '.', '~']) && word.contains('/') && fits(word, Shape::Plain)
    {
        show(0..word.len());
    }
}

/// The name of a variable as most are spelt.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, value: &str) -> String {
        visible(value, shape(name), None).into_iter().filter_map(|range| value.get(range)).collect()
    }

    #[test]
    fn of_the_path_of_a_url_only_known_words_show() {
        for (value, expected) in [
            ("https://hooks.slack.com/services/T000/B000/XXXX", "https://hooks.slack.com/services///"),
            ("https://api.telegram.org/bot123456:ABC-def/sendMessage", "https://api.telegram.org//"),
            ("https://discord.com/api/v10/webhooks/1112223334/sunflower", "https://discord.com/api/v10///"),
            ("ws://${HOST}:18789/sunflower/status", "ws://${HOST}:18789//status"),
            ("ws://h/${A}sunflower/${B}/horse", "ws://h/${A}/${B}/"),
            ("${URL:-ws://h:1/sunflower}", "${URL:-ws://h:1/}"),
            ("gateway:18789/sunflower", "gateway:18789/"),
            ("ws://h/sunflower%2dhorse", "ws://h/"),
        ] {
            assert_eq!(shown("url", value), expected, "{value}");
        }
        for value in [
            "http://127.0.0.1:18789/healthz",
            "ws://gateway:18789/",
            "https://h/__openclaw__/canvas/",
            "http://h/v1/config",
            "https://*.example.com",
        ] {
            assert_eq!(shown("url", value), value);
        }
    }

    #[test]
    fn a_name_vouches_for_no_password_in_its_value() {
        for (name, value, expected) in [
            ("context", "https://bob:pw12@git.example/x.git", "https://@git.example/x.git"),
            ("context", "https://pw12@git.example/x.git?t=pw12#pw12", "https://@git.example/x.git?"),
            ("context", "bob:pw12@git.example/x.git", ""),
            ("context", "pw12@git.example:x.git", ""),
            ("file", "https://${USER}:pw12@h/x", "${USER}"),
            ("image", "bob:pw12@registry.example/x", ""),
            ("image", "https://bob:pw12@registry.example/x", ""),
            ("image", "x?t=pw12", ""),
        ] {
            assert_eq!(shown(name, value), expected, "{name}: {value}");
        }
        for (name, value) in [
            ("context", "https://git.example/x.git"),
            ("context", "git@git.example:x.git"),
            ("context", "./app"),
            ("volumes", "./a:/mnt/b@c"),
            ("image", "ghcr.io/openclaw/openclaw:2026.9.6@sha256:4f0f9d1c5f2b"),
            ("Image", "sha256:4f0f9d1c5f2b"),
        ] {
            assert_eq!(shown(name, value), value, "{name}");
        }
    }
}
