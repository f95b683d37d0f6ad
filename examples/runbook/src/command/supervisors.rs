//! What is wrong with the service definition that keeps a gateway running.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use openclaw_compose::fs::Disk;
use openclaw_compose::project::{self, Format, Reveal};
use openclaw_probe::supervisors::{compose, launchd, systemd};
use openclaw_probe::{Finding, Severity};
use openclaw_runbook::project::ProjectFlags;
use openclaw_runbook::{errln, outln, output, reading};
use serde::Deserialize;

/// Check launchd property lists, systemd units and Compose files that run a gateway.
///
/// Exit status: 0 nothing is wrong; 1 something is; 2 wrong arguments; 78 a file cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Definitions: FILE.plist, FILE.service, or a Compose file.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Nobody logs in on this host.
    #[arg(long)]
    headless: bool,

    /// User units run without a login: lingering is on.
    #[arg(long)]
    lingers: bool,

    /// The gateway's service in a Compose file.
    #[arg(long, value_name = "NAME", default_value = "openclaw-gateway")]
    service: String,

    /// Print the findings as JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let mut findings = Vec::new();
    for file in &arguments.files {
        match check(&arguments, file) {
            Ok(found) => findings.extend(found),
            Err(error) => {
                errln!("runbook supervisors: {}: {error}", file.display());
                return ExitCode::from(78);
            }
        }
    }
    if arguments.json {
        output::print_json(&format!("{}\n", serde_json::json!(findings)));
    } else {
        findings.iter().for_each(print);
    }
    ExitCode::from(u8::from(findings.iter().any(|finding| finding.severity > Severity::Info)))
}

fn print(finding: &Finding) {
    let severity = format!("{:?}", finding.severity).to_lowercase();
    outln!("{severity:<8} {}  {}", finding.code, finding.evidence.join("; "));
    for place in &finding.places {
        outln!("         at    {}:{}:{}", place.file, place.line, place.column);
    }
    outln!("         means {}\n         next  {}", finding.summary, finding.code.next_step());
}

/// What is wrong with one file. Its name says what it is, its folder who runs it.
fn check(arguments: &Arguments, file: &Path) -> Result<Vec<Finding>, String> {
    let name = file.display().to_string();
    let lies_in = |folder: &str| file.components().any(|part| part.as_os_str() == folder);
    let exists = |program: &str| Path::new(program).exists();
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("plist") => {
            let bytes = reading::bytes(file).map_err(|error| error.to_string())?;
            output::hide_in([&*String::from_utf8_lossy(&bytes)]);
            let domain =
                if lies_in("LaunchDaemons") { launchd::Domain::Daemon } else { launchd::Domain::Agent };
            Ok(launchd::verify(&name, &bytes, domain, arguments.headless, &exists))
        }
        Some("service") => {
            let text = reading::text(file).map_err(|error| error.to_string())?;
            output::hide_in([text.as_str()]);
            let user = systemd::Manager::User { lingers: arguments.lingers || !arguments.headless };
            let manager = if lies_in("user") { user } else { systemd::Manager::System };
            Ok(systemd::verify(&name, &text, manager, &exists))
        }
        Some("yaml" | "yml") => {
            let service = read_service(arguments, name)?;
            Ok(compose::verify(&arguments.service, &service))
        }
        _ => Err("neither .plist, .service nor a Compose file".to_owned()),
    }
}

/// The gateway's service, as Compose reads the file.
fn read_service(arguments: &Arguments, file: String) -> Result<compose::Service, String> {
    #[derive(Deserialize)]
    struct Project {
        services: std::collections::BTreeMap<String, Service>,
    }
    #[derive(Deserialize)]
    struct Service {
        #[serde(default)]
        healthcheck: Check,
        stop_grace_period: Option<String>,
    }
    #[derive(Default, Deserialize)]
    struct Check {
        #[serde(default)]
        test: Vec<String>,
        #[serde(default)]
        disable: bool,
        start_period: Option<String>,
        interval: Option<String>,
        retries: Option<u32>,
    }
    let flags = ProjectFlags { files: vec![file], ..ProjectFlags::default() };
    let resolution =
        project::resolve(&flags.inputs().map_err(|error| error.to_string())?, &Disk::following());
    output::hide(resolution.secrets().iter());
    if resolution.compose_would_refuse().is_some() {
        return Err("Compose refuses the project; `runbook config` says why".to_owned());
    }
    let text = resolution.config(Format::Json, Reveal::Masked);
    let mut project: Project = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let service = project
        .services
        .remove(&arguments.service)
        .ok_or_else(|| format!("it has no service {:?}; --service names the gateway's", arguments.service))?;
    let check = service.healthcheck;
    let time = |text: Option<String>| text.as_deref().and_then(duration);
    Ok(compose::Service {
        test: if check.disable { vec!["NONE".to_owned()] } else { check.test },
        start_period: time(check.start_period),
        interval: time(check.interval),
        retries: check.retries,
        stop_grace_period: time(service.stop_grace_period),
    })
}

/// A time as Compose prints it: `1m30s`.
fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(&str, f64); 6] =
        [("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9), ("h", 3600.0), ("m", 60.0), ("s", 1.0)];
    let (mut rest, mut seconds) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(end);
        let (unit, factor) = UNITS.iter().find(|(unit, _)| after.starts_with(unit))?;
        seconds += number.parse::<f64>().ok()? * factor;
        rest = after.get(unit.len()..)?;
    }
    Duration::try_from_secs_f64(seconds).ok()
}
