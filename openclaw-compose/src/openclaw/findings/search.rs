//! Every mention of the token and URL variables in a checkout, secrets masked, and the scripts that would mint a second
//! token. Pure over texts; feature `fs` walks a directory for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};

use serde::Serialize;

use crate::finding::{Code, Finding, Place, PlaceRole};
use crate::openclaw::rules;
use crate::secrets::Secrets;
use crate::source::{FileId, MASK, Sources, Span};

use super::remedies::words;

#[cfg(feature = "fs")]
#[cfg_attr(docsrs, doc(cfg(feature = "fs")))]
pub use checkout::search_directory;

#[cfg(feature = "fs")]
mod checkout;

/// A line that mentions one of the variables or keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Mention {
    /// Where.
    pub place: Place,
    /// The name that is mentioned.
    pub name: String,
    /// What the line does with it.
    pub kind: MentionKind,
    /// The line as a quote shows it: names, punctuation and harmless values. Everything else is masked.
    pub line: String,
}

/// What a line does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum MentionKind {
    /// It makes a new secret.
    Mints,
    /// It holds a literal value.
    Literal,
    /// It refers to the value of another place.
    Refers,
    /// It only names it.
    Names,
}

/// What a search found.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Search {
    /// Every mention, by file and line.
    pub mentions: Vec<Mention>,
    /// Files read.
    pub files: usize,
    /// Files that were not read, by reason.
    pub skipped: Skipped,
    /// Scripts that mint, and literal tokens.
    pub findings: Vec<Finding>,
}

/// How many files were skipped, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// No text.
    pub binary: usize,
    /// Larger than [`LARGEST`].
    pub huge: usize,
    /// Could not be read.
    pub unreadable: usize,
}

/// Files above this size are skipped: no configuration or script is so large.
pub const LARGEST: u64 = 1024 * 1024;

/// Keys of `openclaw.json` and option names beside the variables of [`rules::NAME_RULES`].
const OTHER_NAMES: [&str; 4] =
    ["gateway.auth.token", "gateway.remote.token", "--generate-gateway-token", "gateway.remote.url"];
/// Text that makes a random secret.
const MINTS: [&str; 12] = [
    "openssl rand",
    "--generate-gateway-token",
    "/dev/urandom",
    "/dev/random",
    "uuidgen",
    "secrets.token_hex",
    "secrets.token_urlsafe",
    "crypto.randombytes",
    "randomuuid(",
    "pwgen",
    "gpg --gen-random",
    "get-random",
];

/// Searches one text that stands in `sources`.
pub fn search_text(sources: &Sources, file: FileId, out: &mut Search) {
    let text = sources.expose_file(file);
    out.files += 1;
    let (mentions, findings) = (out.mentions.len(), out.findings.len());
    let minted = minted_names(text);
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let start = offset;
        offset += line.len();
        let content = line.trim_end_matches(['\n', '\r']);
        let names = names_in(content);
        if names.is_empty() {
            continue;
        }
        let quoted = quoted(sources, Span::from_range(file, start..start + content.len()), &names);
        let mut said: Vec<&str> = Vec::new();
        for (at, name) in names {
            // `NAME: ${NAME}` is one mention.
            if said.contains(&name) {
                continue;
            }
            said.push(name);
            let span = Span::from_range(file, start + at..start + at + name.len());
            let kind = kind(content, at, name, &minted);
            let mention = Mention {
                place: Place::of(sources, PlaceRole::Decided, span),
                name: name.to_owned(),
                kind,
                line: quoted.clone(),
            };
            report(&mention, findings, sources, out);
            out.mentions.push(mention);
        }
    }
    if out.mentions.len() > mentions {
        // Another secret may stand on the same line, or one of the file in its name.
        let mut secrets = Secrets::new();
        secrets.add_from(text);
        for mention in out.mentions.iter_mut().skip(mentions) {
            secrets.mask_in(&mut mention.line);
            mention.place.mask(&secrets);
        }
        out.findings.iter_mut().skip(findings).for_each(|finding| finding.mask(&secrets));
    }
}

/// `first` is the file's first finding.
fn report(mention: &Mention, first: usize, sources: &Sources, out: &mut Search) {
    let file = sources.name(mention.place.span.file);
    let (code, summary, remedy) = match mention.kind {
        MentionKind::Mints => (
            Code::SecondMinter,
            format!("{file} mints a value for {}: run again, it makes a second token", mention.name),
            "take the frozen token from .env there, and mint nowhere else",
        ),
        MentionKind::Literal if !is_carrier(file) && mention.name.ends_with("TOKEN") => (
            Code::TokenInCheckout,
            format!("{file} holds a literal value for {}", mention.name),
            "refer to the variable instead, and rotate the token if the file was ever shared",
        ),
        _ => return,
    };
    // One finding a file and code: the first line says it.
    if out.findings.iter().skip(first).any(|known| known.code == code) {
        return;
    }
    let mut finding = Finding::new(code, summary).at(mention.place.clone());
    finding.remedy = Some(words(remedy));
    out.findings.push(finding);
}

/// Files that are meant to carry the token; their values are compared elsewhere.
fn is_carrier(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    name.starts_with(".env") || name.ends_with(".env") || name == rules::CONFIG_NAME
}

/// The longest name at each place, from left to right.
fn names_in(line: &str) -> Vec<(usize, &str)> {
    // Most lines mention nothing: one cheap test first.
    if !line.contains("GATEWAY") && !line.contains("gateway") {
        return Vec::new();
    }
    let mut found = BTreeMap::new();
    for name in known_names() {
        for (at, _) in line.match_indices(name).filter(|(at, _)| stands_alone(line, *at, name)) {
            found.entry(at).or_insert_with(|| line.get(at..at + name.len()).unwrap_or_default());
        }
    }
    found.into_iter().collect()
}

fn known_names() -> impl Iterator<Item = &'static str> {
    rules::NAME_RULES.iter().map(|rule| rule.name).chain(OTHER_NAMES)
}

/// Whether the name at a place is a word by itself.
fn stands_alone(line: &str, at: usize, name: &str) -> bool {
    let before = line.get(..at).and_then(|before| before.chars().next_back());
    let after = line.get(at + name.len()..).and_then(|after| after.chars().next());
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    !is_word(before) && !is_word(after)
}

/// Names that are given what was just made up.
struct Minted<'t> {
    names: BTreeSet<&'t str>,
}

impl Minted<'_> {
    /// Whether one of the names begins the text.
    fn begins(&self, text: &str) -> bool {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let word = text.find(|c| !is_name(c)).map_or(text, |end| text.get(..end).unwrap_or_default());
        // Of the names up to the word the nearest ones first; what shares nothing with it ends the search.
        let mut end = word;
        while let Some(name) =
            self.names.range::<str, _>((Bound::Unbounded, Bound::Included(end))).next_back()
        {
            if word.starts_with(name) {
                return true;
            }
            let common = name.bytes().zip(word.bytes()).take_while(|(a, b)| a == b).count();
            end = word.get(..common).unwrap_or_default();
        }
        false
    }
}

/// Shell variables that some line of the text fills with something random.
fn minted_names(text: &str) -> Minted<'_> {
    let names = text
        .lines()
        .filter(|line| mints(line))
        .filter_map(|line| {
            let name = line
                .trim_start()
                .trim_start_matches("export ")
                .trim_start_matches("local ")
                .split(['=', ':'])
                .next()?
                .trim();
            (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some(name)
        })
        .collect();
    Minted { names }
}

fn mints(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    !lower.trim_start().starts_with('#') && MINTS.iter().any(|text| lower.contains(text))
}

fn kind(line: &str, at: usize, name: &str, minted: &Minted<'_>) -> MentionKind {
    let token = name.contains("TOKEN") || name.contains("token");
    let code = !line.trim_start().starts_with(['#', ';']) && !line.trim_start().starts_with("//");
    if !code {
        return MentionKind::Names;
    }
    if token && mints(line) {
        return MentionKind::Mints;
    }
    let after = line.get(at + name.len()..).unwrap_or_default();
    let Some(value) = after.trim_start_matches(['"', '\'']).trim_start().strip_prefix(['=', ':']) else {
        return MentionKind::Names;
    };
    // A closing brace or a `:-` belongs to a reference.
    if line.get(..at).is_some_and(|before| before.ends_with("${") || before.ends_with('$')) {
        return if token && minted_default(value, minted) { MentionKind::Mints } else { MentionKind::Refers };
    }
    let value = value.trim().trim_matches(['"', '\'', ',', '`']);
    let reference = value.strip_prefix('$').map(|name| name.trim_start_matches(['{', '(']));
    match reference {
        Some(target) => {
            let target: &str =
                target.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
            if token && minted.names.contains(target) { MentionKind::Mints } else { MentionKind::Refers }
        }
        None if value.is_empty() || value.starts_with(['<', '{', '%', '(']) => MentionKind::Names,
        None if value.contains(char::is_whitespace) && !value.contains('=') => MentionKind::Names,
        None => MentionKind::Literal,
    }
}

fn minted_default(value: &str, minted: &Minted<'_>) -> bool {
    let dollars = value.match_indices('$').filter_map(|(at, _)| value.get(at + 1..));
    mints(value) || dollars.into_iter().any(|name| minted.begins(name.strip_prefix('{').unwrap_or(name)))
}

/// A line as a quote about nothing shows it, but for the names that are mentioned and what mints: those are known words
/// wherever they stand, in a comment and in a script too.
fn quoted(sources: &Sources, line: Span, names: &[(usize, &str)]) -> String {
    let content = sources.expose(line);
    let mut known: Vec<Range<usize>> =
        names.iter().map(|(at, name)| with_signs(content, *at, name)).collect();
    let lower = content.to_ascii_lowercase();
    known.extend(MINTS.iter().flat_map(|text| lower.match_indices(text).map(|(at, _)| at..at + text.len())));
    known.sort_unstable_by_key(|range| range.start);
    let masked = |range: Range<usize>| {
        let start = line.range().start;
        sources.masked(line.file, start + range.start..start + range.end, &[])
    };
    let mut out = String::with_capacity(content.len());
    let mut at = 0;
    for range in known {
        if at <= range.start {
            out.push_str(&masked(at..range.start));
            out.push_str(content.get(range.clone()).unwrap_or_default());
            at = range.end;
        }
    }
    out.push_str(&masked(at..content.len()));
    // Masked words in a row say no more than one.
    let mut words: Vec<&str> = out.split(' ').collect();
    words.dedup_by(|a, b| a == b && *a == MASK);
    words.join(" ")
}

/// A name with the `$` or `${` before it and the sign behind it.
fn with_signs(line: &str, at: usize, name: &str) -> Range<usize> {
    let before = line.get(..at).unwrap_or_default();
    let dollar = ["${", "$"].iter().find(|sign| before.ends_with(**sign)).map_or(0, |sign| sign.len());
    let end = at + name.len();
    let sign = line.get(end..).is_some_and(|after| after.starts_with(['=', ':']));
    at - dollar..end + usize::from(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(name: &str, text: &str) -> Search {
        let mut sources = Sources::new();
        let file = sources.add(name, text);
        let mut out = Search::default();
        search_text(&sources, file, &mut out);
        out
    }

    #[test]
    fn a_line_shows_no_other_secret_either() {
        let text = "X_API_KEY=hunter2-key OPENCLAW_GATEWAY_URL=ws://u:pa55-word@gw # Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC\n";
        let found = search("hunter2-key.sh", text);
        let all = format!("{found:?}{}", serde_json::to_string(&found).expect("JSON"));
        assert!(!["hunter2", "pa55", "Zq8X"].iter().any(|secret| all.contains(secret)), "{all}");
        assert!(found.mentions[0].line.contains("OPENCLAW_GATEWAY_URL="), "{all}");
    }

    /// Comments, flow lines, words behind other names and what a unit starts: a word there is no less a secret than what
    /// stands behind the name.
    #[test]
    fn a_line_shows_nothing_that_is_not_known_to_be_harmless() {
        let lines = [
            (
                "compose.yaml",
                "a: {LOGIN: %, MY_PIN: 4815162342, OPENCLAW_GATEWAY_URL: \"ws://u:%@h:1?x=%\"} # pw: %",
            ),
            ("compose.yaml", "OPENCLAW_GATEWAY_TOKEN: \"${OPENCLAW_GATEWAY_TOKEN:?%}\""),
            ("compose.yaml", "x-note: \"export OPENCLAW_GATEWAY_URL=ws://x; mysql -u root -p%\""),
            ("compose.yaml", "labels: [\"OPENCLAW_GATEWAY_PASSWORD is %\"]"),
            (".env", "# OPENCLAW_GATEWAY_PASSWORD used to be %"),
            (".env", "OPENCLAW_GATEWAY_PASSWORD=%"),
            ("a.service", "[Service]\nEnvironment=OPENCLAW_GATEWAY_URL=ws://x \"LOGIN=%\""),
            (
                "a.service",
                "[Service]\nExecStart=/bin/sh -c \"login %; OPENCLAW_GATEWAY_PORT=1 openclaw gateway\"",
            ),
            ("setup.sh", "login % && export OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32) && say '%'"),
            ("README.md", "Set OPENCLAW_GATEWAY_TOKEN to %, or gateway.auth.token = %"),
            ("a.json", "{a: '%', b: [gateway.auth.token, '%'], // OPENCLAW_GATEWAY_TOKEN %"),
        ];
        for secret in ["purple-monkey", "sunflower", "k9x2q", "4815162342"] {
            for (name, line) in lines {
                let found = search(name, &line.replace('%', secret));
                let all = format!("{found:?}{}", serde_json::to_string(&found).expect("JSON"));
                assert!(!found.mentions.is_empty() && !all.contains(secret), "{line}: {all}");
                assert!(found.mentions.iter().all(|mention| mention.line.contains(&mention.name)), "{all}");
            }
        }
        let shown = |name: &str, text: &str| search(name, text).mentions.remove(0).line;
        assert_eq!(
            shown("compose.yaml", "  TOKEN: ${OPENCLAW_GATEWAY_TOKEN:-x} # y"),
            "  TOKEN: ${OPENCLAW_GATEWAY_TOKEN:-********} # ********"
        );
        assert_eq!(
            shown("setup.sh", "echo now; OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32)"),
            "******** OPENCLAW_GATEWAY_TOKEN=********openssl rand ********"
        );
    }

    #[test]
    fn a_minted_name_is_found_by_what_begins_with_it() {
        let minted = Minted { names: BTreeSet::from(["A", "B1", "B12", "C"]) };
        for (text, wanted) in
            [("A", true), ("AB:-x", true), ("B", false), ("B123}", true), ("B2", false), ("", false)]
        {
            assert_eq!(minted.begins(text), wanted, "{text}");
        }
    }

    /// Looked for from each name on, and each file's findings among those of all, they would take minutes.
    #[test]
    fn long_lines_and_many_files_are_searched_once() {
        let long = "OPENCLAW_GATEWAY_TOKEN=canary-5512-not-a-secret-0 ".repeat(4000);
        let found = search("x", &long);
        assert_eq!(found.mentions.len(), 1);
        assert!(!found.mentions[0].line.contains("canary"));
        let mut sources = Sources::new();
        let mut out = Search::default();
        for n in 0..4000 {
            let file = sources.add(format!("f{n}.sh"), "OPENCLAW_GATEWAY_TOKEN=canary-5512\n");
            search_text(&sources, file, &mut out);
        }
        assert_eq!(out.findings.len(), 4000);
    }

    #[test]
    fn scripts_that_mint_are_named() {
        for script in [
            "export OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32)\n",
            "TOKEN=$(openssl rand -hex 32)\nsed -i \"s/x/y/\" .env\necho \"OPENCLAW_GATEWAY_TOKEN=$TOKEN\" >> .env\n",
            "NEW=\"$(head -c 24 /dev/urandom | xxd -p)\"\nOPENCLAW_GATEWAY_TOKEN=\"${NEW}\"\n",
            "OPENCLAW_GATEWAY_TOKEN=${OPENCLAW_GATEWAY_TOKEN:-$(openssl rand -hex 32)}\n",
            "openclaw onboard --generate-gateway-token\n",
            "token = secrets.token_hex(32)  # OPENCLAW_GATEWAY_TOKEN\n",
        ] {
            let found = search("setup.sh", script);
            assert!(
                found.findings.iter().any(|finding| finding.code == Code::SecondMinter),
                "{script}: {found:?}"
            );
        }
        for quiet in [
            "# OPENCLAW_GATEWAY_TOKEN=$(openssl rand -hex 32)\n",
            "docker run -e OPENCLAW_GATEWAY_TOKEN=\"$OPENCLAW_GATEWAY_TOKEN\" x\n",
            "X=$(openssl rand -hex 32)\necho done\n",
        ] {
            assert!(search("setup.sh", quiet).findings.is_empty(), "{quiet}");
        }
    }

    #[test]
    fn no_value_is_shown() {
        let canary = "canary-4411-aaaaaaaaaaaa-not-a-secret";
        for line in [
            format!("OPENCLAW_GATEWAY_TOKEN={canary}"),
            format!("  - OPENCLAW_GATEWAY_TOKEN={canary} # note"),
            format!("OPENCLAW_GATEWAY_TOKEN: \"{canary}\""),
            format!("login {canary} # uses OPENCLAW_GATEWAY_TOKEN"),
            format!("OPENCLAW_GATEWAY_URL=ws://user:{canary}@host:18789"),
            format!("A OPENCLAW_GATEWAY_TOKEN {canary}"),
        ] {
            let found = search("compose.yaml", &line);
            assert!(!found.mentions.is_empty(), "{line}");
            assert!(!format!("{found:?}").contains(canary), "{line}: {found:?}");
        }
    }

    #[test]
    fn literals_outside_their_carriers_are_named() {
        let text = "OPENCLAW_GATEWAY_TOKEN=test-token-1\n";
        assert_eq!(search("notes/run.sh", text).findings[0].code, Code::TokenInCheckout);
        assert!(search(".env", text).findings.is_empty());
        let kinds: Vec<_> = search("x", "a ${GATEWAY_URL}\nGATEWAY_URL=ws://x\n# GATEWAY_URL\n")
            .mentions
            .iter()
            .map(|m| m.kind)
            .collect();
        assert_eq!(kinds, [MentionKind::Names, MentionKind::Literal, MentionKind::Names]);
    }
}
