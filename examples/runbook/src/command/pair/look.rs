//! What is known: the files that the caller gave, and both lists as they are now.

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use openclaw_pairing::client::{Client, Outcome};
use openclaw_pairing::execution::Answer;
use openclaw_pairing::identity::DeviceKey;
use openclaw_pairing::offline::Store;
use openclaw_pairing::plan::{CommandLine, Topology};
use openclaw_pairing::secrecy::SecretString;
use openclaw_pairing::version::Version;
use openclaw_pairing::{
    DeviceList, DeviceListError, DeviceSigner as _, Evidence, Policy, Scope, ScopeSet, Timeline, Vantage,
};
use openclaw_runbook::errors::with_sources;
use openclaw_runbook::output;
use openclaw_runbook::reading;

use super::Arguments;
use super::command::Runner;

const LIST: [&str; 3] = ["devices", "list", "--json"];
/// Asks for `operator.read` where listing asks for `operator.pairing`.
const PRESENCE: [&str; 3] = ["system", "presence", "--json"];

/// Evidence, and the commands that were run for it.
pub(super) struct Look {
    pub(super) evidence: Evidence,
    /// How dialling the gateway from here ended.
    pub(super) dialled: Option<String>,
    pub(super) ran: Vec<(CommandLine, Answer)>,
    /// OpenClaw's own command was answered where the client runs.
    pub(super) is_answered: bool,
}

/// Reads the caller's files; without any that says what the gateway or the client see, asks both now.
pub(super) async fn first(arguments: &Arguments, runner: &mut Runner) -> Result<Look, String> {
    let mut look = Look::new(arguments);
    for file in &arguments.gateway_log {
        let (text, before) = reading::end(file).map_err(|error| unreadable(file, &error))?;
        output::hide_in([text.as_str()]);
        let log = Timeline::parse(Vantage::Gateway, file.display().to_string(), &text).after(before);
        look.add(|evidence| evidence.timeline(log));
    }
    let given =
        [(Vantage::Client, &arguments.client_output), (Vantage::Dashboard, &arguments.dashboard_output)];
    for (vantage, files) in given {
        for file in files {
            let text = read(file)?;
            look.text(vantage, &file.display().to_string(), &text);
        }
    }
    if let Some(file) = &arguments.gateway_list {
        let (name, text) = (file.display().to_string(), read(file)?);
        let list = DeviceList::from_json(&text).map_err(|error| not_a_list(&name, &text, &error))?;
        look.add(|evidence| evidence.devices(Vantage::Gateway, name, list));
    } else if let Some(directory) = &arguments.state {
        let store = Store::read(directory).map_err(|error| with_sources(&error))?;
        let name = store.path.display().to_string();
        look.add(|evidence| evidence.devices(Vantage::Gateway, name, store.devices));
    } else if arguments.dial.is_some()
        || arguments.gateway_log.is_empty() && arguments.client_output.is_empty()
    {
        look.ask(arguments, runner).await?;
    }
    Ok(look)
}

/// Asks both again, forgetting what was seen before but for what the gateway answered to a decision.
pub(super) async fn again(
    arguments: &Arguments,
    runner: &mut Runner,
    refused: Option<Answer>,
) -> Result<Look, String> {
    let mut look = Look::new(arguments);
    look.ask(arguments, runner).await?;
    if let Some(answer) = refused {
        look.text(Vantage::Gateway, "devices approve in the gateway", &answer.text());
    }
    Ok(look)
}

/// Why a text is not a list, with what of it is known. Its other words are not repeated.
fn not_a_list(name: &str, text: &str, error: &DeviceListError) -> String {
    let marks = Timeline::parse(Vantage::Gateway, name, text).marks;
    let known: String = marks.iter().map(|mark| format!(": {}", mark.words)).collect();
    format!("{name}: {error}{known}")
}

impl Look {
    fn new(arguments: &Arguments) -> Self {
        let mut evidence = Evidence::new(arguments.topology());
        if let Some(version) = &arguments.openclaw {
            evidence = evidence.version(version);
        }
        if let Some(device) = &arguments.device {
            evidence = evidence.own_device(device);
        }
        if !arguments.scopes.is_empty() {
            evidence = evidence.wanted(ScopeSet::from_names(arguments.scopes.iter().map(String::as_str)));
        }
        if let Ok(now) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
            evidence = evidence.now_ms(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        }
        Self { evidence, dialled: None, ran: Vec::new(), is_answered: false }
    }

    fn add(&mut self, with: impl FnOnce(Evidence) -> Evidence) {
        self.evidence = with(std::mem::take(&mut self.evidence));
    }

    /// A list if it is one, else whatever the CLI or the page said.
    fn text(&mut self, vantage: Vantage, name: &str, text: &str) {
        match DeviceList::from_json(text) {
            Ok(list) => self.add(|evidence| evidence.devices(vantage, name, list)),
            Err(_) => self.add(|evidence| evidence.cli_output(vantage, name, text)),
        }
    }

    /// The client first: if it is refused, the request that it makes is already in the gateway's list.
    async fn ask(&mut self, arguments: &Arguments, runner: &mut Runner) -> Result<(), String> {
        let topology = arguments.topology();
        match &arguments.dial {
            Some(url) => self.dial(url, arguments).await?,
            None => self.ask_client(&topology, arguments, runner).await,
        }
        let command = topology.in_gateway(&LIST);
        let gateway = runner.run(&command).await;
        self.answered(Vantage::Gateway, "devices list in the gateway", command, gateway);
        Ok(())
    }

    /// Asks by OpenClaw's own command where the client runs.
    async fn ask_client(&mut self, topology: &Topology, arguments: &Arguments, runner: &mut Runner) {
        let wanted = ScopeSet::from_names(arguments.scopes.iter().map(String::as_str));
        // Looking must not make the client ask for more than it needs.
        let lists = wanted.is_empty() || wanted.allows(Scope::Pairing);
        let (name, command) = if lists { ("devices list", LIST) } else { ("system presence", PRESENCE) };
        let command = topology.in_client(&command);
        let client = runner.run(&command).await;
        self.is_answered = client.status == 0;
        self.answered(Vantage::Client, &format!("{name} in the client"), command, client);
    }

    /// Dials the gateway as the client would, once.
    async fn dial(&mut self, url: &str, arguments: &Arguments) -> Result<(), String> {
        let wanted = ScopeSet::from_names(arguments.scopes.iter().map(String::as_str));
        let scopes = if wanted.is_empty() { ScopeSet::from([Scope::Pairing]) } else { wanted };
        let mut client =
            Client::new(url).map_err(|error| with_sources(&error))?.policy(Policy::once()).scopes(scopes);
        client = client.gateway_release(arguments.openclaw.as_deref().and_then(Version::parse));
        if let Some(file) = &arguments.token_file {
            let token = SecretString::from(read(file)?.trim_end());
            output::hide([token.clone()]);
            client = client.shared_token(token);
        }
        if let Some(file) = &arguments.identity {
            let key = DeviceKey::from_identity_file(&SecretString::from(read(file)?))
                .map_err(|error| format!("{}: {}", file.display(), with_sources(&error)))?;
            self.add(|evidence| evidence.own_device(key.device_id()));
            client = client.signer(Arc::new(key));
        }
        match client.connect().await.map_err(|error| with_sources(&error))? {
            Outcome::Session(session) => {
                self.dialled = Some(format!("session with {}", session.hello().scopes));
                self.add(|evidence| evidence.session(Vantage::Client, &session));
                session.close().await;
            }
            Outcome::Stopped(stopped) => {
                self.dialled = Some(stopped.to_string());
                self.add(|evidence| evidence.stopped(Vantage::Client, &stopped));
            }
            _ => {}
        }
        Ok(())
    }

    /// Commands that failed for a reason that is not evidence: a person has to see those. The words of others are not
    /// repeated, since they may hold anything.
    pub(super) fn troubles(&self) -> impl Iterator<Item = String> {
        self.ran.iter().filter_map(|(command, answer)| match answer.status {
            0 => None,
            _ if !answer.is_its_own() => Some(format!("$ {command}\n    {}", answer.stderr.trim())),
            status if answer.is_mute() => Some(format!(
                "$ {command}\n    exit {status}, for a reason that is not known here: run it by hand"
            )),
            _ => None,
        })
    }

    fn answered(&mut self, vantage: Vantage, name: &str, command: CommandLine, answer: Answer) {
        let text = if answer.status == 0 { answer.stdout.clone() } else { answer.text() };
        self.text(vantage, name, &text);
        self.ran.push((command, answer));
    }
}

fn read(file: &Path) -> Result<String, String> {
    let text = reading::text(file).map_err(|error| unreadable(file, &error))?;
    output::hide_in([text.as_str()]);
    Ok(text)
}

fn unreadable(file: &Path, error: &reading::ReadError) -> String {
    format!("reading {}: {error}", file.display())
}
