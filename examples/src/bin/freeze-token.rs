//! Freezes the gateway token of a Compose project: one value, the same literal in every place, recorded without showing it.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
#![expect(
    clippy::disallowed_methods,
    reason = "reads the clock, the user's name and the files of the project"
)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{ArgGroup, Parser};
use openclaw_compose::edit::{self, Edit};
use openclaw_compose::fs::Disk;
use openclaw_compose::openclaw::{CarrierView, Report, Stack, examine};
use openclaw_compose::project;
use openclaw_compose::source::Span;
use openclaw_examples::compose_flags::ProjectFlags;
use openclaw_token::fs::transaction::{Change, Staged, Transaction, TransactionError, recover_with};
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, Entry};
use openclaw_token::{
    Circumstances, Digest, Finding, FreezeError, FreezeRequest, Frozen, Intent, Observed, Record,
    RecordStore, Refusal, Severity, Sighting, freeze_once, rotate,
};
use secrecy::{ExposeSecret, SecretString};

/// Freeze the gateway token of a Compose project: adopt the one in use, or mint one, write the same literal to .env and
/// every other carrier as one reversible step, and record its fingerprint under .openclaw-token/.
///
/// Exit status: 0 done, or verified without error; 1 refused, or verification found errors; 2 something could not be read or
/// written (then no file was changed).
#[derive(Parser)]
#[command(name = "freeze-token", group = ArgGroup::new("mode").required(true))]
struct Cli {
    #[command(flatten)]
    project: ProjectFlags,
    /// Freeze the token that every carrier holds; refuse if they disagree or hold none
    #[arg(long, group = "mode")]
    adopt: bool,
    /// Mint a token; refuse while any carrier holds a valid one
    #[arg(long, group = "mode")]
    mint: bool,
    /// Compare every carrier with the record; change nothing
    #[arg(long, group = "mode")]
    verify: bool,
    /// Replace the frozen token by a new one; needs --reason
    #[arg(long, group = "mode", requires = "reason")]
    rotate: bool,
    /// Why the token is rotated, for the record
    #[arg(long)]
    reason: Option<String>,
    /// The change ticket, for the record
    #[arg(long)]
    ticket: Option<String>,
    /// Who does this, for the record [default: the user's name]
    #[arg(long)]
    by: Option<String>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("freeze-token: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(cli: &Cli) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let inputs = cli.project.inputs()?;
    let resolution = project::resolve(&inputs, &Disk);
    let root = std::fs::canonicalize(resolution.working_dir())?;
    let store = DirectoryStore::new(&root);
    if !cli.verify {
        settle(&root, &store)?;
    }
    let report = examine(&Stack::new(&resolution).files(&Disk));
    let sightings = sightings(&root, &report);
    let now = SystemTime::now();
    if cli.verify {
        return Ok(verify(&store, &Observed::new(&sightings, now))?);
    }

    let by = cli.by.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "unknown".to_owned());
    let mut circumstances = Circumstances::new(now, &by);
    if let Some(ticket) = &cli.ticket {
        circumstances = circumstances.ticket(ticket);
    }
    for gateway in &report.gateways {
        if let Some(version) = &gateway.version.version {
            circumstances = circumstances.version(&gateway.service, version.to_string());
        }
    }
    let intent = if cli.mint { Intent::Mint } else { Intent::Adopt };
    let written = targets(&root, &report).into_iter().map(|span| place(&root, &report, span));
    let places: BTreeSet<String> =
        sightings.iter().map(|sighting| sighting.place().file.clone()).chain(written).collect();
    let places = if places.is_empty() { BTreeSet::from([".env".to_owned()]) } else { places };
    let request = FreezeRequest::new(&sightings, circumstances).intent(intent).places(places);

    let custody = |token: &SecretString, record: &Record| stage(&root, &report, token, record);
    let frozen = match &cli.reason {
        Some(reason) if cli.rotate => rotate(&store, &request, reason, custody),
        _ => freeze_once(&store, &request, custody),
    };
    let frozen = match frozen {
        Ok(frozen) => frozen,
        Err(error) => {
            eprintln!("freeze-token: {error}");
            if matches!(error, FreezeError::Refused(Refusal::Disagreement(_))) {
                eprintln!("  `runbook` names the one that wins; make the others equal to it, then --adopt");
            }
            return Ok(ExitCode::from(1));
        }
    };
    match frozen {
        Frozen::Existing(record) => {
            println!("frozen already: {}", describe(&record));
            println!("nothing was changed; run --verify to compare every place with it");
        }
        Frozen::New { record, custody, .. } => {
            let receipt = custody.commit()?;
            println!("frozen: {}", describe(&record));
            for changed in &receipt.changed {
                println!("  wrote {}", changed.path.display());
            }
            let act = if cli.rotate { Act::Rotated } else { Act::Frozen };
            let mut entry = Entry::new(now, &by, act, format!("generation {}", record.generation))
                .evidence(record.fingerprint.short())
                .evidence(format!("transaction {}", receipt.id));
            if let Some(ticket) = &cli.ticket {
                entry = entry.ticket(ticket);
            }
            let anchor = LedgerFile::new(&root).append(&entry)?;
            println!("ledger anchor for the ticket: {anchor}");
            println!("`docker compose up -d` now: `restart` does not read .env again");
        }
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// A freeze that died half-way is finished if its record stands, and reverted if not.
fn settle(root: &Path, store: &DirectoryStore) -> Result<(), Box<dyn std::error::Error>> {
    let frozen = store.latest()?.map(|record| record.fingerprint.to_string());
    for recovered in recover_with(root, |tag| frozen.as_deref() == Some(tag))? {
        let how = if recovered.finished { "finished" } else { "reverted" };
        eprintln!("freeze-token: {how} transaction {} that an earlier run left behind", recovered.id);
    }
    Ok(())
}

fn verify(store: &DirectoryStore, observed: &Observed<'_>) -> Result<ExitCode, openclaw_token::StoreError> {
    let latest = store.latest()?;
    let findings = Record::verify_latest(latest.as_ref(), observed);
    if let Some(record) = &latest {
        println!("frozen: {}", describe(record));
    }
    findings.iter().for_each(show);
    if findings.is_empty() {
        println!("every place holds the frozen token");
    }
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error) || latest.is_none();
    Ok(ExitCode::from(u8::from(failed)))
}

fn show(finding: &Finding) {
    println!("{}: {}", finding.code, finding.summary);
    if let Some(remedy) = &finding.remedy {
        println!("  {}", remedy.text);
    }
}

fn describe(record: &Record) -> String {
    let places: Vec<&str> = record.places.iter().map(String::as_str).collect();
    format!("{}, generation {}, in {}", record.fingerprint.short(), record.generation, places.join(", "))
}

/// Every value the stack carries, once a place.
fn sightings(root: &Path, report: &Report) -> Vec<Sighting> {
    let mut seen = BTreeSet::new();
    let held = report
        .tokens
        .iter()
        .filter_map(|carrier| Some((carrier, carrier.value.as_ref()?, carrier.place.as_ref()?)));
    held.filter(|(_, _, place)| seen.insert((place.file.clone(), place.line, place.column)))
        .map(|(_, value, found)| {
            let span = [found.span.start as usize, found.span.end as usize];
            Sighting::new(place(root, report, found.span), value.clone()).at(found.line, found.column, span)
        })
        .collect()
}

/// The literal values in files: where a token belongs. References and secrets kept elsewhere follow by themselves.
fn targets(root: &Path, report: &Report) -> Vec<Span> {
    let is_literal = |carrier: &&CarrierView| matches!(carrier.content, "value" | "empty");
    let mut spans: Vec<Span> = report
        .tokens
        .iter()
        .filter(is_literal)
        .filter_map(|carrier| carrier.place.as_ref())
        .map(|place| place.span)
        .collect();
    spans.retain(|span| on_disk(root, report.sources.name(span.file)).is_some());
    spans.sort_by_key(|span| (span.file, span.start, span.end));
    spans.dedup();
    spans
}

/// The name of a file in the record: relative to the project, so that it is the same from every directory and host.
fn place(root: &Path, report: &Report, span: Span) -> String {
    let name = report.sources.name(span.file);
    let inside =
        on_disk(root, name).and_then(|path| Some(path.strip_prefix(root).ok()?.display().to_string()));
    inside.unwrap_or_else(|| name.to_owned())
}

/// Sources are named relative to the project's directory, or to where the command runs.
fn on_disk(root: &Path, name: &str) -> Option<PathBuf> {
    let found = [root.join(name), PathBuf::from(name)];
    found.iter().filter(|path| path.is_file()).find_map(|path| std::fs::canonicalize(path).ok())
}

/// Makes the new content of every carrier durable, replacing nothing yet.
fn stage(
    root: &Path,
    report: &Report,
    token: &SecretString,
    record: &Record,
) -> Result<Staged, Box<dyn std::error::Error + Send + Sync>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !token.expose_secret().chars().all(is_plain) {
        return Err("the token needs quoting, which differs from file to file; rotate to a minted one".into());
    }
    let edits: Vec<Edit> = targets(root, report)
        .into_iter()
        .filter(|span| unquoted(report.sources.slice(*span)).1 != token.expose_secret())
        .map(|span| {
            // Keep the quotes that are there.
            let quote = unquoted(report.sources.slice(span)).0;
            let literal = SecretString::from(format!("{quote}{}{quote}", token.expose_secret()));
            Edit::secret(&report.sources, span, literal)
        })
        .collect();
    let mut changes = Vec::new();
    for change in edit::apply(&edits, &report.sources)? {
        let path = on_disk(root, &change.path).ok_or_else(|| format!("{} is gone", change.path))?;
        let expected = Some(Digest::from(change.expected));
        changes.push(Change::write(path, expected, change.bytes.expose_secret().to_vec()).secret());
    }
    if targets(root, report).is_empty() {
        changes.push(first_line(root, token)?);
    }
    let staged = Transaction::plan(root, changes)?.stage(Some(&record.fingerprint.to_string()));
    staged.map_err(|error: TransactionError| error.into())
}

/// No file holds a token: it goes into `.env`, which Compose reads by itself.
fn first_line(root: &Path, token: &SecretString) -> std::io::Result<Change> {
    let path: PathBuf = root.join(".env");
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut text = before.clone().unwrap_or_default();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text += &format!("OPENCLAW_GATEWAY_TOKEN={}\n", token.expose_secret());
    Ok(Change::write(path, before.map(|before| Digest::of(before.as_bytes())), text).secret())
}

/// A value as it stands in a file: its quotes, and what is between them.
fn unquoted(text: &str) -> (&str, &str) {
    for quote in ["\"", "'"] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)) {
            return (quote, inner);
        }
    }
    ("", text)
}
