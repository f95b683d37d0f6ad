//! A stack and what was captured of it, copied as a fixture of the crates' tests: nothing secret, nothing of the machine
//! that it ran on, and no more than a test can use.
//!
//! What is not known to be harmless gets a placeholder, equal values the same one, so that what decides a diagnosis stays as it
//! was, line by line. What is not understood is left out and named: see [`Left`].

mod disk;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use openclaw_compose::project::looks_random;
use openclaw_compose::secrets::Secrets;
use openclaw_compose::source::{Format, RunKind, runs};
use secrecy::SecretString;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::fixture::Mask;
use crate::words;

/// Names and digests of what was kept, as `sha256sum --check` reads them in the stack's directory.
const MANIFEST: &str = "captured/SHA256SUMS";
/// Keeps what was captured out of commits.
const IGNORED: &str = "captured/.gitignore";
/// What an engine is asked for: nothing that was captured of it before counts beside it.
const ASKED: [&str; 4] = ["inspect.json", "engine.json", "logs", "devices"];
/// What is made anew with every capture.
const MADE: [&str; 2] = [MANIFEST, IGNORED];
/// Where the stack of every fixture lies.
const HOME: &str = "/srv/stack";
/// How many files of one directory are listed that have the same owner and mode.
const ALIKE: usize = 16;

/// Why a stack could not be copied. Then nothing was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// A directory cannot be listed, or a file not be written.
    #[error("{path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The copy would be the stack, lie in it or hold it.
    #[error("{to}: the copy and the stack would lie in one another; give a directory outside of {stack}")]
    Entangled {
        /// Where the copy was to go.
        to: PathBuf,
        /// The stack.
        stack: PathBuf,
    },
    /// There is something where the copy was to go.
    #[error("{to}: not an empty directory; give one that is not there yet")]
    Occupied {
        /// Where.
        to: PathBuf,
    },
    /// The stack is larger than any fixture.
    #[error("{stack}: more than {MOST} files or {size} MiB; give the stack's own directory", MOST = disk::MOST, size = disk::LARGEST >> 20)]
    TooMuch {
        /// The stack.
        stack: PathBuf,
    },
    /// `inspect.json` is not what `docker inspect` prints.
    #[error("{path}: not what `docker inspect` prints, in line {line}")]
    NotInspect {
        /// Which.
        path: PathBuf,
        /// The line, from one. The parser's own words may quote the text.
        line: usize,
    },
}

/// What the copy lacks, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Left {
    /// Path below the stack's directory, masked.
    pub name: String,
    /// What is wrong, for a person.
    pub why: String,
}

/// Copies the files of `stack` to `to`, masked by one [`Mask`], and says what the copy lacks. The stack's directory, here and
/// where its containers were made, becomes `/srv/stack`. No link is followed, and nothing that is there is written over.
///
/// Two files are made smaller. Of `captured/inspect.json` the engine's own files are left out; of
/// `captured/ownership.txt` the seventeenth and further entries of a directory that have the same owner and mode.
///
/// # Errors
/// [`CopyError`]: the stack cannot be read, or the copy not be written. Nothing is left of it then.
pub fn copy(stack: &Path, to: &Path) -> Result<Vec<Left>, CopyError> {
    copy_all(stack, None, to)
}

/// The same with evidence that was taken just now, in the place of what was captured before; with a manifest of `captured/`.
///
/// # Errors
/// As [`copy`].
pub(crate) fn copy_with(
    stack: &Path,
    fresh: BTreeMap<PathBuf, String>,
    to: &Path,
) -> Result<Vec<Left>, CopyError> {
    copy_all(stack, Some(fresh), to)
}

/// The same files with their manifest, and with what keeps all of them out of a commit.
pub(crate) fn with_manifest(mut files: BTreeMap<PathBuf, String>) -> BTreeMap<PathBuf, String> {
    let mut manifest = String::new();
    for (name, text) in &files {
        // Writing to a string does not fail.
        let _ = writeln!(manifest, "{}  {}", hex::encode(Sha256::digest(text)), name.display());
    }
    files.insert(PathBuf::from(MANIFEST), manifest);
    files.insert(PathBuf::from(IGNORED), "*\n".to_owned());
    files
}

/// Writes these files below `to`, or none of them. Returns their names.
pub(crate) fn write(to: &Path, files: &BTreeMap<PathBuf, String>) -> Result<Vec<PathBuf>, CopyError> {
    disk::write(to, files)?;
    Ok(files.keys().cloned().collect())
}

fn copy_all(
    stack: &Path,
    fresh: Option<BTreeMap<PathBuf, String>>,
    to: &Path,
) -> Result<Vec<Left>, CopyError> {
    let (stack, to) = disk::places(stack, to)?;
    let disk::Found { mut texts, mut left, .. } = disk::Found::below(&stack)?;
    let is_captured = fresh.is_some();
    if let Some(fresh) = fresh {
        left.retain(|(name, _)| !MADE.iter().any(|made| name == Path::new(made)));
        let is_old =
            |name: &Path| ASKED.iter().any(|asked| name.starts_with(Path::new("captured").join(asked)));
        texts.retain(|name, _| !is_old(name));
        for (name, text) in fresh {
            let format = name.to_str().map_or(Format::Other, Format::of_name);
            texts.insert(name, Text { format, text });
        }
    }

    let mut homes = vec![stack.to_string_lossy().into_owned()];
    if let Some(inspect) = texts.get_mut(Path::new("captured/inspect.json")) {
        let path = stack.join("captured/inspect.json");
        let mut containers =
            containers(&inspect.text).map_err(|error| CopyError::NotInspect { path, line: error.line() })?;
        homes.extend(containers.iter().filter_map(home).map(str::to_owned));
        containers.iter_mut().for_each(leave_out_the_engine);
        inspect.text = lines(&containers);
    }
    if let Some(listing) = texts.get_mut(Path::new("captured/ownership.txt")) {
        listing.text = without_the_alike(&listing.text);
    }
    // One may lie in the other.
    homes.sort_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
    homes.dedup();
    for text in texts.values_mut() {
        for home in &homes {
            text.text = text.text.replace(home, HOME);
        }
    }

    let mut mask = Mask::new(texts.values().flat_map(Text::secrets).collect());
    let mut left: Vec<Left> = left
        .into_iter()
        .map(|(name, why)| Left { name: masked_name(&name, &mut mask).to_string_lossy().into_owned(), why })
        .collect();
    let mut copies = BTreeMap::new();
    for (name, text) in &texts {
        let (copy, unknown) = text.masked(&mut mask);
        let name = masked_name(name, &mut mask);
        if let Some(line) = unknown {
            let why = format!("line {line} is not understood; what was not is masked");
            left.push(Left { name: name.to_string_lossy().into_owned(), why });
        }
        copies.insert(name, copy);
    }
    if is_captured {
        let (captured, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            copies.into_iter().partition(|(name, _)| name.starts_with("captured"));
        copies = others;
        copies.extend(with_manifest(captured));
    }
    disk::write(&to, &copies)?;
    Ok(left)
}

/// A file that can be masked.
struct Text {
    format: Format,
    text: String,
}

impl Text {
    /// Every value that must not show in any file of the stack, wherever it stands there.
    fn secrets(&self) -> Vec<SecretString> {
        let of_runs = runs(&self.text, self.format).into_iter().filter_map(|run| {
            let text = self.text.get(run.bytes)?;
            let secret = match run.kind {
                RunKind::Shown => false,
                RunKind::Value { secret: true } => true,
                // An id is known by its shape, and named by it.
                _ => looks_random(text) && words::shape(text).is_none(),
            };
            secret.then(|| SecretString::from(self.decoded(text)))
        });
        let mut secrets: Vec<SecretString> = of_runs.collect();
        let mut named = Secrets::new();
        named.add_from(&without_references(&self.text));
        secrets.extend(named.iter());
        // A word such as `token` is none, and masking it would tear every text.
        secrets.retain(|secret| !Secrets::from_iter([secret.clone()]).is_empty());
        secrets
    }

    /// The value that is spelt so.
    fn decoded(&self, spelt: &str) -> String {
        let has_escapes = matches!(self.format, Format::Json | Format::Yaml) && spelt.contains('\\');
        let decoded = has_escapes.then(|| serde_json::from_str(&format!("\"{spelt}\"")).ok());
        decoded.flatten().unwrap_or_else(|| spelt.to_owned())
    }

    /// The text with placeholders, and the first line that was not understood.
    fn masked(&self, mask: &mut Mask) -> (String, Option<usize>) {
        let mut out = String::with_capacity(self.text.len());
        let (mut line, mut unknown) = (1, None);
        for run in runs(&self.text, self.format) {
            let text = self.text.get(run.bytes).unwrap_or_default();
            match run.kind {
                RunKind::Shown => out.push_str(text),
                RunKind::Comment => out.push_str("masked"),
                RunKind::Value { .. } if self.format == Format::Json && is_bare(&out) => {
                    let number = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
                    out.push_str(if number { "1" } else { "null" });
                }
                RunKind::Value { .. } | RunKind::Name => out.push_str(&mask.value(text)),
                _ => {
                    unknown = unknown.or(Some(line));
                    out.push_str("masked");
                }
            }
            line += text.matches('\n').count();
        }
        (mask.text(&out), unknown)
    }
}

/// The text with one plain word in every `$NAME` and `${NAME}`: the name behind another one is not its value.
fn without_references(text: &str) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let name = part.strip_prefix('{').unwrap_or(part);
        let rest = name.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        let brace = part.get(..part.len() - name.len()).unwrap_or_default();
        let known = rest.len() < name.len() && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_');
        out.extend(["$", brace, if known { "name" } else { "" }, if known { rest } else { name }]);
    }
    out
}

/// Whether what comes next in a JSON text stands in no quotes.
fn is_bare(before: &str) -> bool {
    before.trim_end().ends_with([':', '[', ','])
}

/// The path in the copy: without secrets, and of a part that looks like one the ending only.
fn masked_name(name: &Path, mask: &mut Mask) -> PathBuf {
    let masked = name.iter().map(|part| {
        let part = mask.text(&part.to_string_lossy());
        let (stem, ending) = part.split_at(part.rfind('.').filter(|at| *at > 0).unwrap_or(part.len()));
        match looks_random(stem) || looks_random(ending) {
            true if looks_random(ending) => mask.value(&part),
            true => format!("{}{ending}", mask.value(stem)),
            false => part,
        }
    });
    masked.collect()
}

/// What `docker inspect` prints; nothing where there was no container.
fn containers(inspect: &str) -> Result<Vec<Value>, serde_json::Error> {
    if inspect.trim().is_empty() { Ok(Vec::new()) } else { serde_json::from_str(inspect) }
}

/// The directory that a container was made from, as Compose labels it.
fn home(container: &Value) -> Option<&str> {
    let labels = container.get("Config")?.get("Labels")?;
    labels.get("com.docker.compose.project.working_dir")?.as_str().filter(|home| home.len() > 1)
}

/// Names of files that the engine keeps for a container: they belong to the host, and a stack can neither choose nor read
/// them. Everything else stays.
fn leave_out_the_engine(container: &mut Value) {
    let Some(container) = container.as_object_mut() else { return };
    for name in ["ResolvConfPath", "HostnamePath", "HostsPath", "LogPath", "GraphDriver"] {
        container.remove(name);
    }
    if let Some(network) = container.get_mut("NetworkSettings").and_then(Value::as_object_mut) {
        network.remove("SandboxKey");
    }
}

/// A line a container.
fn lines(containers: &[Value]) -> String {
    let containers: Vec<String> = containers.iter().map(Value::to_string).collect();
    format!("[\n{}\n]\n", containers.join(",\n"))
}

/// Whoever may use some files of a directory may use all that have the same owner and mode: a few stand for a thousand.
fn without_the_alike(listing: &str) -> String {
    let mut seen: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut kept = String::new();
    for line in listing.lines() {
        // `UID:GID MODE PATH`, the path without an end for the directory of the listing itself.
        let path = line.splitn(3, ' ').nth(2).unwrap_or_default();
        let owner = line.get(..line.len() - path.len()).unwrap_or_default();
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let alike = seen.entry((directory, owner)).or_default();
        *alike += 1;
        if *alike <= ALIKE {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_files_stand_for_a_thousand_and_whoever_differs_stays() {
        let alike: String = (0..1000).map(|number| format!("1000:1000 600 state/cache/{number}\n")).collect();
        let listing =
            format!("0:0 755 \n{alike}0:0 600 state/cache/other\n1000:1000 600 state/openclaw.json\n");
        let kept = without_the_alike(&listing);
        assert_eq!(kept.lines().count(), 1 + ALIKE + 2);
        assert!(kept.starts_with("0:0 755 \n1000:1000 600 state/cache/0\n"));
        assert!(kept.ends_with("0:0 600 state/cache/other\n1000:1000 600 state/openclaw.json\n"));
    }
}
