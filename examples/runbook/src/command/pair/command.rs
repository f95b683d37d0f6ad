//! One command of a plan, run without a shell, without a terminal and not for ever.

use std::time::{Duration, Instant};

use openclaw_pairing::plan::CommandLine;
use openclaw_pairing::{DeviceList, PairedDevice, Timeline, Vantage};
use openclaw_runbook::child::{self, Ended};

/// Longer than the CLI itself waits for a gateway (60 s), so that its own words come first.
const DEADLINE: Duration = Duration::from_secs(90);

/// The most lines that are kept of what a command showed.
const LONGEST_SUMMARY: usize = 20;

/// What a command answered.
#[derive(Clone)]
pub(super) struct Answer {
    pub(super) status: i32,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Answer {
    fn none(status: i32, stderr: String) -> Self {
        Self { status, stdout: String::new(), stderr }
    }

    /// Both streams, for whoever looks for words in them.
    pub(super) fn all(&self) -> String {
        format!("{}\n{}", self.stdout, self.stderr)
    }

    /// The request that the gateway told this client of.
    pub(super) fn told(&self) -> Option<String> {
        told(&self.all())
    }

    /// True if nothing in it is known.
    pub(super) fn is_mute(&self) -> bool {
        Timeline::parse(Vantage::Client, "answer", &self.all()).marks.is_empty()
            && DeviceList::from_json(&self.stdout).is_err()
    }

    /// What the answer showed, without its free text: a list as counts, an approval as its device, else the marks in it.
    pub(super) fn summary(&self) -> Vec<String> {
        let mut lines = vec![format!("exit {}", self.status)];
        if let Ok(list) = DeviceList::from_json(&self.stdout) {
            lines.push(format!("{} pending, {} paired", list.pending.len(), list.paired.len()));
        } else if let Some(device) = approved(&self.stdout) {
            lines.push(format!("device {device}"));
        } else {
            let marks = Timeline::parse(Vantage::Client, "answer", &self.all()).marks;
            lines.extend(marks.into_iter().map(|mark| match mark.request_id {
                Some(request) => format!("{}, request {request}", mark.words),
                None => mark.words,
            }));
            lines.dedup();
            let more = lines.len().saturating_sub(LONGEST_SUMMARY);
            if more > 0 {
                lines.truncate(LONGEST_SUMMARY);
                lines.push(format!("and {more} more lines like these"));
            }
        }
        lines
    }
}

/// The last request that a text tells its reader of.
pub(super) fn told(text: &str) -> Option<String> {
    let marks = Timeline::parse(Vantage::Client, "answer", text).marks;
    marks.into_iter().rev().find_map(|mark| mark.request_id)
}

fn approved(stdout: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Approval {
        device: PairedDevice,
    }
    let approval: Approval = serde_json::from_str(stdout).ok()?;
    Some(approval.device.device_id).filter(|device| !device.is_empty())
}

/// Runs commands and adds up how long they took: that time is the vendor's (and the container engine's), not ours.
#[derive(Default)]
pub(super) struct Runner {
    pub(super) vendor: Duration,
    pub(super) commands: usize,
}

impl Runner {
    /// Runs one. As a shell says it, the status is 127 if it cannot start and 124 if it had to be ended.
    pub(super) async fn run(&mut self, command: &CommandLine) -> Answer {
        let [program, arguments @ ..] = command.argv() else {
            return Answer::none(127, "no command".to_owned());
        };
        let started = Instant::now();
        let heard = child::hear(child::command(program).args(arguments), DEADLINE).await;
        self.vendor += started.elapsed();
        self.commands += 1;
        match heard {
            Ok(heard) => match heard.ended {
                Ended::Exited(status) => Answer {
                    status: status.code().unwrap_or(128),
                    stdout: String::from_utf8_lossy(&heard.stdout).into_owned(),
                    stderr: String::from_utf8_lossy(&heard.stderr).into_owned(),
                },
                ended => Answer::none(124, format!("{program} {ended}")),
            },
            Err(error) => Answer::none(127, format!("{program}: {error}")),
        }
    }
}
