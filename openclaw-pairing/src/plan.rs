//! The way out, as data: ordered steps with the exact command for one topology, least scopes, and what to see after each.

use std::fmt;

use serde::Serialize;

use crate::devices::{DeviceList, PendingRequest};
use crate::finding::Safety;
use crate::refusal::Actor;
use crate::scope::ScopeSet;
use crate::words::is_id;

pub use topology::{CommandLine, Engine, Topology};
pub(crate) use topology::{DEVICE_ID, REQUEST_ID};

mod topology;

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Action {
    /// Run one command.
    Run {
        /// The command.
        command: CommandLine,
    },
    /// List again, find this device's request, and decide that one: a remembered request id may be gone.
    Decide {
        /// The device whose request is meant. `None` while nobody can know it: a client without a key has no device id
        /// yet. The step before makes it ask; [`Step::for_device`] then names it.
        device_id: Option<String>,
        /// Approve or reject.
        verdict: Ruling,
        /// The request as the evidence has it. It is another one as soon as the device asks for something else.
        request_id: Option<String>,
        /// The most that may be granted; a request for more is refused by [`Action::resolve`].
        at_most: ScopeSet,
        /// Lists the requests.
        list: CommandLine,
        /// Decides, once the request id is filled in.
        decide: CommandLine,
    },
    /// Wait this many seconds, then go on.
    Wait {
        /// Seconds.
        seconds: u64,
    },
    /// A person does something that no command can.
    Ask,
}

/// A decision on a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ruling {
    /// Let the device in.
    Approve,
    /// Turn it away.
    Reject,
}

/// Why a decision step cannot be carried out against the list just read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The step is not a decision.
    #[error("this step decides nothing; run its command as it stands")]
    NotADecision,
    /// The device is not known yet.
    #[error(
        "which device asks is not known yet: take it from the list, by the request that the client was told of"
    )]
    DeviceUnknown,
    /// What the list shows is not an id of OpenClaw's. It is not made part of a command, whatever it is.
    #[error(
        "the request that device {device_id} has now is not called as OpenClaw calls one: decide it in the dashboard, by what it shows"
    )]
    NotAnId {
        /// The device.
        device_id: String,
    },
    /// The device has no request now.
    #[error("device {device_id} has no pending request now: let it connect once more, then list again")]
    NoRequest {
        /// The device.
        device_id: String,
    },
    /// The request grew beyond what was agreed.
    #[error("device {device_id} now also asks for {excess}: agree to that first, or have it ask for less")]
    AsksForMore {
        /// The device.
        device_id: String,
        /// The scopes beyond the agreed ones.
        excess: ScopeSet,
    },
}

impl Action {
    /// The command that decides this device's request as `list` shows it now.
    ///
    /// # Errors
    /// [`ResolveError`] if the device is not known, or its request is gone or asks for more than was agreed.
    pub fn resolve(&self, list: &DeviceList) -> Result<CommandLine, ResolveError> {
        let Self::Decide { device_id, verdict, at_most, decide, .. } = self else {
            return Err(ResolveError::NotADecision);
        };
        let device_id = device_id.as_ref().ok_or(ResolveError::DeviceUnknown)?;
        let Some(PendingRequest { request_id, scopes, .. }) = list.pending_for(device_id) else {
            return Err(ResolveError::NoRequest { device_id: device_id.clone() });
        };
        let excess = scopes.missing_from(*at_most);
        if *verdict == Ruling::Approve && !excess.is_empty() {
            return Err(ResolveError::AsksForMore { device_id: device_id.clone(), excess });
        }
        if !is_id(request_id) {
            return Err(ResolveError::NotAnId { device_id: device_id.clone() });
        }
        Ok(decide.for_request(request_id))
    }
}

/// How to tell that a step did what it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[non_exhaustive]
pub enum Check {
    /// The command ends with status 0.
    ExitsZero,
    /// The list holds a request of this device (of any device if `None`).
    RequestListed {
        /// The device.
        device_id: Option<String>,
    },
    /// The answer names this device (any device if `None`) as approved with at least these scopes.
    Approved {
        /// The device.
        device_id: Option<String>,
        /// The scopes.
        scopes: ScopeSet,
    },
    /// A person says so.
    Person,
}

impl Check {
    /// Judges a command's exit status and standard output. `None` if only a person can tell.
    pub fn judge(&self, status: i32, stdout: &str) -> Option<bool> {
        match self {
            Self::ExitsZero => Some(status == 0),
            Self::RequestListed { device_id } => Some(DeviceList::from_json(stdout).is_ok_and(|list| {
                device_id.as_deref().map_or(!list.pending.is_empty(), |id| list.pending_for(id).is_some())
            })),
            Self::Approved { device_id, scopes } => Some(
                status == 0
                    && serde_json::from_str::<Approval>(stdout).is_ok_and(|approval| {
                        device_id.as_ref().is_none_or(|id| approval.device.device_id == *id)
                            && scopes.missing_from(approval.device.scopes).is_empty()
                    }),
            ),
            Self::Person => None,
        }
    }
}

/// The answer of `openclaw devices approve ID --json`.
#[derive(serde::Deserialize)]
pub(crate) struct Approval {
    pub(crate) device: crate::devices::PairedDevice,
}

/// One step of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What it is for, one sentence.
    pub text: String,
    /// What it does.
    pub action: Action,
    /// What to see afterwards, one sentence.
    pub expect: String,
    /// The same for a program.
    pub check: Check,
    /// How to take it back, if it changes anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<String>,
    /// Whether it may be carried out without thinking.
    pub safety: Safety,
    /// Who does it.
    pub actor: Actor,
}

impl Step {
    /// The command as it would be typed. A decision names the request that the evidence has; where it has none, this is the
    /// list that will show it.
    pub fn command(&self) -> Option<String> {
        match &self.action {
            Action::Run { command } => Some(command.to_string()),
            Action::Decide { decide, request_id: Some(id), .. } => Some(decide.for_request(id).to_string()),
            Action::Decide { list, .. } => Some(list.to_string()),
            Action::Wait { .. } | Action::Ask => None,
        }
    }

    /// The same step about this device, where the plan could not know it yet. A step that names its device stays as it is,
    /// and so does one that is told of a text that is not an id.
    #[must_use]
    pub fn for_device(&self, device: &str) -> Self {
        let mut step = self.clone();
        if let Action::Decide { device_id: device_id @ None, .. } = &mut step.action
            && is_id(device)
        {
            *device_id = Some(device.to_owned());
            step.undo = step.undo.map(|undo| undo.replace(DEVICE_ID, device));
            if let Check::Approved { device_id, .. } = &mut step.check {
                *device_id = Some(device.to_owned());
            }
        }
        step
    }
}

/// How a plan ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ending {
    /// With an authenticated session that has the scopes asked for.
    Session,
    /// With the decision of a named person.
    Decision(Actor),
}

/// Ordered steps out of the state found. There always is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// How it ends.
    pub ending: Ending,
    /// Why the gateway must not be restarted now, if it must not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_now: Option<String>,
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(warning) = &self.restart_now {
            writeln!(f, "Do not restart the gateway now: {warning}")?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{}. {}", index + 1, step.text)?;
            if let Some(command) = step.command() {
                writeln!(f, "   $ {command}")?;
            }
            match &step.action {
                Action::Decide { request_id: Some(id), .. } => {
                    writeln!(f, "   {id}: if the list shows another one for this device by then, that one")?;
                }
                Action::Decide { decide, .. } => writeln!(
                    f,
                    "   $ {decide}\n   {REQUEST_ID}: the one that the list shows for this device then; it changes with every wish"
                )?,
                _ => {}
            }
            writeln!(f, "   see: {}", step.expect)?;
            if let Some(undo) = &step.undo {
                writeln!(f, "   undo: {undo}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(argument: &str) -> String {
        CommandLine { argv: vec![argument.to_owned()] }.to_string()
    }

    #[test]
    fn an_argument_is_quoted_for_a_shell_and_shows_all_of_itself() {
        for (argument, quoted) in [
            ("devices", "devices"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(reboot); `id`", "'$(reboot); `id`'"),
            ("it's", r#""it's""#),
            ("a\nb'c\\", r"$'a\U0000000ab\'c\\'"),
            ("\u{1b}]0;x\u{7}", r"$'\U0000001b]0;x\U00000007'"),
            ("gw\u{202e}", r"$'gw\U0000202e'"),
        ] {
            assert_eq!(shown(argument), quoted);
        }
    }

    #[test]
    fn a_name_like_an_option_is_none() {
        let topology = Topology::new(Engine::ComposeRun, "--privileged", "-v");
        assert!(topology.in_gateway(&["x"]).to_string().ends_with("exec -T -- --privileged openclaw x"));
        assert!(topology.in_client(&["x"]).to_string().ends_with("run --rm --no-deps -T -- -v openclaw x"));
        let start = topology.start_gateway().map(|start| start.to_string());
        assert_eq!(start.as_deref(), Some("docker compose up -d -- --privileged"));
    }
}
