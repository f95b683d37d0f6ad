//! A known secret at every place of every input, searched for in everything that the library can be made to print.

#![allow(clippy::unwrap_used, reason = "a failing test says so")]

use crate::support;
use std::collections::BTreeMap;

use openclaw_compose::openclaw::{Definition, Report, Stack, examine};
use openclaw_compose::project::{self, Format, Inputs, Resolution, Reveal, Texts};
use openclaw_compose::source::{Sources, Span};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// What is read, by name; what stands in `@{place|default}` is where a canary may go.
const INPUTS: &[(&str, &str)] = &[
    ("compose.yaml", COMPOSE),
    ("more.yaml", MORE),
    (".env", DOTENV),
    ("app.env", APP_ENV),
    ("labels.env", "A_LABEL=@{label file|x}\n"),
    ("state/openclaw.json", CONFIG),
    ("state/channels.json", "{ /* @{included comment|x} */ slack: { appToken: '@{included key|x}' } }"),
    ("state/.env", "# @{state comment|x}\nBRAVE_API_KEY='@{state env|x}'\nOTHER=@{state other|x}\n"),
    ("inspect", INSPECT),
    (
        "engine",
        r#"{"OperatingSystem":"@{engine|Ubuntu}","HttpProxy":"http://u:@{engine proxy|x}@proxy:3128"}"#,
    ),
    ("owners", "1000:1000 700 state\n0:0 600 state/@{owned file|x}\n"),
    ("com.openclaw.gateway.plist", PLIST),
    ("openclaw.service", UNIT),
];

const COMPOSE: &str = r#"# @{comment|x}
name: @{project|demo}
x-note: { any: "@{extension|x}", list: ["@{extension item|x}"] }
services:
  openclaw-gateway:
    image: openclaw/@{image|openclaw}:2026.9.6   # @{comment behind|x}
    build: { context: ., args: ["A=@{build arg|x}", "API_KEY=@{build key|x}"] }
    container_name: @{container name|gw}
    hostname: @{hostname|gw}
    command: ["openclaw", "gateway", "--token", "@{flag|x}", "--@{other flag|x}"]
    environment:
      HOME: /home/node
      OPENCLAW_GATEWAY_TOKEN: ${OPENCLAW_GATEWAY_TOKEN}
      OPENCLAW_GATEWAY_PASSWORD: "${GONE:?@{failed template|say it}}"
      DB_PASS: ${GONE:-@{default|x}}
      PLAIN: "@{plain variable|x}"
      FOLDED_TOKEN: >-
        @{folded|x}
      LITERAL_TOKEN: |
        first line
        @{literal|x}
      WEBHOOK: https://hooks.example.com/@{webhook|x}
    env_file: [app.env, "@{env file|app.env}"]
    label_file: [labels.env]
    healthcheck:
      test: ["CMD-SHELL", "curl -fH 'Authorization: Bearer @{bearer|x}' http://127.0.0.1:1/@{health path|healthz}"]
    labels:
      com.example.token: "@{label|x}"
      com.example.note: "@{other label|x}"
    ports: ["127.0.0.1:18789:@{port|18789}"]
    volumes: ["./state:/home/node/.openclaw", "./@{mount|data}:/data"]
    restart: "@{restart|always}"
    secrets: [tok]
    networks: ["@{network|back}"]
  openclaw-cli:
    image: openclaw/openclaw:2026.9.6
    entrypoint: [openclaw]
    command: openclaw devices list --password @{flag in a line|x}
    environment:
      - OPENCLAW_GATEWAY_URL=ws://@{user|u}:@{password in a url|x}@127.0.0.1:18789/?token=@{query|x}#@{fragment|x}
      - OPENCLAW_GATEWAY_TOKEN=@{other token|x}
    volumes: ["./state:/home/node/.openclaw"]
    depends_on: ["@{dependency|openclaw-gateway}"]
  "@{service|app}":
    extends: { file: more.yaml, service: base }
    network_mode: "service:@{namespace|openclaw-gateway}"
  other:
    image: other
    pull_policy: "@{bad word|always}"
    mem_limit: "@{bad size|1g}"
    profiles: ["@{profile|x}"]
    @{unknown key|tty}: true
secrets:
  tok: { environment: "SOME_NAME" }
  file: { file: "./@{secret file|x}" }
configs:
  conf: { content: "key = @{config|x}" }
networks:
  back: {}
volumes:
  "@{volume|data}": { driver_opts: { o: "username=u,password=@{mount option|x}" } }
"#;

const MORE: &str = "services:\n  base:\n    image: app # @{extended comment|x}\n    environment: { EXTENDED_SECRET: \"@{extended|x}\" }\n";

const DOTENV: &str = "# @{dotenv comment|x}\nOPENCLAW_GATEWAY_TOKEN=@{token|test-token-1}\nTOKEN='@{quoted|x}'\n\
    SOME_NAME=@{secret of a name|x}\nUNUSED_API_KEY=@{unused|x}\nNOTE=@{dotenv note|x}\n@{bad line|X=1}\n";

const APP_ENV: &str = "APP_SECRET=@{env file secret|x}\nAPP_NOTE=@{env file note|x}\nA=\"@{open quote|x}\"\n";

const CONFIG: &str = r#"{ // @{config comment|x}
  gateway: { mode: "local", bind: "@{bind|lan}", port: 18789, auth: { mode: "token", token: "@{config token|${OPENCLAW_GATEWAY_TOKEN}}" },
    remote: { url: "ws://gw/?token=@{remote url|x}", password: "@{remote password|x}" },
    controlUi: { allowedOrigins: ["https://@{origin|claw.example.com}"] } },
  channels: { telegram: { botToken: "@{bot token|x}", "@{config key|name}": "x" }, $include: "@{include|./channels.json}" },
  models: { providers: { openai: { apiKey: "@{api key|x}", baseUrl: "https://@{base url|api}.example.com" } } },
  env: { vars: { ANY_NAME: "@{env var|x}" }, DIRECT: "@{env direct|x}" },
  agents: { list: [{ id: "main", note: "@{config note|x}" }] },
}
"#;

const INSPECT: &str = r#"[{"Id":"1","Name":"/@{name|gw-1}","RestartCount":0,"Image":"sha256:1",
  "State":{"Status":"@{status|running}","Running":false,"ExitCode":1},
  "Config":{"User":"@{inspect user|root}","Image":"openclaw:@{inspect image|2026.9.6}",
    "Cmd":["openclaw","gateway","--token","@{inspect flag|x}"],
    "Env":["OPENCLAW_GATEWAY_TOKEN=@{inspect token|x}","NOTE=@{inspect note|x}"],
    "Labels":{"com.docker.compose.project":"demo","com.docker.compose.service":"openclaw-gateway","x.apiKey":"@{inspect label|x}"}},
  "Mounts":[{"Type":"bind","Source":"/srv/@{inspect mount|state}","Destination":"/home/node/.openclaw"}],
  "NetworkSettings":{"Networks":{"@{inspect network|demo_back}":{}}}}]"#;

const ENGINE: &str =
    r#"{"OperatingSystem":"@{engine|Ubuntu}","HttpProxy":"http://u:@{engine proxy|x}@proxy:3128"}"#;

const PLIST: &str = "<plist><dict><key>Label</key><string>@{plist label|x}</string><key>EnvironmentVariables</key><dict>\
    <key>OPENCLAW_GATEWAY_TOKEN</key><string>@{plist token|x}</string>\n<key>OPENAI_API_KEY</key>\n<string>@{plist key|x}</string>\
    </dict><key>ProgramArguments</key><array><string>--password</string><string>@{plist flag|x}</string></array></dict></plist>";

const UNIT: &str = "# @{unit comment|x}\n[Service]\nExecStart=/usr/bin/openclaw gateway --token @{unit flag|x}\n\
    Environment=\"OPENCLAW_GATEWAY_TOKEN=@{unit token|x}\" \"A_SECRET=@{unit secret|x}\"\n";

/// Places of which nothing says that they hold a secret: only one that looks drawn is known there.
const UNTOLD: &[&str] = &[
    "base url",
    "bad line",
    "bad size",
    "bad word",
    "bind",
    "build arg",
    "comment",
    "comment behind",
    "config comment",
    "config",
    "config key",
    "config note",
    "container name",
    "dependency",
    "dotenv comment",
    "dotenv note",
    "engine",
    "env file",
    "env file note",
    "extended comment",
    "extension",
    "extension item",
    "fragment",
    "health path",
    "hostname",
    "image",
    "include",
    "included comment",
    "inspect image",
    "inspect mount",
    "inspect network",
    "inspect note",
    "inspect user",
    "label file",
    "mount",
    "name",
    "namespace",
    "network",
    "open quote",
    "origin",
    "other flag",
    "other label",
    "owned file",
    "plain variable",
    "plist label",
    "port",
    "profile",
    "project",
    "restart",
    "secret file",
    "service",
    "state comment",
    "state other",
    "status",
    "unit comment",
    "unknown key",
    "user",
    "volume",
];

type Planted<'p> = BTreeMap<&'p str, &'p str>;

/// Every place there is.
fn places() -> Vec<&'static str> {
    let places = INPUTS.iter().flat_map(|(_, text)| text.split("@{").skip(1));
    places.map(|rest| rest.split('|').next().unwrap()).collect()
}

fn fill(text: &str, planted: &Planted<'_>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, place)) = rest.split_once("@{") {
        out.push_str(before);
        let (name, place) = place.split_once('|').unwrap();
        // A default may be a `${NAME}`.
        let end =
            if place.starts_with("${") { place.find("}}").unwrap() + 1 } else { place.find('}').unwrap() };
        out.push_str(planted.get(name).copied().unwrap_or(&place[..end]));
        rest = &place[end + 1..];
    }
    out + rest
}

struct World {
    resolution: Resolution,
    report: Report,
}

fn world(planted: &Planted<'_>) -> World {
    let input = |name: &str| {
        let text = INPUTS.iter().find(|(input, _)| *input == name).unwrap().1;
        fill(text, planted)
    };
    let mut files = Texts::new();
    for (name, text) in INPUTS {
        files.insert(format!("/srv/{name}"), fill(text, planted));
    }
    let inputs = Inputs::new("/srv").variable("A_SHELL_TOKEN", "x");
    let resolution = project::resolve(&inputs, &files);
    let definition = |name: &str| Definition { name: name.to_owned(), text: input(name).into() };
    let report = examine(
        &Stack::new(&resolution)
            .files(&files)
            .inspect("inspect", input("inspect"))
            .engine("engine", input("engine"))
            .ownership("owners", input("owners"))
            .definition(definition("com.openclaw.gateway.plist"))
            .definition(definition("openclaw.service")),
    );
    World { resolution, report }
}

/// Everything that can be made of a world without asking for secrets, each with its name.
fn said(world: &World, other: &World) -> Vec<(String, String)> {
    let World { resolution, report } = world;
    let mut out = vec![
        ("resolution".to_owned(), format!("{resolution:?} {resolution:#?}")),
        ("unread".to_owned(), serde_json::to_string(resolution.unread()).unwrap()),
        ("refusal".to_owned(), format!("{:?}", resolution.compose_would_refuse())),
        ("secrets".to_owned(), format!("{:?} {:?}", resolution.secrets(), report.secrets())),
    ];
    for finding in resolution.findings() {
        out.push((
            "finding".to_owned(),
            format!("{finding} {finding:?} {}", serde_json::to_string(finding).unwrap()),
        ));
    }
    for unset in resolution.unset_variables() {
        out.push(("unset".to_owned(), format!("{unset} {unset:?}")));
    }
    for format in [Format::Yaml, Format::Json] {
        out.push((format!("{format:?}"), resolution.config(format, Reveal::Masked)));
    }
    for service in resolution.services().chain(resolution.disabled_services()) {
        out.push(("service".to_owned(), format!("{service:?}")));
        for entry in service.node().as_map().into_iter().flatten() {
            let path = format!("services.{}.{}", service.name(), entry.key);
            let told = resolution.explain(&path);
            let variables = service.environment().iter().map(|entry| service.explain_variable(&entry.key));
            for told in variables.chain([told]).flatten() {
                let shown = told.steps.iter().chain(&told.shadowed).map(|step| format!("{:?}", step.shown()));
                let shown = shown.collect::<Vec<_>>().concat();
                let json = serde_json::to_string(&told).unwrap();
                out.push((path.clone(), format!("{told} {told:?} {json} {:?} {shown}", told.shown())));
            }
        }
    }
    for (left, right) in [(resolution, &other.resolution), (&other.resolution, resolution)] {
        let compared = left.compare(right);
        out.push((
            "compare".to_owned(),
            format!("{compared:?} {}", serde_json::to_string(&compared).unwrap()),
        ));
    }
    out.extend(support::outputs(report).into_iter().map(|text| ("report".to_owned(), text)));
    for sources in [resolution.sources(), &report.sources] {
        out.push(("sources".to_owned(), format!("{sources:?}")));
        out.extend(lines(sources));
    }
    out
}

/// Every line of every source, quoted for itself.
fn lines(sources: &Sources) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for file in sources.ids() {
        let mut at = 0;
        for line in sources.expose_file(file).split_inclusive('\n') {
            let quote = sources.quote(Span::from_range(file, at..at + line.len()));
            out.push((sources.name(file).to_owned(), format!("{quote:?}")));
            at += line.len();
        }
    }
    out
}

/// The ways in which a canary must not be found.
fn needles(canary: &str) -> Vec<String> {
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = canary.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let json = serde_json::to_string(canary).unwrap();
    let mut needles = vec![
        canary.to_owned(),
        canary.to_lowercase(),
        json[1..json.len() - 1].to_owned(),
        hex.to_uppercase(),
        hex,
        percent.to_lowercase(),
        percent,
    ];
    for before in 0..3 {
        let shifted: String = " ".repeat(before) + canary;
        let encoded = base64(shifted.as_bytes());
        needles.push(encoded[4..encoded.len() - 4].to_owned());
    }
    needles
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let three = |three: &[u8]| {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(*three.get(at).unwrap_or(&0)));
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[bits >> shift & 63]))
    };
    bytes.chunks(3).flat_map(three).collect()
}

/// Where the canary shows.
fn leaks(planted: &Planted<'_>, canary: &str, other: &World) -> Vec<String> {
    let needles = needles(canary);
    let said = said(&world(planted), other);
    let shows = |text: &str| needles.iter().any(|needle| text.contains(needle.as_str()));
    said.iter().filter(|(_, text)| shows(text)).map(|(what, text)| format!("{what}: {text}")).collect()
}

/// Drawn, as tokens are.
const DRAWN: &str = "Zq8XwV3nB7mK2pL9rT4yU6iO1aS5dF0gH3jC";
/// As a person would think one up.
const THOUGHT_UP: &str = "horse-battery7";

#[test]
fn every_place_is_read() {
    for place in places() {
        let world = world(&Planted::from([(place, DRAWN)]));
        let sources = &world.report.sources;
        let entered = sources.ids().any(|file| sources.expose_file(file).contains(DRAWN));
        let read = [INSPECT, ENGINE].iter().any(|text| text.contains(&format!("@{{{place}|")));
        assert!(entered || read, "{place}");
        assert!(world.report.secrets().mask(DRAWN) != DRAWN, "{place}");
    }
}

#[test]
fn no_place_of_any_input_shows_a_drawn_secret() {
    let other = world(&Planted::new());
    let mut shown = Vec::new();
    for place in places() {
        let leaks = leaks(&Planted::from([(place, DRAWN)]), DRAWN, &other);
        shown.extend(leaks.first().map(|leak| format!("{place}: {} leaks, {leak}", leaks.len())));
    }
    assert!(shown.is_empty(), "{} places:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn no_place_with_a_telling_name_shows_a_secret_that_looks_like_a_word() {
    let other = world(&Planted::new());
    let mut shown = Vec::new();
    for place in places().into_iter().filter(|place| !UNTOLD.contains(place)) {
        let leaks = leaks(&Planted::from([(place, THOUGHT_UP)]), THOUGHT_UP, &other);
        shown.extend(leaks.first().map(|leak| format!("{place}: {} leaks, {leak}", leaks.len())));
    }
    assert!(shown.is_empty(), "{} places:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn a_known_token_shows_nowhere_else() {
    let other = world(&Planted::new());
    let mut shown = Vec::new();
    for place in places() {
        let planted = Planted::from([("token", THOUGHT_UP), (place, THOUGHT_UP)]);
        let leaks = leaks(&planted, THOUGHT_UP, &other);
        shown.extend(leaks.first().map(|leak| format!("{place}: {} leaks, {leak}", leaks.len())));
    }
    assert!(shown.is_empty(), "{} places:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn what_is_no_secret_is_still_said() {
    let world = world(&Planted::new());
    let report = serde_json::to_string(&world.report).unwrap();
    for said in
        ["openclaw-gateway", "127.0.0.1:18789", "/home/node/.openclaw", "compose.yaml", "openclaw.json"]
    {
        assert!(report.contains(said), "{said}: {report}");
    }
    assert!(
        world.resolution.config(Format::Yaml, Reveal::Masked).contains("image: openclaw/openclaw:2026.9.6")
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever a token is made of, and wherever else it stands.
    #[test]
    fn no_token_shows_whatever_it_is_made_of(
        canary in "[A-Za-z0-9_+/=.~-]{8,40}[0-9]",
        scattered in subsequence(places(), 1..4),
        source in select(vec!["token", "config token", "bot token", "env var", "state env", "inspect token", "plist key"]),
    ) {
        // A number, a path or a URL is none.
        prop_assume!(canary.parse::<f64>().is_err() && !canary.starts_with(['.', '~', '/', '-', '=']));
        let mut planted: Planted<'_> = scattered.iter().map(|place| (*place, canary.as_str())).collect();
        planted.insert(source, &canary);
        let mut leaks = leaks(&planted, &canary, &world(&Planted::new()));
        // A project alone does not know what is in openclaw.json.
        leaks.retain(|leak| source == "token" || leak.starts_with("report"));
        prop_assert!(leaks.is_empty(), "{scattered:?} {}", leaks.join("\n"));
    }
}
