//! One command of a plan, run without a shell, without a terminal and not for ever.

use std::time::{Duration, Instant};

use openclaw_pairing::execution::Answer;
use openclaw_pairing::plan::CommandLine;
use openclaw_runbook::child::{self, Ended};

/// Longer than the CLI itself waits for a gateway (60 s), so that its own words come first.
const DEADLINE: Duration = Duration::from_secs(90);

/// Runs commands and adds up how long they took: that time is the vendor's (and the container engine's), not ours.
#[derive(Default)]
pub(super) struct Runner {
    pub(super) vendor: Duration,
    pub(super) commands: usize,
}

impl Runner {
    pub(super) async fn run(&mut self, command: &CommandLine) -> Answer {
        let [program, arguments @ ..] = command.argv() else {
            return Answer::not_started("no command");
        };
        let started = Instant::now();
        let heard = child::hear(child::command(program).args(arguments), DEADLINE).await;
        self.vendor += started.elapsed();
        self.commands += 1;
        match heard {
            Ok(heard) => match heard.ended {
                Ended::Exited(status) => Answer::new(
                    status.code().unwrap_or(128),
                    String::from_utf8_lossy(&heard.stdout),
                    String::from_utf8_lossy(&heard.stderr),
                ),
                ended => Answer::ended(format!("{program} {ended}")),
            },
            Err(error) => Answer::not_started(format!("{program}: {error}")),
        }
    }
}
