//! launchd on this host, asked about the jobs whose definitions were captured here.
//!
//! A definition may have been copied from another Mac, whose launchd is not here: only the job of one that lies in this user's
//! or the system's folder as it was captured is asked about.

use std::path::{Path, PathBuf};
use std::time::Duration;

use openclaw_compose::openclaw::{GatewayView, Manager};

use crate::captured::{Captured, Text};
use crate::program::uid;
use crate::{child, interrupt, reading};

/// How long launchd may take to answer.
const DEADLINE: Duration = Duration::from_secs(5);

/// What `launchctl print` shows of these gateways' jobs, for those that are jobs of this host.
pub(crate) fn ask(gateways: &[GatewayView], captured: &Captured) -> Vec<Text> {
    let here = |gateway: &&GatewayView| {
        let folder = match gateway.manager {
            // Asked for here alone: without HOME it is the system's name service that answers, which nothing else has to wake.
            Some(Manager::LaunchAgent) => {
                std::env::home_dir().unwrap_or_default().join("Library/LaunchAgents")
            }
            Some(Manager::LaunchDaemon) => PathBuf::from("/Library/LaunchDaemons"),
            _ => return false,
        };
        let file = format!("{}.plist", gateway.service);
        let installed = reading::text(&folder.join(&file));
        installed.is_ok_and(|text| {
            captured
                .definitions
                .iter()
                .any(|list| Path::new(&list.name).ends_with(&file) && list.text == text)
        })
    };
    gateways.iter().filter(here).filter_map(print).collect()
}

/// Nothing where launchd is not here.
fn print(gateway: &GatewayView) -> Option<Text> {
    let place = match gateway.manager? {
        Manager::LaunchAgent => format!("gui/{}/{}", uid()?, gateway.service),
        _ => format!("system/{}", gateway.service),
    };
    let mut launchctl = child::command("launchctl");
    let heard = interrupt::wait(child::hear(launchctl.args(["print", &place]), DEADLINE)).ok()?.ok()?;
    let said = [heard.stdout, heard.stderr].concat();
    Some(Text::new(format!("launchctl print {place}"), String::from_utf8_lossy(&said)))
}
