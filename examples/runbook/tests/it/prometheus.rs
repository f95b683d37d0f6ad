//! A real Prometheus scrapes a handful of embedded gateways through `runbook export`, with the shipped configuration, from
//! start to death.

#![expect(clippy::disallowed_methods, reason = "the test writes a configuration and starts programs")]

use crate::support::RUNBOOK;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use openclaw_embedded_gateway::{Gateway, Phase};
use openclaw_probe::secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const TOKEN: &str = "test-token-of-the-fleet";
const GATEWAYS: usize = 5;

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("prometheus").join(name)
}

fn promtool(arguments: &[&str]) {
    let output =
        Command::new("promtool").args(arguments).current_dir(shipped("")).output().expect("promtool");
    let words = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{words}");
}

#[test]
#[ignore = "needs Debian's package prometheus; .ci/run runs it by name"]
fn promtool_accepts_what_is_shipped() {
    promtool(&["check", "config", "prometheus.yml"]);
    promtool(&["test", "rules", "alerts_test.yml"]);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Debian's package prometheus; .ci/run runs it by name"]
async fn a_real_prometheus_follows_gateways_from_start_to_death() {
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    let mut gateways = Vec::new();
    for _ in 0..GATEWAYS {
        let token = SecretString::from(TOKEN);
        gateways
            .push(Gateway::builder().token(token).phase(Phase::Starting).start().await.expect("a gateway"));
    }
    let targets: Vec<String> = gateways.iter().map(|gateway| gateway.addr().to_string()).collect();
    std::fs::write(at("targets.json"), serde_json::json!([{ "targets": targets }]).to_string())
        .expect("written");
    std::fs::write(at("token"), TOKEN).expect("written");

    let mut exporter = Command::new(RUNBOOK)
        .arg("export")
        .args(["--listen", "127.0.0.1:0", "--targets"])
        .args([at("targets.json").as_os_str(), "--token-file".as_ref(), at("token").as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the exporter starts");
    let mut line = String::new();
    BufReader::new(exporter.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let _exporter = Running(exporter);
    let exporter = line.trim().rsplit_once("http://").expect("an address").1.to_owned();

    // The shipped files, faster and with the exporter of this test.
    let config = std::fs::read_to_string(shipped("prometheus.yml")).expect("shipped");
    let config = config
        .replace("127.0.0.1:9189", &exporter)
        .replace("scrape_interval: 60s\n    scrape_timeout: 30s", "scrape_interval: 1s")
        .replace("_interval: 15s", "_interval: 1s");
    std::fs::write(at("prometheus.yml"), config).expect("written");
    let alerts = std::fs::read_to_string(shipped("alerts.yml")).expect("shipped");
    std::fs::write(at("alerts.yml"), alerts.replace("for: 1m", "for: 2s")).expect("written");
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    let prometheus = Command::new("prometheus")
        .arg(format!("--config.file={}", at("prometheus.yml").display()))
        .arg(format!("--storage.tsdb.path={}", at("data").display()))
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .stderr(Stdio::null())
        .spawn()
        .expect("prometheus");
    let _prometheus = Running(prometheus);

    let all = GATEWAYS.to_string();
    reaches(port, r#"count(openclaw_probe_fault{job="openclaw",code="OC-H400",rung="startup"})"#, &all).await;
    for gateway in &gateways {
        gateway.set_phase(Phase::Ready);
    }
    reaches(port, r#"sum(probe_success{job="openclaw"})"#, &all).await;
    reaches(port, r#"sum(openclaw_probe_rung_passed{job="openclaw-session",rung="hello"})"#, &all).await;
    reaches(port, r#"count(ALERTS{alertstate="firing"}) or vector(0)"#, "0").await;
    gateways[0].drain();
    reaches(port, r#"count(openclaw_probe_fault{job="openclaw",code="OC-H401"})"#, "1").await;
    gateways.remove(1).kill().await;
    reaches(port, r#"count(openclaw_probe_fault{job="openclaw",code="OC-H110",rung="tcp"})"#, "1").await;
    reaches(
        port,
        r#"count(ALERTS{alertname="OpenClawGatewayDown",alertstate="firing",job="openclaw"})"#,
        "1",
    )
    .await;
    gateways[1].change_token(SecretString::from("test-token-of-somebody-else"));
    reaches(port, r#"count(ALERTS{alertname="OpenClawTokenRefused",alertstate="firing"})"#, "1").await;
    for gateway in &gateways {
        let devices = gateway.devices();
        assert_eq!(devices, serde_json::json!({ "pending": [], "paired": [] }), "probing created nothing");
    }
}

/// Asks Prometheus until the expression has the value.
async fn reaches(port: u16, expression: &str, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let answer = query(port, expression).await;
        let value = answer["data"]["result"][0]["value"][1].as_str();
        if value == Some(expected) {
            return;
        }
        assert!(Instant::now() < deadline, "{expression} is {value:?}, not {expected}: {answer}");
        // Prometheus has no push; its own interval is the pace.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn query(port: u16, expression: &str) -> serde_json::Value {
    let encoded: String = expression.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let Ok(mut stream) = tokio::net::TcpStream::connect(("127.0.0.1", port)).await else {
        return serde_json::Value::Null;
    };
    let request = format!("GET /api/v1/query?query={encoded} HTTP/1.0\r\nHost: prometheus\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(body).unwrap_or(serde_json::Value::Null)
}
