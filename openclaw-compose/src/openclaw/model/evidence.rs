//! What a job of the host keeps, found in the folder of its evidence: its state and the files of variables that it names. What
//! lies on the disk of whoever reads this is another host's, and is never looked at.

use std::collections::BTreeMap;

use secrecy::ExposeSecret as _;

use crate::openclaw::rules;
use crate::project::{ReadError, Unread};
use crate::source::{FileId, Text};

use super::config;
use super::files::{Found, Reader};
use super::jobs::{Definition, Job, Set, expanded, home, inner_home, last_part, state_dir};

/// Reads the definitions of a host. What is not one is left out, and noted where it cannot be read; `folder` is where the evidence lies.
pub(crate) fn read(definitions: &[Definition], folder: &str, reader: &mut Reader<'_>) -> Vec<Job> {
    let mut jobs: Vec<Job> =
        definitions.iter().filter_map(|definition| job(definition, folder, reader)).collect();
    jobs.retain(Job::is_of_openclaw);
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for job in &mut jobs {
        let state = state_dir(job);
        let place = match places.get(&state) {
            Some(place) => Some(place.clone()),
            None => captured_state(&state, places.is_empty(), folder, reader),
        };
        if let Some(place) = place {
            places.insert(state.clone(), place.clone());
            job.state = Some((state, place));
        }
    }
    jobs
}

fn job(definition: &Definition, folder: &str, reader: &mut Reader<'_>) -> Option<Job> {
    let file = reader.enter(definition.format(), &definition.name, definition.text.expose_secret());
    let mut job = match definition.job(file) {
        Ok(job) => job,
        Err(error) => {
            let error = ReadError::Other(error.to_string());
            reader.unread.push(Unread { file: definition.name.clone(), error });
            return None;
        }
    };
    job.home = home(&job);
    let state = state_dir(&job);
    for at in 0..job.env_files.len() {
        let Some(env_file) = job.env_files.get(at) else { continue };
        let path = expanded(&env_file.path, &job);
        let found = captured(&path, &state, folder, reader);
        if let Some((name, file, text)) = found {
            // What a file sets counts before what the definition sets.
            for variable in config::state_dotenv(file, text.expose()) {
                let set = Set { value: variable.value, span: variable.span };
                job.environment.insert(variable.name, set);
            }
            job.env_files[at].given = Some(name);
        }
        job.env_files[at].path = path;
    }
    job.home = home(&job);
    let (home, span) = (inner_home(&job), job.span);
    job.environment.entry("HOME".to_owned()).or_insert(Set { value: Text::from(home), span });
    // A program of the time under another name reads its own variable, and has its own default.
    if job.former_name().is_some() {
        let state = state_dir(&job);
        let set = Set { value: Text::from(state), span };
        job.environment.entry("OPENCLAW_STATE_DIR".to_owned()).or_insert(set);
    }
    job.release =
        job.set("OPENCLAW_SERVICE_VERSION").and_then(|version| version.parse().ok()).or(job.release);
    Some(job)
}

/// The directory of the evidence that holds a state: one of its own name, or `state` for the first.
fn captured_state(state: &str, is_first: bool, folder: &str, reader: &mut Reader<'_>) -> Option<String> {
    let name = last_part(state);
    let bare = name.trim_start_matches('.');
    let own = [format!("{folder}{state}"), format!("{folder}/{name}"), format!("{folder}/{bare}")];
    let own =
        own.into_iter().chain(bare.strip_prefix("openclaw").map(|rest| format!("{folder}/state{rest}")));
    let holds = |place: &String| {
        matches!(
            reader.on_host(&format!("{place}/{}", rules::CONFIG_NAME), folder),
            Found::Text(..) | Found::Unreadable
        )
    };
    own.filter(|place| is_first || *place != format!("{folder}/state"))
        .find(holds)
        .or_else(|| is_first.then(|| format!("{folder}/state")))
}

/// A file of the job's host in the folder of the evidence. What lies on the disk of whoever reads this is another host's.
fn captured(
    path: &str,
    state: &str,
    folder: &str,
    reader: &mut Reader<'_>,
) -> Option<(String, FileId, Text)> {
    let name = last_part(path);
    let in_state = path.strip_prefix(state).and_then(|rest| rest.strip_prefix('/'));
    let places = in_state.map(|rest| format!("state/{rest}")).into_iter().chain([
        path.trim_start_matches('/').to_owned(),
        format!("captured/launchd/{name}"),
        format!("captured/systemd/{name}"),
        format!("captured/{name}"),
    ]);
    for place in places {
        if let Found::Text(file, text) = reader.on_host(&format!("{folder}/{place}"), folder) {
            return Some((place, file, text));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Code;
    use crate::openclaw::Manager;
    use crate::openclaw::{Report, Stack, examine};
    use crate::project::{self, Inputs, Texts};

    const CONFIG: &str =
        "{ gateway: { mode: 'local', auth: { mode: 'token', token: '${OPENCLAW_GATEWAY_TOKEN}' } } }";

    fn unit(path: &str, settings: &str) -> String {
        format!("# {path}\n[Service]\nExecStart=/usr/bin/openclaw gateway --port 18789\n{settings}")
    }

    fn report(files: &Texts, units: &[(&str, String)]) -> Report {
        let resolution = project::resolve(&Inputs::new("/ev"), files);
        let mut stack = Stack::new(&resolution).files(files);
        for (name, text) in units {
            stack = stack.definition(Definition { name: (*name).to_owned(), text: text.as_str().into() });
        }
        examine(&stack)
    }

    fn reds(report: &Report) -> Vec<(&str, Code)> {
        let red = |client: &crate::openclaw::ClientView| client.first_red()?.code;
        report.clients.iter().filter_map(|client| Some((client.name.as_str(), red(client)?))).collect()
    }

    const USER: &str = "/home/ann/.config/systemd/user/openclaw-gateway.service";

    #[test]
    fn a_file_that_was_not_given_may_hold_the_variable() {
        let files = Texts::new().file("/ev/state/openclaw.json", CONFIG);
        let given = unit(USER, "EnvironmentFile=-%h/.openclaw/gateway.env\n");
        let units = [("captured/systemd/openclaw-gateway.service", given)];
        let found = report(&files, &units);
        assert_eq!(reds(&found), [("host", Code::ClientWithoutToken)], "{:?}", found.findings);

        // In it, the service has the token. Without the line, nobody has.
        let files = files.file("/ev/state/gateway.env", "export OPENCLAW_GATEWAY_TOKEN='canary-1'\n");
        let found = report(&files, &units);
        assert_eq!(found.gateways[0].token_class.as_deref(), Some("A"));
        assert_eq!(found.gateways[0].manager, Some(Manager::UserUnit));
        let lost = [("captured/systemd/openclaw-gateway.service", unit(USER, ""))];
        assert_eq!(report(&files, &lost).of_code(Code::ConfigPlaceholderUnfilled).count(), 1);
    }

    #[test]
    fn of_two_units_on_one_port_either_may_lose() {
        let files = Texts::new().file("/ev/state/openclaw.json", CONFIG);
        let settings = "User=ann\nEnvironment=\"OPENCLAW_GATEWAY_TOKEN=canary-1\"\n";
        let units = [
            ("captured/systemd/box.service", unit("/etc/systemd/system/box.service", settings)),
            ("captured/systemd/openclaw-gateway.service", unit(USER, "")),
        ];
        let found = report(&files, &units);
        let two: Vec<_> = found.of_code(Code::TwoSupervisors).collect();
        assert_eq!(two.len(), 2, "{:?}", found.findings);
        let commands: std::collections::BTreeSet<_> =
            two.iter().filter_map(|finding| finding.remedy.as_ref()?.command.as_deref()).collect();
        assert_eq!(Vec::from_iter(commands), ["sudo systemctl disable --now box.service"]);
    }
}
