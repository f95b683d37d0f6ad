//! What does an in-house tool make of all four crates? One directory, and the URL of a gateway, in; one JSON out.
//!
//! `ops-tool STACK [URL]`, with no runtime of its own.

#![expect(
    clippy::disallowed_methods,
    reason = "a program reads the clock for the crates, which take time as an argument"
)]

use std::error::Error;
use std::path::Path;
use std::time::SystemTime;

use openclaw_probe::{Rung, Target};
use openclaw_runbook::device::Device;
use openclaw_runbook::diagnose::{Examination, Options};
use openclaw_runbook::output;
use openclaw_runbook::probing::prober;
use openclaw_token::{Circumstances, FreezeRequest, MemoryStore, compare, freeze_once};
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let stack = arguments.next().ok_or("usage: ops-tool STACK [URL]")?;
    let examination = Examination::of(Path::new(&stack), Options::default())?;
    // The findings of all crates in one list, the gates of each client, the first cause, the next step.
    let ticket = examination.ticket(&stack);

    let tells = |service: &str| examination.resolution().env(service, "OPENCLAW_GATEWAY_TOKEN");
    let services = examination.resolution().services().filter_map(|service| tells(service.name()));
    let stories: Vec<String> = services.map(|story| story.to_string()).collect();

    let tokens = examination.occurrences();
    let request = FreezeRequest::new(&tokens, Circumstances::new(SystemTime::now(), "ops-tool"));
    // A store that keeps nothing: what would be frozen, or why not.
    let frozen = freeze_once(&MemoryStore::default(), &request, |_, _| Ok::<_, std::convert::Infallible>(()));
    let frozen = frozen.map_or_else(|why| why.to_string(), |frozen| frozen.record().fingerprint.short());

    let mut probed = Value::Null;
    if let (Some(url), Some(token)) = (arguments.next(), examination.enforced_token()) {
        let target: Target = url.parse()?;
        // An embedder keeps the key of its device; this one is new each time.
        let device = Device::new(&[7; 32], token);
        let paired =
            device.pair_blocking(&url).map_or_else(|why| why.to_string(), |it| it.granted.to_string());
        let prober = prober().authenticate(device).require_scopes(["operator.read"]).build()?;
        probed = json!({ "paired": paired, "climb": prober.climb_blocking(&target, Rung::Scope)? });
    }
    let answer = json!({
        "ticket": ticket, "sources": examination.report().tokens, "stories": stories,
        "compared": compare(&tokens, None).findings(), "frozen": frozen, "probed": probed,
    });
    output::print_json(&format!("{answer:#}\n"));
    Ok(())
}
