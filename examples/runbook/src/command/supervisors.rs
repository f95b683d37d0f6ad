//! What is wrong with the service definition that keeps a gateway running.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use openclaw_probe::supervisors::{launchd, loaded, stop_budget, systemd};
use openclaw_probe::{Finding, Severity};
use openclaw_runbook::{errln, outln, output, reading};

use super::formats::Formats;

/// Check launchd property lists and systemd units that run a gateway.
///
/// Exit status: 0 nothing is wrong; 1 something is; 2 wrong arguments; 78 a file cannot be read.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Definitions: FILE.plist or FILE.service; or what `launchctl print` showed of a loaded job: LABEL.print.txt.
    #[arg(required = true)]
    files: Vec<PathBuf>,

    /// Nobody logs in on this host.
    #[arg(long)]
    headless: bool,

    /// User units run without a login: lingering is on.
    #[arg(long)]
    lingers: bool,

    /// The gateway's release; the newest one's stop time is asked for where it is not known.
    #[arg(long, value_name = "RELEASE")]
    release: Option<String>,

    #[command(flatten)]
    formats: Formats,
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
    if arguments.formats.is_json() {
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
    // What was captured names paths of its own host.
    let is_captured = lies_in("captured");
    let exists = |program: &str| is_captured || Path::new(program).exists();
    let stop = stop_budget(arguments.release.as_deref());
    if name.ends_with(".print.txt") {
        let text = reading::text(file).map_err(|error| error.to_string())?;
        output::hide_in([text.as_str()]);
        return Ok(loaded::verify(&name, &text, arguments.headless, stop));
    }
    match file.extension().and_then(|extension| extension.to_str()) {
        Some("plist") => {
            let bytes = reading::bytes(file).map_err(|error| error.to_string())?;
            output::hide_in([&*String::from_utf8_lossy(&bytes)]);
            let domain = if lies_in("LaunchDaemons") || lies_in("daemons") {
                launchd::Domain::Daemon
            } else if lies_in("LaunchAgents") || lies_in("agents") {
                launchd::Domain::Agent
            } else {
                launchd::Domain::told_by(&bytes)
            };
            Ok(launchd::verify(&name, &bytes, domain, arguments.headless, &exists, stop))
        }
        Some("service") => {
            let text = reading::text(file).map_err(|error| error.to_string())?;
            output::hide_in([text.as_str()]);
            let user = systemd::Manager::User { lingers: arguments.lingers || !arguments.headless };
            // `systemctl cat` says first where the unit lies.
            let is_users = lies_in("user")
                || text
                    .lines()
                    .find_map(|line| line.strip_prefix("# /"))
                    .is_some_and(|path| path.contains("/user/"));
            let manager = if is_users { user } else { systemd::Manager::System };
            Ok(systemd::verify(&name, &text, manager, &exists, stop))
        }
        Some("yaml" | "yml") => Err("a Compose file; `runbook` judges its project as a whole".to_owned()),
        _ => Err("neither .plist, .service nor .print.txt".to_owned()),
    }
}
