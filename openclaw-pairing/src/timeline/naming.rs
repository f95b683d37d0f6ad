//! What a line names: the client, its address, its request.

use crate::peer::Peer;

/// Whom a line is about. `n/a` and `unknown-ip` name nobody.
pub(super) fn peer(line: &str) -> Peer {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let address = field(line, &["remoteAddr=", "remote=", "ip=", "traffic from "])
        .filter(|address| *address != "unknown-ip");
    let (client, mode) = client(line);
    Peer {
        device_id: owned(field(line, &["deviceId=", "device="]).filter(|id| id.len() >= 8)),
        client: owned(client),
        mode: owned(mode),
        remote: owned(address),
        host: owned(field(line, &["host="])),
        origin: owned(product(line, "origin=").filter(|origin| origin.contains("://"))),
        user_agent: owned(product(line, "ua=")),
        output: None,
    }
}

/// A client's id, or the name it gives itself, and its mode: `client=cli cli v2026.9.6`,
/// `client=Telegram Exec Approvals (desk) backend v2026.4.1`.
fn client(line: &str) -> (Option<&str>, Option<&str>) {
    let id = field(line, &["client="]).filter(|client| *client != "n");
    let named = line.split_once(" client=").and_then(|(_, rest)| {
        let is_version =
            |word: &str| word.starts_with("vdev") || word.strip_prefix('v').is_some_and(is_digits);
        let is_mode = |word: &str| {
            !word.is_empty() && word.len() <= 32 && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')
        };
        let mut from = 0;
        let words: Vec<(usize, &str)> = rest
            .split(' ')
            .take(LONGEST_NAME)
            .map(|word| {
                let at = from;
                from += word.len() + 1;
                (at, word)
            })
            .collect();
        let (end, mode) = words.windows(2).find_map(|pair| match pair {
            [(at, mode), (_, version)] if is_mode(mode) && is_version(version) => Some((*at, *mode)),
            _ => None,
        })?;
        let name = rest.get(..end)?.trim_end();
        let plain = |c: char| c.is_alphanumeric() || " -_.:()".contains(c);
        (!name.is_empty() && name.len() <= 64 && name.chars().all(plain)).then_some((name, mode))
    });
    match named {
        Some((name, mode)) => (Some(name), Some(mode)),
        // Of the modes that a line tells apart from the client, a node's says whose it is.
        None => (id, field(line, &["mode="]).filter(|mode| *mode == "node")),
    }
}

/// The most words of a client's name, its mode and release included.
const LONGEST_NAME: usize = 10;

fn is_digits(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

/// The first word behind a key, if it looks like an origin or a product of a user agent.
fn product<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = line.split_once(&format!(" {key}"))?;
    let word = rest.split_whitespace().next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/[]".contains(c);
    (word != "n/a" && word.len() <= 128 && word.chars().all(plain)).then_some(word)
}

/// Whether a close reason, which has room for 123 bytes, ends within this id: the bracket before it is never closed.
pub(super) fn is_cut(line: &str, id: &str) -> bool {
    let after = line.split_once(&format!("(requestId: {id}")).map(|(_, after)| after);
    after.is_some_and(|after| !after.starts_with(')'))
}

/// The value after the first of `keys` that the line has: up to a delimiter, and only if it looks like an id or address.
pub(super) fn field<'a>(line: &'a str, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|key| {
        // A longer key ends with a shorter one (`authReason=`, `reason=`), so a key must start a word.
        let at = line.match_indices(key).map(|(at, _)| at).find(|at| {
            line.get(..*at).and_then(|before| before.chars().next_back()).is_none_or(|c| !c.is_alphanumeric())
        })?;
        let rest = line.get(at + key.len()..)?;
        let value = rest.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.:".contains(c))).next()?;
        (!value.is_empty() && value.len() <= 128).then_some(value)
    })
}
