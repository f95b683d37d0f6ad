//! Climbs the ladder of one gateway, or watches many.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use futures_util::stream::{self, StreamExt};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use openclaw_probe::{Backoff, Fleet, Prober, Rung, Sample, Target, Watch, WatchPolicy, WatchState};
use openclaw_runbook::output::{self, Stream};
use openclaw_runbook::probing::{self, ProbeArguments, StartError};
use openclaw_runbook::{errln, outln};
use tokio::sync::Notify;

use super::formats::Formats;

/// How far up the stack is the gateway alive?
///
/// Exit codes: 0 all that was asked for holds; 10 resolve, 11 tcp, 12 tls, 13 liveness, 14 startup, 15 readiness,
/// 16 upgrade, 17 challenge, 18 hello, 19 scope is the rung that decides; 2 wrong arguments, 78 a file that cannot be
/// read. With --healthcheck 0 or 1, as Docker wants it; with --watch 0 when every target was up at the end, else 1.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Gateways: ws, wss, http or https URL, host or host:port.
    #[arg(default_value = "ws://127.0.0.1:18789")]
    targets: Vec<String>,

    /// The highest rung to climb to: resolve, tcp, tls, liveness, startup, readiness, upgrade, challenge, hello, scope.
    /// Without it: hello where a token is given, else challenge.
    #[arg(long, value_name = "RUNG", value_parser = probing::rung)]
    upto: Option<Rung>,

    #[command(flatten)]
    probe: ProbeArguments,

    /// Ask one HTTP question only, over one connection: liveness, startup or readiness. The cheapest useful probe.
    #[arg(long, value_name = "RUNG", value_parser = probing::rung, conflicts_with = "upto")]
    ask: Option<Rung>,

    #[command(flatten)]
    formats: Formats,

    /// Print nothing but failures, and exit 0 or 1: for a container's HEALTHCHECK.
    #[arg(long)]
    healthcheck: bool,

    /// Go on until SIGTERM or Ctrl-C, or until nobody reads any more, every so many seconds: a live table on a terminal, else
    /// a line for each change.
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "5")]
    watch: Option<f64>,

    /// The most probes at a time.
    #[arg(long, default_value_t = 100)]
    concurrency: usize,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    probing::run("runbook probe", probe(&arguments))
}

async fn probe(arguments: &Arguments) -> Result<ExitCode, StartError> {
    let targets = probing::targets(&arguments.targets)?;
    let (prober, upto) = arguments.probe.prober(arguments.upto)?;
    if let Some(interval) = arguments.watch {
        let upto = arguments.ask.unwrap_or(upto);
        return watch(arguments, &targets, &prober, upto, probing::seconds("watch", interval)?).await;
    }
    let prober = &prober;
    let asking = targets.iter().map(|target| async move {
        match arguments.ask {
            Some(question) => prober.check(target, question).await,
            None => prober.climb(target, upto).await,
        }
    });
    let mut reports = stream::iter(asking).buffered(arguments.concurrency.max(1));
    let mut worst = 0;
    while let Some(report) = reports.next().await {
        worst = worst.max(report.exit_code());
        if arguments.formats.is_json() {
            let shown = serde_json::json!({ "report": report, "findings": report.findings() });
            output::print_json(&format!("{shown}\n"));
        } else if !arguments.healthcheck || !report.is_good() {
            outln!("{report}");
        }
    }
    Ok(ExitCode::from(if arguments.healthcheck { worst.min(1) } else { worst }))
}

/// Watches until told to stop; the exit code is that of the states at the end.
async fn watch(
    arguments: &Arguments,
    targets: &[Target],
    prober: &Prober,
    upto: Rung,
    interval: Duration,
) -> Result<ExitCode, StartError> {
    let backoff = Backoff::new(Duration::from_secs(1).min(interval), interval, 0.3)
        .map_err(|_| StartError::Seconds { name: "watch" })?;
    let concurrency = arguments.concurrency;
    let fleet =
        Fleet { upto, interval, jitter: 0.2, backoff, concurrency, seed: u64::from(std::process::id()) };
    let unread = Notify::new();
    let mut table = Table::new(targets, &unread);
    let width = targets.iter().map(|target| target.to_string().len()).max().unwrap_or(0);
    let mut watches = vec![Watch::new(WatchPolicy::default()); targets.len()];
    let started = tokio::time::Instant::now();
    let made = fleet
        .run(prober, targets, stop(&unread), |index, report| {
            let Some(watch) = watches.get_mut(index) else { return };
            let before = watch.state();
            let state = watch.observe(Sample::of(started.elapsed(), report));
            let flaps = if watch.is_flapping() { ", flapping" } else { "" };
            let line = format!("{:<8} {}{flaps}", name(state), probing::line(report, width));
            table.show(index, line, state != before);
        })
        .await;
    table.finish();
    errln!("runbook probe: stopped after {made} probes");
    Ok(ExitCode::from(u8::from(watches.iter().any(|watch| watch.state() != WatchState::Up))))
}

const fn name(state: WatchState) -> &'static str {
    match state {
        WatchState::Up => "up",
        WatchState::Down => "DOWN",
        _ => "waiting",
    }
}

/// A line for each target on a terminal; elsewhere a line for each change.
struct Table<'n> {
    screen: MultiProgress,
    rows: Vec<ProgressBar>,
    seen: Vec<bool>,
    /// Told when the reader of the lines has left.
    unread: &'n Notify,
}

impl<'n> Table<'n> {
    fn new(targets: &[Target], unread: &'n Notify) -> Self {
        let screen = MultiProgress::new();
        let live = Stream::Err.is_terminal() && targets.len() <= 200;
        let row = |target: &Target| {
            let style =
                ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
            let row = screen.add(ProgressBar::no_length().with_style(style));
            row.set_message(format!("{:<8} {target}", name(WatchState::Starting)));
            row
        };
        if live {
            output::open_other_screen();
        }
        let rows = if live { targets.iter().map(row).collect() } else { Vec::new() };
        Self { screen, rows, seen: vec![false; targets.len()], unread }
    }

    fn show(&mut self, index: usize, line: String, changed: bool) {
        let first = self.seen.get_mut(index).is_some_and(|seen| !std::mem::replace(seen, true));
        match self.rows.get(index) {
            // The one text that is drawn by another hand.
            Some(row) => row.set_message(output::text(&line).into_owned()),
            None if changed || first => {
                let printed = output::try_print(Stream::Out, &(line + "\n"));
                if printed.is_err() {
                    self.unread.notify_one();
                }
                output::notice(printed);
            }
            None => {}
        }
    }

    /// The last state of each, as lines that stay.
    fn finish(&self) {
        if self.rows.is_empty() {
            return;
        }
        self.screen.set_draw_target(ProgressDrawTarget::hidden());
        output::close_other_screen();
        for row in &self.rows {
            outln!("{}", row.message());
        }
    }
}

/// SIGTERM, Ctrl-C, or nobody reads any more.
async fn stop(unread: &Notify) {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
                () = unread.notified() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
