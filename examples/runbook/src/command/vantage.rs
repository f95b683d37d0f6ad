//! Asks one question from several places at once, and says where the path to the gateway breaks.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use openclaw_probe::{ProbeReport, Rung, Target, Vantage, compare, tools};
use openclaw_runbook::child::{self, Ended, Heard};
use openclaw_runbook::interrupt::heed;
use openclaw_runbook::probing::{self, StartError};
use openclaw_runbook::{errln, outln, output};

use super::formats::Formats;

/// Where does the path to the gateway break?
///
/// Asks the same question inside the gateway's container, beside it on its network, and on this host. In containers it uses
/// what the image has, Node or wget: nothing is copied into them and no token is used.
///
/// Exit codes: 0 healthy from every place; 1 not, and the verdict says where it breaks; 2 wrong arguments; 78 a place
/// could not be asked.
#[derive(Args)]
pub(crate) struct Arguments {
    /// The gateway's container.
    #[arg(long, value_name = "CONTAINER")]
    inside: Option<String>,

    /// A container beside it, such as the CLI's.
    #[arg(long, value_name = "CONTAINER")]
    beside: Option<String>,

    /// Without a neighbour: ask from a container made for this on the gateway's network, of --image, and removed again.
    #[arg(long, value_name = "NETWORK", requires = "image", conflicts_with = "beside")]
    network: Option<String>,

    /// The image of that container; it must be here already.
    #[arg(long, value_name = "IMAGE", requires = "network")]
    image: Option<String>,

    /// The gateway as seen from inside its container.
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:18789")]
    inside_url: String,

    /// The gateway as seen from beside it.
    #[arg(long, value_name = "URL", default_value = "ws://openclaw-gateway:18789")]
    beside_url: String,

    /// The gateway as seen on this host.
    #[arg(long, value_name = "URL", default_value = "ws://127.0.0.1:18789")]
    host_url: String,

    /// The question: liveness, startup or readiness.
    #[arg(long, value_name = "RUNG", default_value = "liveness", value_parser = question)]
    ask: Rung,

    /// The program that runs containers.
    #[arg(long, value_name = "PROGRAM", default_value = "docker")]
    docker: PathBuf,

    #[command(flatten)]
    formats: Formats,
}

/// The longest that a container's answer is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

fn question(text: &str) -> Result<Rung, String> {
    match text.parse() {
        Ok(rung @ (Rung::Liveness | Rung::Startup | Rung::Readiness)) => Ok(rung),
        _ => Err("one of liveness, startup and readiness".to_owned()),
    }
}

pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let work = async { heed(ask(&arguments)).await.unwrap_or_else(|stopped| Ok(stopped.exit_code())) };
    probing::run("runbook vantage", work)
}

async fn ask(arguments: &Arguments) -> Result<ExitCode, StartError> {
    let inside = probing::target(1, &arguments.inside_url)?;
    let beside = probing::target(2, &arguments.beside_url)?;
    let host = probing::target(3, &arguments.host_url)?;
    let mut ladders = Vec::new();
    let mut unasked = false;
    for (vantage, place, target) in [
        (Vantage::Inside, arguments.inside.as_deref().map(exec), inside),
        (Vantage::Sibling, neighbour(arguments), beside),
    ] {
        let Some(place) = place else { continue };
        match ask_in(arguments, &place, &target).await {
            Ok(report) => ladders.push((vantage, report)),
            Err(why) => {
                errln!("runbook vantage: {target} could not be asked from a container: {why}");
                unasked = true;
            }
        }
    }
    let prober = probing::prober().build()?;
    ladders.push((Vantage::Host, prober.check(&host, arguments.ask).await));
    let comparison = compare(&ladders);
    if arguments.formats.is_json() {
        let shown = serde_json::json!({ "ladders": ladders, "comparison": comparison });
        output::print_json(&format!("{shown}\n"));
    } else {
        for (vantage, report) in &ladders {
            outln!("{}: {report}\n", vantage.words());
        }
        outln!("verdict  {}", comparison.verdict);
        for finding in &comparison.findings {
            outln!(
                "         {}\n  means  {}\n  next   {}",
                finding.code,
                finding.summary,
                finding.code.next_step()
            );
        }
    }
    Ok(ExitCode::from(match comparison.is_good {
        true if unasked => 78,
        true => 0,
        false => 1,
    }))
}

fn exec(container: &str) -> Vec<String> {
    ["exec", container].map(str::to_owned).into()
}

/// How a command is run beside the gateway.
fn neighbour(arguments: &Arguments) -> Option<Vec<String>> {
    match (&arguments.beside, &arguments.network, &arguments.image) {
        (Some(container), _, _) => Some(exec(container)),
        (None, Some(network), Some(image)) => {
            let run = ["run", "--rm", "--pull", "never", "--network", network, "--entrypoint", "", image];
            Some(run.map(str::to_owned).into())
        }
        _ => None,
    }
}

/// The report of a container: by Node, or by wget where there is no Node.
async fn ask_in(arguments: &Arguments, place: &[String], target: &Target) -> Result<ProbeReport, String> {
    let question = arguments.ask;
    let (exit, node) = docker(arguments, place, tools::node_command(target, question)).await?;
    if exit == 0 {
        // Masked while they are whole: a report keeps the beginning of long words.
        let line = output::json(&String::from_utf8_lossy(&node.stdout));
        return Ok(tools::read_node(target, question, &line));
    }
    if !is_program_missing(exit) {
        return Err(words(&node));
    }
    let (exit, wget) = docker(arguments, place, tools::wget_command(target, question)).await?;
    if is_program_missing(exit) {
        return Err("the image has neither node nor wget".to_owned());
    }
    let [body, head] = [&wget.stdout, &wget.stderr].map(|said| String::from_utf8_lossy(said));
    Ok(tools::read_wget(target, question, output::masked(&body).as_bytes(), &output::masked(&head), exit))
}

/// The exit code of a command in a container, and what it said.
async fn docker(
    arguments: &Arguments,
    place: &[String],
    command: Vec<String>,
) -> Result<(i32, Heard), String> {
    let program = arguments.docker.display();
    let mut docker = child::command(&arguments.docker);
    match child::hear(docker.args(place).args(command), PATIENCE).await {
        Ok(heard) => match heard.ended {
            Ended::Exited(status) => Ok((status.code().unwrap_or(1), heard)),
            ended => Err(format!("{program} {ended}")),
        },
        Err(error) => Err(format!("{program}: {error}")),
    }
}

/// Docker's own exit codes for a program that is not there or cannot be run.
fn is_program_missing(exit: i32) -> bool {
    matches!(exit, 126 | 127)
}

fn words(heard: &Heard) -> String {
    let text = String::from_utf8_lossy(&heard.stderr);
    text.trim().lines().next().unwrap_or("it said nothing").to_owned()
}
