//! The whole runbook on a bundled broken stack, in a temporary directory, against the embedded gateway.
//!
//! Nothing is shown that did not happen: the ticket comes from the files of the copy, the edits go through the one
//! writer of openclaw-token, the approval through openclaw-pairing's driver, the proof through openclaw-probe's climb.
//! Only Docker is missing, and the rehearsal says what stands in for it.
#![expect(clippy::disallowed_methods, reason = "the rehearsal makes its own copy and looks at the clock")]

mod stack;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Instant, SystemTime};

use openclaw_compose::edit::{self, Edit};
use openclaw_probe::{Rung, Target};
use openclaw_token::fs::transaction::{Change, Transaction};
use openclaw_token::fs::{DirectoryStore, LedgerFile};
use openclaw_token::ledger::{Act, LedgerEntry};
use openclaw_token::{Circumstances, FreezeRequest, Frozen, Intent, Occurrence, freeze_once};
use secrecy::{ExposeSecret, SecretString};

use crate::device::Device;
use crate::diagnose::{Examination, Options, live};
use crate::errors::with_sources;
use crate::output::{Paint, Styled, print_page};
use crate::probing::prober;
use crate::render::{Colour, text};
use crate::ticket::Verdict;
use crate::{errln, interrupt, out};
use openclaw_embedded_gateway::Gateway;

/// Runs the rehearsal and prints it as it happens. Exit status 0 if it ends in an authenticated session, else 1.
#[must_use]
pub fn run(colour: Colour, width: usize) -> ExitCode {
    match interrupt::wait(Rehearsal { colour, width }.run()) {
        Ok(Ok(Verdict::Green)) => ExitCode::SUCCESS,
        Ok(Ok(_)) => ExitCode::FAILURE,
        Ok(Err(error)) => fail(&*error),
        Err(error) => fail(&error),
    }
}

fn fail(error: &dyn std::error::Error) -> ExitCode {
    errln!("runbook: the rehearsal stopped: {}", with_sources(error));
    ExitCode::FAILURE
}

/// Everything that can stop a rehearsal ends it; nobody matches on the kind.
type Stopped = Box<dyn std::error::Error>;

struct Rehearsal {
    colour: Colour,
    width: usize,
}

/// The client whose way to a session is mended.
const CLI: &str = "openclaw-cli";

impl Rehearsal {
    async fn run(self) -> Result<Verdict, Stopped> {
        let began = Instant::now();
        let copy = stack::Copy::make()?;
        let root = copy.path();
        // The commands on the tickets name the copy: while it lasts, they work.
        let name = root.to_string_lossy();
        let before = Examination::of(root, Options::default())?;
        let enforced = before.enforced_token().ok_or("the copy's gateway enforces no token")?;

        // Embedded gateways tell where a caller stands by the door it comes through.
        let gateway = Gateway::builder().token(enforced.clone()).auto_approve_local(false).start().await?;
        let dead = dead_port()?;
        introduce(root, gateway.addr(), dead);

        self.title("before");
        let mut case = before.case.clone();
        live::enter(&mut case, CLI, &climb(dead, Rung::Tcp).await?);
        let probed = |address: &dyn std::fmt::Display| [format!("a climb to {address} for {CLI}")];
        print_page(&text(&before.ticket_of(&case, &name, &probed(&dead)), self.colour, self.width));

        let ledger = LedgerFile::new(root);
        let note =
            |act, what: &str| ledger.append(&LedgerEntry::new(SystemTime::now(), "rehearsal", act, what));

        self.title("1 freeze, and 2 align: one token, written to every place in one step");
        freeze_and_align(root, &before, &enforced)?;
        note(Act::Frozen, "adopted the token that the gateway enforces")?;

        self.title("3 namespace: the CLI moves into the gateway's");
        let aligned = Examination::of(root, Options::default())?;
        write(root, &aligned, aligned.edits_at(crate::gates::Gate::Reach))?;
        note(Act::Changed, "put the CLI into the gateway's network namespace")?;

        self.title("4 pair: the CLI's device is approved by its owner");
        let seed = openclaw_token::mint()?;
        let mut bytes = [0; 32];
        hex::decode_to_slice(seed.expose_secret(), &mut bytes)
            .map_err(|_| "the fresh device key is not hex")?;
        let device = Device::new(&bytes, enforced.clone());
        let paired = device.pair(&gateway.url()).await?;
        out!(
            "  {} connects to {}\n  refused   {}\n  owner     lists inside the namespace, approves this device for {}\n  session   with {}\n",
            short(device.id()),
            gateway.url(),
            paired.refusal.message,
            paired.approved,
            paired.granted
        );
        note(Act::Approved, "approved the device of the CLI")?;

        self.title("5 probe: from the CLI's place, as the paired device, up to a session with scopes");
        let prober = prober().authenticate(device).require_scopes(Device::wanted()).build()?;
        let report = prober.climb(&gateway.url().parse::<Target>()?, Rung::Scope).await;
        out!("  {}\n", report.to_string().replace('\n', "\n  "));

        self.title("after");
        let after = Examination::of(root, Options::default())?;
        let mut case = after.case.clone();
        live::enter(&mut case, CLI, &report);
        let ticket = after.ticket_of(&case, &name, &probed(&gateway.addr()));
        print_page(&text(&ticket, self.colour, self.width));

        let trail = ledger.verify(None)?;
        gateway.stop().await;
        out!(
            "\n{} after {:.1} s. The ledger of the copy holds {} entries and is {}. The copy is removed.\n",
            if ticket.verdict == Verdict::Green { "Mended" } else { "Not mended" },
            began.elapsed().as_secs_f64(),
            openclaw_token::ledger::entries(&ledger.read()?).count(),
            if trail.is_intact() { "intact" } else { "broken" },
        );
        Ok(ticket.verdict)
    }

    fn title(&self, title: &str) {
        let title = format!("== {title}");
        let title = match self.colour {
            Colour::On => Styled::painted(Paint::Bold, &title),
            Colour::Off => Styled::from(title),
        };
        print_page(&(Styled::from("\n") + &title + "\n"));
    }
}

fn introduce(root: &Path, gateway: SocketAddr, dead: SocketAddr) {
    out!(
        "The runbook, rehearsed on a bundled stack with three of the five root causes.\n\n\
         \x20 stack     {}, a copy\n\
         \x20 gateway   embedded in this process; it answers as OpenClaw {} does\n\
         \x20 Docker    runs nothing here. Two ports of this machine stand in for it:\n\
         \x20           {gateway} for 127.0.0.1:18789 inside the gateway's network namespace\n\
         \x20           {dead} for 127.0.0.1:18789 inside the CLI's own, where nothing listens\n",
        root.display(),
        openclaw_embedded_gateway::VERSION,
    );
}

/// Adopts the enforced token and writes it wherever another stands: the files are durable before the record is.
fn freeze_and_align(root: &Path, examined: &Examination, enforced: &SecretString) -> Result<(), Stopped> {
    let changes = edit::apply(&examined.edits_at(crate::gates::Gate::Auth), examined.sources())?;
    let diffs: Vec<String> = changes.iter().map(ToString::to_string).collect();
    let occurrences = [Occurrence::new("state/openclaw.json", enforced.clone())];
    let circumstances = Circumstances::new(SystemTime::now(), "rehearsal");
    let places =
        std::iter::once("state/openclaw.json").chain(changes.iter().map(|change| change.path.as_str()));
    let request = FreezeRequest::new(&occurrences, circumstances).intent(Intent::Adopt).places(places);
    let frozen = freeze_once(&DirectoryStore::new(root), &request, |_, record| {
        Transaction::plan(root, changes.iter().map(change))?.stage(Some(&record.fingerprint.to_string()))
    })?;
    let Frozen::New { record, custody, .. } = frozen else {
        return Err("the copy was frozen before".into());
    };
    let receipt = custody.commit()?;
    out!(
        "  adopted   the token that the gateway enforces; fingerprint {}\n  written   {} in transaction {}, backups kept beside the record\n",
        record.fingerprint.short(),
        receipt
            .changed
            .iter()
            .map(|changed| changed.path.display().to_string())
            .collect::<Vec<_>>()
            .join(", "),
        receipt.id,
    );
    for diff in diffs {
        out!("{}", indent(&diff));
    }
    Ok(())
}

fn write(root: &Path, examined: &Examination, edits: Vec<Edit>) -> Result<(), Stopped> {
    let changes = edit::apply(&edits, examined.sources())?;
    let receipt = Transaction::plan(root, changes.iter().map(change))?.commit()?;
    out!("  written   transaction {}\n", receipt.id);
    for change in &changes {
        out!("{}", indent(&change.to_string()));
    }
    Ok(())
}

/// An edit's outcome as a change of the one writer.
fn change(change: &edit::Change) -> Change {
    let write = Change::write(&change.path, Some(change.expected.into()), change.bytes.expose_secret());
    if change.secret { write.secret() } else { write }
}

async fn climb(address: SocketAddr, upto: Rung) -> Result<openclaw_probe::ProbeReport, Stopped> {
    let target: Target = format!("ws://{address}").parse()?;
    Ok(prober().build()?.climb(&target, upto).await)
}

/// A loopback port on which nothing listens: it was free a moment ago.
fn dead_port() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

fn short(device: &str) -> String {
    format!("device {}", device.get(..12).unwrap_or(device))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
