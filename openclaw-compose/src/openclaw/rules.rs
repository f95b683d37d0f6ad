//! What OpenClaw does, by release: every rule this crate evaluates is a row here, with the releases it holds for, how that range
//! is known (`Basis`) and where it was seen. Nothing else in the crate compares versions.
//!
//! *Observed* means seen on a running gateway or CLI of that release; *read* means read in the published package.
//!
//! | about | file |
//! | --- | --- |
//! | who wins the token | `token.rs` |
//! | the names of variables | `names.rs` |
//! | binds, plaintext, browser origins, proxies | `reach.rs` |
//! | start, refusals, exit codes, stop | `start.rs` |
//! | the keys of `openclaw.json` | `keys.rs` |
//! | what an upgrade changes | `upgrade.rs` |

pub(crate) mod keys;
mod names;
mod reach;
mod start;
#[cfg(test)]
mod tests;
mod token;
mod upgrade;
pub(crate) mod version;

pub(crate) use names::{BIND, Meaning, NAME_RULES, NameRule, PASSWORD, PORT, TOKEN, URL, names};
pub(crate) use reach::{
    AutoBind, Origins, UrlSource, any_origin, auto_bind, local_by_host, origins, plaintext,
    private_same_origin, proxy_attribution_required,
};
pub use start::{EXIT_CONFIG, REFUSED_TEXTS, RefusedText, stop_budget_seconds};
pub(crate) use start::{
    EXIT_KILLED, NoToken, PROFILE_SECRET_MOUNT, STATE_IN_SQLITE, exit_rule, lease_of_the_killed, no_token,
    refusal_exit, refused_texts, unfilled_variable_is_refused,
};
pub use token::{Side, TokenRuleId, TokenSource};
pub(crate) use token::{Target, TokenRule, empty_token_counts, flag_url_stands_alone, token_rule};
pub use upgrade::{AuthChange, changes_between};

/// The port the gateway listens on unless told otherwise.
pub(crate) const DEFAULT_PORT: u16 = 18789;
/// The uid of `node`, the user of the official image.
pub(crate) const IMAGE_UID: u32 = 1000;
/// Home of `node` in the official image.
pub(crate) const IMAGE_HOME: &str = "/home/node";
/// Directory under the home that holds the state.
pub(crate) const STATE_DIR_NAME: &str = ".openclaw";
/// Older names of that directory, still found in mounts.
pub(crate) const LEGACY_STATE_DIR_NAMES: [&str; 2] = [".clawdbot", ".moltbot"];
/// The configuration inside the state directory.
pub(crate) const CONFIG_NAME: &str = "openclaw.json";
/// Its older name, read where the newer one is missing.
pub(crate) const LEGACY_CONFIG_NAME: &str = "clawdbot.json";
/// Below this the gateway does not start (2026.9.6, observed in a memory cgroup, Node 24, no agent: at 160 to 704 MiB the
/// kernel kills it before it is ready, at 768 MiB it gets ready and holds 605 MiB, at 1 GiB 720 MiB).
pub(crate) const MEMORY_FLOOR_BYTES: u64 = 768 * 1024 * 1024;

/// The releases of every rule: a test holds where they begin and end against the packages.
#[doc(hidden)]
pub fn ranges() -> impl Iterator<Item = version::Versions> {
    let token = token::TOKEN_RULES.iter().map(|row| row.versions);
    token
        .chain(NAME_RULES.iter().map(|row| row.versions))
        .chain(reach::AUTO_BIND.iter().map(|row| row.versions))
        .chain(reach::PLAINTEXT.iter().map(|row| row.versions))
        .chain(reach::ORIGINS.iter().map(|row| row.versions))
        .chain(start::EXIT_CODES.iter().map(|row| row.versions))
        .chain(start::NO_TOKEN.iter().map(|row| row.versions))
        .chain([PROFILE_SECRET_MOUNT])
}
