//! Gateways that get in each other's way.

use crate::finding::{Code, PlaceRole};
use crate::openclaw::model::mounts;
use crate::openclaw::model::processes::Process;
use crate::openclaw::verdict::Verdicts;
use crate::openclaw::verdict::contention::{Contention, Over};
use crate::source::Span;

use super::Findings;
use super::remedies::{command, recreate};

/// Everything about gateways that contend for something.
pub(crate) fn findings(verdicts: &Verdicts<'_>, out: &mut Findings) {
    for Contention { first, second, over } in &verdicts.contentions {
        let gateways = (first.of(verdicts.gateways), second.of(verdicts.gateways));
        let (Some(first), Some(second)) = gateways else { continue };
        let (ours, theirs) = (first.name(), second.name());
        let state = |process: &Process<'_>| {
            let mount = mounts::mount_over(process.service, &process.state_dir);
            Some(mount.map_or(process.service.key_span, |mount| mount.span))
        };
        let (code, summary, places, text): (_, _, [Option<Span>; 2], _) = match over {
            Over::State => (
                Code::SharedStateDir,
                format!(
                    "{ours} and {theirs} keep their state in one directory: whichever starts later is refused, or each overwrites what the other keeps"
                ),
                [state(second.process), state(first.process)],
                format!(
                    "give {theirs} a state directory of its own: another mount, or OPENCLAW_STATE_DIR; openclaw.json may stay shared by OPENCLAW_CONFIG_PATH"
                ),
            ),
            Over::Port(port) => (
                Code::SharedPort,
                format!(
                    "{ours} and {theirs} listen on port {port} of one network namespace: whichever starts later finds it taken"
                ),
                [second.port.span.or(Some(second.process.service.key_span)), first.port.span],
                format!(
                    "give {theirs} a port of its own: gateway.port in an openclaw.json of its own, or --port"
                ),
            ),
            Over::HostPort(port, span) => (
                Code::SharedPort,
                format!(
                    "{ours} and {theirs} publish port {port} of the host: Docker starts whichever comes first"
                ),
                [Some(*span), None],
                format!("publish {theirs} at another port of the host"),
            ),
        };
        let [decided, related] = places;
        let mut finding = verdicts.finding(code, summary, decided).about(second.process.subject());
        let related = related.filter(|span| Some(*span) != decided);
        finding.places.extend(related.and_then(|span| verdicts.model.place(PlaceRole::Related, span)));
        finding.remedy = Some(command(text, recreate(&[theirs], verdicts)));
        out.push(finding);
    }
}

#[cfg(test)]
mod tests {
    use crate::finding::{Code, Subject};
    use crate::openclaw::{Report, Stack, examine};
    use crate::project::{self, Inputs, Texts};

    fn report(second: &str) -> Report {
        let compose = format!(
            "
services:
  a:
    image: openclaw:2026.9.6
    command: [openclaw, gateway]
    environment: {{ HOME: /home/node, OPENCLAW_GATEWAY_TOKEN: test-token-a }}
    volumes: [\"./home:/home/node\"]
    ports: [\"127.0.0.1:18789:18789\"]
  b:
    image: openclaw:2026.9.6
{second}
"
        );
        let files = Texts::new().file("/srv/compose.yaml", compose);
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        examine(&Stack::new(&resolution).files(&files))
    }

    #[test]
    fn two_gateways_on_one_directory_or_port_are_named_with_what_they_contend_for() {
        let own = "    environment: { HOME: /home/node, OPENCLAW_GATEWAY_TOKEN: test-token-b }\n";
        let gateway = "    command: [openclaw, gateway]\n";
        let home = "    volumes: [\"./home:/home/node\"]\n";
        let elsewhere = "    volumes: [\"./other:/home/node\"]\n";
        for (lines, codes) in [
            (vec![gateway, own, home], vec![Code::SharedStateDir]),
            (vec![gateway, own, elsewhere], vec![]),
            // Its profile keeps its state beside that of the other.
            (vec!["    command: [openclaw, --profile, rescue, gateway]\n", own, home], vec![]),
            (vec![gateway, own, elsewhere, "    network_mode: service:a\n"], vec![Code::SharedPort]),
            (vec![gateway, own, elsewhere, "    ports: [\"18789:18789\"]\n"], vec![Code::SharedPort]),
            (vec![gateway, own, elsewhere, "    ports: [\"127.0.0.1:18790:18789\"]\n"], vec![]),
        ] {
            let report = report(&lines.concat());
            let contend = [Code::SharedStateDir, Code::SharedPort];
            let found: Vec<_> =
                report.findings.iter().filter(|finding| contend.contains(&finding.code)).collect();
            assert_eq!(found.iter().map(|finding| finding.code).collect::<Vec<_>>(), codes, "{lines:?}");
            assert!(found.iter().all(|finding| finding.subject == Subject::Service("b".to_owned())));
            let rivals = report.gateway("b").map(|gateway| gateway.rivals.len());
            assert_eq!(rivals, Some(codes.len()), "{lines:?}");
        }
    }
}
