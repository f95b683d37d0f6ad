//! The words with which a gateway ends, each with the releases that have them, and what they mean.

/// Why a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Meaning {
    /// A path may not be used.
    Denied,
    /// A path lies on a file system that is read-only.
    ReadOnly,
    /// A directory cannot be made, for what it is to lie in is not there.
    NoSuchPath,
    /// There is no configuration.
    ConfigMissing,
    /// The configuration says no `gateway.mode`, or cannot be parsed, which the gateway words alike.
    ModeMissing,
    /// The configuration has a key or a value that this release refuses.
    ConfigInvalid,
    /// The configuration refers to a variable that nobody sets.
    VariableUnset,
    /// A bind beyond loopback needs the list of origins.
    OriginsRequired,
    /// Two ways to prove who one is are configured, and the gateway takes one.
    AuthConflict,
    /// The bind was refused for want of a credential.
    NoCredential,
    /// `--bind` was given a word that it does not take.
    BadBind,
    /// A credential is a placeholder, or none at all.
    BadCredential,
    /// A secret to which the configuration refers is not there.
    SecretUnavailable,
    /// A reference names a provider of secrets that the configuration does not have.
    ProviderMissing,
    /// The port is taken.
    PortBusy,
    /// The state directory belongs to another gateway.
    Leased,
    /// The migrations of an earlier start hold the state directory.
    Migrating,
    /// Another gateway holds the lock of the state directory.
    Locked,
    /// A doctor run holds the databases.
    Maintained,
    /// The state was written by a newer release.
    NewerState,
    /// The process ran out of memory.
    OutOfMemory,
    /// Something that no row knows.
    Unknown,
}

/// Words of a line and what they mean.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wording {
    /// What the line holds, as it is written.
    words: &'static str,
    /// The releases that are known to say so.
    pub(super) releases: Option<&'static str>,
    pub(super) meaning: Meaning,
    /// Whether the words count in a line that does not end the process, too: they say why the next one does.
    before_the_end: bool,
}

const fn ends(words: &'static str, releases: &'static str, meaning: Meaning) -> Wording {
    Wording { words, releases: Some(releases), meaning, before_the_end: false }
}

const fn leads(words: &'static str, releases: &'static str, meaning: Meaning) -> Wording {
    Wording { words, releases: Some(releases), meaning, before_the_end: true }
}

const EVERY: &str = "2026.1.29 to 2026.9.6";

/// The first row that a line contains counts.
const WORDINGS: &[Wording] = &[
    leads("EACCES: permission denied", EVERY, Meaning::Denied),
    leads("EPERM: operation not permitted", EVERY, Meaning::Denied),
    leads("EROFS: read-only file system", EVERY, Meaning::ReadOnly),
    leads("ENOENT: no such file or directory, mkdir", EVERY, Meaning::NoSuchPath),
    leads("MissingEnvVarError", "2026.1.29 to 2026.3.2", Meaning::VariableUnset),
    leads("Missing env var \"", "2026.1.29 to 2026.3.2", Meaning::VariableUnset),
    leads("JavaScript heap out of memory", EVERY, Meaning::OutOfMemory),
    ends("Missing config. Run", EVERY, Meaning::ConfigMissing),
    ends("existing config is missing gateway.mode", "2026.4.5 to 2026.9.6", Meaning::ModeMissing),
    ends("Gateway start blocked: set gateway.mode=local", EVERY, Meaning::ModeMissing),
    ends(
        "gateway.auth.token and gateway.auth.password are both configured",
        "2026.3.7 to 2026.9.6",
        Meaning::AuthConflict,
    ),
    ends("but a shared token is also configured", "2026.3.31 to 2026.9.6", Meaning::AuthConflict),
    ends("Invalid config: gateway auth", "2026.4.12 to 2026.9.6", Meaning::BadCredential),
    ends("is a known redaction sentinel", "2026.9.6", Meaning::BadCredential),
    ends("is not configured (ref: ", "2026.2.26 to 2026.9.6", Meaning::ProviderMissing),
    ends("required secrets are unavailable", "2026.2.26 to 2026.9.6", Meaning::SecretUnavailable),
    ends("requires gateway.controlUi.allowedOrigins", "2026.2.23 to 2026.9.6", Meaning::OriginsRequired),
    leads("Invalid config at ", EVERY, Meaning::ConfigInvalid),
    ends("Invalid config", EVERY, Meaning::ConfigInvalid),
    ends("Refusing to bind gateway", EVERY, Meaning::NoCredential),
    ends("refusing to bind gateway", EVERY, Meaning::NoCredential),
    ends("Invalid --bind", EVERY, Meaning::BadBind),
    ends("instance is already listening", EVERY, Meaning::PortBusy),
    ends("EADDRINUSE", EVERY, Meaning::PortBusy),
    ends("Another Gateway owner lease is still active", "2026.9.5 to 2026.9.6", Meaning::Leased),
    ends("startup migrations are already running", "2026.7.1", Meaning::Migrating),
    ends("gateway already running", EVERY, Meaning::Locked),
    ends("database maintenance is in progress", "2026.8.1", Meaning::Maintained),
    leads("uses newer schema version", "2026.6.1 to 2026.9.6", Meaning::NewerState),
    leads("is older than the config last written by", "2026.4.25 to 2026.9.6", Meaning::NewerState),
];

/// What a gateway says last: whatever follows these words is why it ended, in words that may be new.
const ENDINGS: &[&str] = &[
    "Gateway failed to start:",
    "Gateway start blocked:",
    "Missing config. Run",
    "Refusing to bind gateway",
    "Refusing to start the gateway",
    "Refusing to run automatic gateway startup migrations",
    "Invalid --bind",
    "is a known redaction sentinel",
    "startup migrations are already running",
    "Failed to start CLI:",
    // The process stays and serves nobody.
    "gateway startup failed:",
    "refusing to report the gateway ready",
];

/// A line of which only the shape is known.
pub(super) const UNKNOWN: Wording =
    Wording { words: "", releases: None, meaning: Meaning::Unknown, before_the_end: false };

/// Whether a gateway says this when it ends.
pub(super) fn is_end(text: &str) -> bool {
    ENDINGS.iter().any(|words| text.contains(words))
}

/// What a line that ends a process, or leads to its end, means.
pub(super) fn wording(text: &str, is_end: bool) -> Option<&'static Wording> {
    let mut rows = WORDINGS.iter().filter(|row| is_end || row.before_the_end);
    rows.find(|row| text.contains(row.words)).or(if is_end { Some(&UNKNOWN) } else { None })
}

/// Whether a line may be of interest at all.
pub(super) fn is_heard(line: &str) -> bool {
    WORDINGS.iter().any(|row| row.before_the_end && line.contains(row.words)) || is_end(line)
}

impl Meaning {
    /// Whether the gateway words several causes so: what it said before counts more.
    pub(super) fn is_vague(self) -> bool {
        matches!(self, Self::ConfigMissing | Self::ModeMissing | Self::Unknown)
    }
}

/// What an error looks like in a line of whatever program: at its beginning, behind time and place.
const ERROR_STARTS: &[&str] = &[
    "Error:",
    "error:",
    "FATAL",
    "fatal:",
    "Fatal",
    "panic:",
    "Uncaught",
    "Unhandled",
    "exec ",
    "Traceback",
];

/// And anywhere in it.
const ERROR_PARTS: &[&str] = &[
    "Error: ",
    "[emerg]",
    "[crit]",
    "[fatal]",
    "[FATAL]",
    "[error]",
    "[ERROR]",
    " ERROR ",
    " FATAL ",
    "FATAL ERROR",
    ": not found",
    ": Permission denied",
    ": permission denied",
    ": No such file or directory",
    "Segmentation fault",
    "Cannot find module",
    "exec format error",
    "failed to start",
    "Failed to start",
    "cannot start",
    "could not start",
    "refusing to start",
    "Refusing to start",
];

/// Words in brackets behind which the program itself speaks. Behind any other, a part of a gateway does that ends nothing.
const SPEAKERS: &[&str] =
    &["emerg", "crit", "fatal", "FATAL", "error", "ERROR", "openclaw", "gateway", "entrypoint", "startup"];

/// Whether a line looks like the report of an error that ends a process, whoever wrote it. `npm` warns of much that stops
/// nothing.
pub(super) fn looks_like_an_error(said: &str) -> bool {
    let part = said.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(part, _)| part);
    let is_by_the_way = said.starts_with("npm ")
        || said.contains("warn")
        || part.is_some_and(|part| !SPEAKERS.contains(&part));
    !is_by_the_way
        && (ERROR_STARTS.iter().any(|start| said.starts_with(start))
            || ERROR_PARTS.iter().any(|part| said.contains(part)))
}
