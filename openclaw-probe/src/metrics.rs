//! Reports in the Prometheus text format, named as `blackbox_exporter` names them where it has a name.

use std::fmt::Write;

use crate::report::{Outcome, ProbeReport};

/// The metrics of one report, as the body of an answer to `/probe`.
///
/// `probe_success` and `probe_duration_seconds` are `blackbox_exporter`'s; the others say which rung holds, how long it
/// took, and the code of each fault. Nothing secret is in them.
#[must_use]
pub fn exposition(report: &ProbeReport) -> String {
    let mut text = String::with_capacity(2048);
    let mut gauge = |name: &str, help: &str, rows: &mut dyn FnMut(&mut String)| {
        // Writing to a String cannot fail.
        let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n");
        rows(&mut text);
    };
    gauge("probe_success", "Whether everything that was asked for holds.", &mut |text| {
        let _ = writeln!(text, "probe_success {}", u8::from(report.is_good()));
    });
    if let Some(took) = report.took {
        gauge("probe_duration_seconds", "How long the whole probe took.", &mut |text| {
            let _ = writeln!(text, "probe_duration_seconds {}", took.as_secs_f64());
        });
    }
    gauge(
        "openclaw_probe_rung_passed",
        "1 where the rung holds, 0 where it failed; absent where it was not tried.",
        &mut |text| {
            for result in &report.rungs {
                let value = match result.outcome {
                    Outcome::Passed => 1,
                    Outcome::Failed(_) => 0,
                    Outcome::Skipped { .. } => continue,
                };
                let _ =
                    writeln!(text, "openclaw_probe_rung_passed{{rung=\"{}\"}} {value}", result.rung.name());
            }
        },
    );
    gauge("openclaw_probe_rung_duration_seconds", "How long the rung took.", &mut |text| {
        for (rung, took) in report.rungs.iter().filter_map(|result| Some((result.rung, result.took?))) {
            let (name, took) = (rung.name(), took.as_secs_f64());
            let _ = writeln!(text, "openclaw_probe_rung_duration_seconds{{rung=\"{name}\"}} {took}");
        }
    });
    if report.codes().next().is_some() {
        gauge("openclaw_probe_fault", "1 for each fault, by its code, at its rung.", &mut |text| {
            for (rung, code) in report.codes() {
                let (id, name, rung) = (code.id(), code.name(), rung.name());
                let _ =
                    writeln!(text, "openclaw_probe_fault{{code=\"{id}\",name=\"{name}\",rung=\"{rung}\"}} 1");
            }
        });
    }
    if let Some(version) = &report.facts.version {
        gauge("openclaw_gateway_info", "What the gateway says it is.", &mut |text| {
            let _ = writeln!(text, "openclaw_gateway_info{{version=\"{}\"}} 1", label(version));
        });
    }
    if let Some(clock) = report.facts.clock {
        gauge("openclaw_clock_ahead_seconds", "The gateway's clock minus the prober's.", &mut |text| {
            let _ = writeln!(text, "openclaw_clock_ahead_seconds {}", seconds(clock.ahead_ms));
        });
        gauge("openclaw_clock_error_seconds", "The bound of openclaw_clock_ahead_seconds.", &mut |text| {
            let _ = writeln!(text, "openclaw_clock_error_seconds {}", seconds(clock.error_ms));
        });
    }
    text
}

/// Milliseconds as decimal seconds, without a detour over floating point.
fn seconds(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let milliseconds = milliseconds.unsigned_abs();
    format!("{sign}{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// A label value: the gateway's text is foreign.
fn label(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::Code;
    use crate::report::{Because, Fault, RungResult};
    use crate::rung::Rung;
    use std::time::Duration;

    #[test]
    fn a_report_reads_as_prometheus_expects() {
        let target = "127.0.0.1".parse().expect("a target");
        let mut report = ProbeReport::new(&target, Rung::Liveness);
        let took = Some(Duration::from_millis(2));
        for (rung, outcome, took) in [
            (Rung::Resolve, Outcome::Passed, took),
            (Rung::Tcp, Outcome::Failed(Fault::new(Code::ConnectionRefused, "refused")), took),
            (Rung::Liveness, Outcome::Skipped { because: Because::LowerRungFailed }, None),
            (Rung::Hello, Outcome::Skipped { because: Because::AttemptsSpent }, None),
        ] {
            report.rungs.push(RungResult { rung, outcome, took, evidence: Vec::new() });
        }
        report.took = Some(Duration::from_millis(5));
        report.facts.token_equal = Some(false);
        report.facts.version = Some("2026\"9\\6".into());
        expect_test::expect![[r#"
            # HELP probe_success Whether everything that was asked for holds.
            # TYPE probe_success gauge
            probe_success 0
            # HELP probe_duration_seconds How long the whole probe took.
            # TYPE probe_duration_seconds gauge
            probe_duration_seconds 0.005
            # HELP openclaw_probe_rung_passed 1 where the rung holds, 0 where it failed; absent where it was not tried.
            # TYPE openclaw_probe_rung_passed gauge
            openclaw_probe_rung_passed{rung="resolve"} 1
            openclaw_probe_rung_passed{rung="tcp"} 0
            # HELP openclaw_probe_rung_duration_seconds How long the rung took.
            # TYPE openclaw_probe_rung_duration_seconds gauge
            openclaw_probe_rung_duration_seconds{rung="resolve"} 0.002
            openclaw_probe_rung_duration_seconds{rung="tcp"} 0.002
            # HELP openclaw_probe_fault 1 for each fault, by its code, at its rung.
            # TYPE openclaw_probe_fault gauge
            openclaw_probe_fault{code="OC-H110",name="connection-refused",rung="tcp"} 1
            openclaw_probe_fault{code="OC-H614",name="attempts-spent",rung="hello"} 1
            openclaw_probe_fault{code="OC-H615",name="token-unequal",rung="startup"} 1
            # HELP openclaw_gateway_info What the gateway says it is.
            # TYPE openclaw_gateway_info gauge
            openclaw_gateway_info{version="2026\"9\\6"} 1
        "#]]
        .assert_eq(&exposition(&report));
        assert_eq!(seconds(-1_234), "-1.234");
        assert_eq!(label("a\"\n\\"), "a\\\"\\n\\\\");
    }
}
