//! Whatever the engine and its hosts are recorded to say, a stack can be examined, twice with the same report.
//!
//! An input holds several records: a line `=====N` begins one, what stands before the first is `docker inspect`; N counts
//! through [`RECORDS`].
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use openclaw_compose::openclaw::{Stack, examine};
use openclaw_compose::project::{self, Inputs, Resolution, Texts};

const COMPOSE: &str = r#"
name: stack
services:
  openclaw-gateway:
    image: openclaw:2026.9.6
    command: [openclaw, gateway]
    user: "1000:1000"
    environment: {OPENCLAW_GATEWAY_TOKEN: test-token-of-the-fuzzer}
    volumes: ["./state:/home/node/.openclaw:z"]
    ports: ["18789:18789"]
  openclaw-cli:
    image: openclaw:2026.9.6
    entrypoint: [openclaw]
    network_mode: service:openclaw-gateway
    volumes: ["./state:/home/node/.openclaw"]
"#;
const CONFIG: &str = "{gateway: {mode: 'local', bind: 'lan', auth: {token: '${OPENCLAW_GATEWAY_TOKEN}'}}}";

const RECORDS: [&str; 5] = ["inspect", "engine", "owners", "owners of a copy", "id map"];

static FILES: LazyLock<Texts> = LazyLock::new(|| {
    Texts::new().file("/srv/compose.yaml", COMPOSE).file("/srv/state/openclaw.json", CONFIG)
});
static RESOLUTION: LazyLock<Resolution> = LazyLock::new(|| project::resolve(&Inputs::new("/srv"), &*FILES));

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let mut records: [String; RECORDS.len()] = Default::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        match line.strip_prefix("=====") {
            Some(rest) => {
                at = usize::from(rest.bytes().next().unwrap_or(b'0').wrapping_sub(b'0')) % RECORDS.len()
            }
            None => records[at].push_str(line),
        }
    }
    let [inspect, engine, owners, owners_of_copy, id_map] = records;
    let mut stack = Stack::new(&RESOLUTION).files(&*FILES).inspect(RECORDS[0], inspect);
    if !engine.is_empty() {
        stack = stack.engine(RECORDS[1], engine);
    }
    stack = stack.ownership(RECORDS[2], owners).ownership_of_copy(RECORDS[3], owners_of_copy);
    if !id_map.is_empty() {
        stack = stack.id_map(RECORDS[4], id_map);
    }
    let report = |stack: &Stack<'_>| format!("{:?}", examine(stack));
    assert_eq!(report(&stack), report(&stack), "the same records give the same report");
});
