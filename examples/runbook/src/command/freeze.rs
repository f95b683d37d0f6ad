//! Freezes the gateway token of a Compose project: one value, the same literal in every place, recorded without showing it.
#![expect(
    clippy::disallowed_methods,
    reason = "reads the clock, the user's name and the files of the project"
)]

mod tokens;
mod write;

use std::error::Error;
use std::process::ExitCode;
use std::time::SystemTime;

use clap::{ArgGroup, Args};
use openclaw_compose::edit;
use openclaw_compose::openclaw::AlignError;
use openclaw_runbook::program::uid;
use openclaw_runbook::project::{EngineFlags, ProjectFlags};
use openclaw_runbook::recovery::HalfDone;
use openclaw_runbook::{errln, outln, output};
use openclaw_token::fs::transaction::Receipt;
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Anchor, compare_records};
use openclaw_token::rotation::{Phase, RotationPlan, plan};
use openclaw_token::{
    Circumstances, Finding, FreezeError, FreezeRefusal, FreezeRequest, Frozen, Intent, Observed, Occurrence,
    Record, RecordStore, Severity, first_eight, freeze_once, rotate,
};
use secrecy::{ExposeSecret as _, SecretString};

use super::formats::{Done, Formats, carry_out};
use tokens::ProjectTokens;
use write::StageError;

/// Freeze the gateway token of a Compose project: adopt the one in use, or mint one, write the same literal to .env and
/// every other place as one reversible step, and record its fingerprint under .openclaw-token/. Without a mode, as `align`.
///
/// Exit status: 0 done, or verified without error; 1 refused, not written for want of --yes, or verification found errors; 2
/// something could not be read or written, and what was done until then is said; 3 aligning was refused: a person decides.
#[derive(Args)]
#[command(group = ArgGroup::new("mode"))]
pub(crate) struct Arguments {
    #[command(flatten)]
    common: Common,
    /// Freeze the token that every place holds; refuse if they disagree or hold none
    #[arg(long, group = "mode")]
    adopt: bool,
    /// Mint a token; refuse while any place holds a valid one
    #[arg(long, group = "mode")]
    mint: bool,
    /// Compare every place with the record, and check the ledger; change nothing
    #[arg(long, group = "mode")]
    verify: bool,
    /// As `plan-rotation`
    #[arg(long, group = "mode")]
    plan: bool,
    /// As `rotate`; needs --reason
    #[arg(long, group = "mode", requires = "reason")]
    rotate: bool,
    /// Why the token is rotated, for the record
    #[arg(long)]
    reason: Option<String>,
    /// With --verify: the ledger anchor noted last; shows whether the ledger was cut or rewritten since
    #[arg(long, value_name = "LINE:HASH", requires = "verify")]
    anchor: Option<Anchor>,
    /// Write the token that the gateway enforces over another
    #[arg(long)]
    yes: bool,
}

/// Write the token that the gateway enforces to every other place, and freeze it: one reversible step, whose diff is shown,
/// and which is made with --yes. `undo` takes it back.
///
/// Exit status: as that of `freeze`.
#[derive(Args)]
pub(crate) struct Align {
    #[command(flatten)]
    common: Common,
    /// Write it
    #[arg(long)]
    yes: bool,
}

/// Show what a rotation of the token touches, in order, and who is cut off when; change nothing.
#[derive(Args)]
pub(crate) struct PlanRotation {
    #[command(flatten)]
    common: Common,
}

/// Replace the frozen token by a new one, in every place at once.
///
/// Exit status: as that of `freeze`.
#[derive(Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    common: Common,
    /// Why, for the record
    #[arg(long)]
    reason: String,
}

/// What every mode takes.
#[derive(Args)]
struct Common {
    #[command(flatten)]
    project: ProjectFlags,
    /// The change ticket, for the record
    #[arg(long)]
    ticket: Option<String>,
    /// Who does this, for the record [default: the user's name, or number]
    #[arg(long)]
    by: Option<String>,
    /// Also write files outside the project's directory, such as a state directory beside it; the files as they were then stay
    /// in the nearest directory above both
    #[arg(long)]
    outside: bool,
    #[command(flatten)]
    engine: EngineFlags,
    /// Also print the token's first eight characters, for tickets that ask for them; the fingerprint reveals nothing
    #[arg(long)]
    first_eight: bool,
    #[command(flatten)]
    formats: Formats,
}

/// What is done with the token.
enum Mode {
    Adopt,
    Align { yes: bool },
    Mint,
    Verify { anchor: Option<Anchor> },
    Plan,
    Rotate { reason: String },
}

impl Mode {
    /// Whether it may change a file.
    fn writes(&self) -> bool {
        match self {
            Self::Adopt | Self::Mint | Self::Rotate { .. } => true,
            Self::Align { yes } => *yes,
            Self::Verify { .. } | Self::Plan => false,
        }
    }
}

/// Why the program came to no end. Says what was and what was not done.
type Failure = Box<dyn Error>;

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let mode = match arguments {
        Arguments { adopt: true, .. } => Mode::Adopt,
        Arguments { mint: true, .. } => Mode::Mint,
        Arguments { verify: true, anchor, .. } => Mode::Verify { anchor },
        Arguments { plan: true, .. } => Mode::Plan,
        Arguments { rotate: true, reason: Some(reason), .. } => Mode::Rotate { reason },
        Arguments { yes, .. } => Mode::Align { yes },
    };
    act("freeze", &mode, &arguments.common)
}

pub(crate) fn align(Align { common, yes }: Align) -> ExitCode {
    act("align", &Mode::Align { yes }, &common)
}

pub(crate) fn plan_rotation(PlanRotation { common }: PlanRotation) -> ExitCode {
    act("plan-rotation", &Mode::Plan, &common)
}

pub(crate) fn rotate_token(Rotate { common, reason }: Rotate) -> ExitCode {
    act("rotate", &Mode::Rotate { reason }, &common)
}

fn act(verb: &str, mode: &Mode, common: &Common) -> ExitCode {
    carry_out(verb, &common.formats, || decide(verb, mode, common))
}

/// Does what the mode says.
fn decide(verb: &str, mode: &Mode, common: &Common) -> Result<Done, Failure> {
    let read = || ProjectTokens::read(&common.project, common.engine.docker);
    let mut project = read()?;
    let half_done = HalfDone::find(&project.root, &project.project.report.sources)?;
    if mode.writes() {
        for done in half_done.settle(common.outside)? {
            errln!("runbook {verb}: {done}");
        }
        // That may have changed the very files that were just read.
        if !half_done.is_empty() {
            project = read()?;
        }
    }
    let unknown = project.unknown();
    if !unknown.is_empty() {
        let refusal = match mode {
            Mode::Verify { .. } => "not verified: a token may stand where nobody could read",
            _ => "nothing was changed: a token may stand where nobody could read",
        };
        return Err(format!("{refusal}\n  {}", unknown.join("\n  ")).into());
    }
    match mode {
        Mode::Plan => {
            let plan = plan(&project.holders());
            show_plan("a rotation goes", &plan, Phase::QuietClients);
            outln!("then: runbook rotate --reason ...");
            Ok(Done { plan: Some(plan), ..Done::default() })
        }
        Mode::Verify { anchor } => verify(*anchor, common, &project, &half_done),
        _ => freeze(verb, mode, common, &project),
    }
}

fn freeze(verb: &str, mode: &Mode, common: &Common, project: &ProjectTokens) -> Result<Done, Failure> {
    let store = DirectoryStore::new(&project.root);
    let mut occurrences = project.occurrences();
    let all = occurrences.len();
    let mut aligns = None;
    let mut done = Done::default();
    if let (Mode::Align { yes }, Some(enforced)) = (mode, project.enforced()) {
        occurrences.retain(|occurrence| is_same(occurrence.token(), &enforced));
        let differ = occurrences.len() < all;
        if differ {
            show_alignment(project, &enforced, &mut done)?;
        }
        if !yes && (differ || store.latest()?.is_none()) {
            outln!(
                "freezes the token that {} enforces",
                if differ { "the gateway" } else { "every place holds and the gateway" }
            );
            outln!("nothing was written; give --yes to write");
            done.exit = 1;
            return Ok(done);
        }
        aligns = differ.then_some(enforced);
    }
    if let Mode::Align { yes: false } = mode
        && aligns.is_none()
        && project.enforced().is_none()
        && all > 0
    {
        errln!(
            "runbook {verb}: no token is known to be enforced; `runbook freeze --adopt` freezes one that every place holds"
        );
        return Ok(Done::with(3));
    }
    let now = SystemTime::now();
    let by = common.by.clone().unwrap_or_else(user);
    let mut circumstances = project.describe(Circumstances::new(now, &by));
    if let Some(ticket) = &common.ticket {
        circumstances = circumstances.ticket(ticket);
    }
    let intent = if matches!(mode, Mode::Mint) { Intent::Mint } else { Intent::Adopt };
    let request = FreezeRequest::new(&occurrences, circumstances).intent(intent).places(project.places());

    let custody =
        |token: &SecretString, record: &Record| write::stage(project, common.outside, token, record);
    let frozen = match mode {
        Mode::Rotate { reason } => rotate(&store, &request, reason, custody),
        _ => freeze_once(&store, &request, custody),
    };
    match frozen {
        Ok(Frozen::New { record, token, custody, .. }) => {
            output::hide([token.clone()]);
            let receipt = custody.commit().map_err(|error| unwritten(&record, &error))?;
            done.plan = report(common, project, &record, &token, &receipt);
            let evidence = format!("transaction {}", receipt.id);
            let anchor = LedgerFile::new(&project.root).enter(&record, &evidence).map_err(|error| {
                format!("the token is frozen and written, but the ledger has no entry of it: {error}")
            })?;
            outln!("ledger anchor for the ticket: {anchor}");
            done.transaction = (!receipt.changed.is_empty()).then_some(receipt.id);
            done.record = Some(record);
            Ok(done)
        }
        Ok(frozen) => {
            outln!("frozen already: {}", describe(frozen.record()));
            done.record = Some(frozen.record().clone());
            match aligns {
                Some(enforced) => align_again(common, project, frozen.record(), &enforced, done),
                None => {
                    outln!(
                        "nothing was changed; `freeze --verify` compares every place with it, `rotate` replaces it"
                    );
                    Ok(done)
                }
            }
        }
        Err(error) => {
            errln!("runbook {verb}: {error}");
            if let Some(advice) = advice(&error, &project.occurrences()) {
                errln!("  {advice}");
            }
            let refused = if matches!(mode, Mode::Align { .. }) { 3 } else { 1 };
            done.exit = if is_refusal(&error) { refused } else { 2 };
            Ok(done)
        }
    }
}

/// Who runs this: by name, or where none is set, as for root in a container, by number.
fn user() -> String {
    let number = || uid().map_or_else(|| "unknown".to_owned(), |uid| format!("uid {uid}"));
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(number)
}

/// What is to be written where another token stands, as a diff with every token masked.
fn show_alignment(project: &ProjectTokens, enforced: &SecretString, done: &mut Done) -> Result<(), Failure> {
    output::hide([enforced.clone()]);
    outln!("the gateway enforces one token, and other places hold another:");
    for change in edit::apply(&project.alignment().edits(enforced)?, &project.project.report.sources)? {
        done.show(project.project.openable(change.source), &change.hunks);
    }
    Ok(())
}

/// Writes the frozen token where another came to stand since.
fn align_again(
    common: &Common,
    project: &ProjectTokens,
    record: &Record,
    enforced: &SecretString,
    mut done: Done,
) -> Result<Done, Failure> {
    if record.fingerprint.matches(enforced, None) != Some(true) {
        outln!("the gateway enforces another than the frozen token: nothing was written");
        outln!("  `runbook rotate --reason ...` replaces the frozen one, in every place");
        done.exit = 1;
        return Ok(done);
    }
    let receipt = write::stage(project, common.outside, enforced, record)?.commit()?;
    done.plan = report(common, project, record, enforced, &receipt);
    done.transaction = Some(receipt.id);
    Ok(done)
}

fn is_same(one: &SecretString, other: &SecretString) -> bool {
    one.expose_secret() == other.expose_secret()
}

/// Whether the places are not to be frozen as they are; otherwise something could not be read or written.
fn is_refusal(error: &FreezeError) -> bool {
    match error {
        FreezeError::Store(_) | FreezeError::Mint(_) => false,
        FreezeError::Custody(error) => error
            .downcast_ref()
            .is_some_and(|error| matches!(error, StageError::Align(AlignError::NeedsQuoting))),
        _ => true,
    }
}

fn unwritten(record: &Record, error: &dyn Error) -> String {
    let lost = match record.origin {
        openclaw_token::Origin::Adopted => "the places hold it as before",
        _ => "no place holds the new token; rotate again, with a reason",
    };
    format!("{error}\n  generation {} is recorded and no file was changed: {lost}", record.generation)
}

/// Says what was written, and what is to be done now.
fn report(
    common: &Common,
    project: &ProjectTokens,
    record: &Record,
    token: &SecretString,
    receipt: &Receipt,
) -> Option<RotationPlan> {
    outln!("frozen: {}", describe(record));
    show_first_eight(common, token);
    if receipt.changed.is_empty() {
        outln!("  every place held it already: no file was changed");
        return None;
    }
    for changed in &receipt.changed {
        outln!("  wrote {}", changed.path.display());
    }
    outln!(
        "  transaction {}; the files as they were stay in .openclaw-token/transactions under {}",
        receipt.id,
        receipt.root.display()
    );
    let plan = plan(&project.holders());
    show_plan("now, in this order", &plan, Phase::ReloadGateway);
    Some(plan)
}

/// What to do after a refusal.
fn advice(error: &FreezeError, occurrences: &[Occurrence]) -> Option<String> {
    let places = || {
        let names: Vec<&str> =
            occurrences.iter().map(|occurrence| occurrence.place().file.as_str()).collect();
        names.join(", ")
    };
    Some(match error {
        FreezeError::Refused(FreezeRefusal::Disagreement(_)) => {
            "`runbook` names the one that wins; `runbook align` writes it to the others, and freezes it"
                .to_owned()
        }
        FreezeError::Refused(FreezeRefusal::Unsound(_)) => {
            "correct it, or empty it in each of these places; then --adopt or --mint".to_owned()
        }
        FreezeError::TokenInUse => format!("it stands in {}", places()),
        FreezeError::NothingToAdopt => "--mint makes one".to_owned(),
        FreezeError::NotFrozen => "--adopt the token in use, or --mint one if there is none".to_owned(),
        _ => return None,
    })
}

/// The ledger, as findings call it.
const LEDGER: &str = ".openclaw-token/ledger.jsonl";

fn verify(
    anchor: Option<Anchor>,
    common: &Common,
    project: &ProjectTokens,
    half_done: &HalfDone,
) -> Result<Done, Failure> {
    let store = DirectoryStore::new(&project.root);
    let (latest, history) = (store.latest()?, store.history()?);
    let occurrences = project.occurrences();
    let observed = project.observe(Observed::new(&occurrences, SystemTime::now()), &history);
    let findings = Record::verify_latest(latest.as_ref(), &observed);
    if let Some(record) = &latest {
        outln!("frozen: {}", describe(record));
        let is_frozen =
            |occurrence: &&Occurrence| record.fingerprint.matches(occurrence.token(), None) == Some(true);
        if let Some(occurrence) = occurrences.iter().find(is_frozen) {
            show_first_eight(common, occurrence.token());
        }
    }
    findings.iter().for_each(show);
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    if latest.is_some() && !findings.iter().any(is_error) {
        outln!("every place holds the frozen token");
    }
    for left in half_done.said() {
        outln!("{left}: `runbook recover` brings it to its end, or says why not");
    }
    let ledger = LedgerFile::new(&project.root);
    let checked = ledger.verify(anchor)?;
    let mut broken = checked.findings(LEDGER);
    broken.extend(compare_records(&ledger.read()?, &history, LEDGER));
    broken.iter().for_each(show);
    match (checked.is_intact(), checked.lines) {
        (true, 0) if latest.is_none() => {}
        (true, lines) => outln!("ledger: {lines} entries, unbroken; anchor {}", checked.head),
        (false, lines) => outln!("ledger: {lines} entries, broken"),
    }
    let failed = findings.iter().chain(&broken).any(is_error) || latest.is_none() || !checked.is_intact();
    let findings = findings.into_iter().chain(broken).map(openclaw_runbook::finding::Finding::from).collect();
    Ok(Done { findings, record: latest, ..Done::with(u8::from(failed)) })
}

fn show(finding: &Finding) {
    outln!("{}: {}", finding.code, finding.summary);
    for evidence in &finding.evidence {
        outln!("  {evidence}");
    }
    if let Some(remedy) = &finding.remedy {
        outln!("  {}", remedy.text);
    }
}

fn show_first_eight(common: &Common, token: &SecretString) {
    if common.first_eight {
        match first_eight(token) {
            Ok(shown) => outln!("  first eight characters: {shown}"),
            Err(error) => outln!("  first eight characters: not shown, {error}"),
        }
    }
}

fn show_plan(title: &str, plan: &RotationPlan, from: Phase) {
    outln!("{title}:");
    let steps = plan.steps.iter().filter(|step| step.phase >= from);
    for (n, step) in steps.enumerate() {
        outln!("{:>3} {}: {}", n + 1, step.holders.join(", "), step.action);
        if let Some(disconnects) = &step.disconnects {
            outln!("      cuts off {disconnects}");
        }
        outln!("      check: {}", step.check);
    }
}

fn describe(record: &Record) -> String {
    let places: Vec<&str> = record.places.iter().map(String::as_str).collect();
    let (print, generation) = (record.fingerprint.short(), record.generation);
    let ticket = record.ticket.as_ref().map(|ticket| format!(" for {ticket}")).unwrap_or_default();
    format!("{print}, generation {generation}, in {}\n  by {}{ticket}", places.join(", "), record.by)
}
