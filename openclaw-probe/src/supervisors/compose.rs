//! Compose health checks. Keys and their meaning: the Compose specification, `healthcheck` and `stop_grace_period`. Existing
//! files are judged by `openclaw-compose`, which knows where each value comes from.

use super::STOP_BUDGET;

/// What the health check runs inside the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// `runbook probe`, copied or mounted into the image; reads bodies, not only codes.
    Runbook,
    /// The image's own Node.
    Node,
}

/// The lines to put under the gateway's service, two blanks deeper than `services`' children. `up` asks `/startupz`, which
/// says that sessions are admitted; liveness alone would pass while the gateway still starts.
#[must_use]
pub fn generate(tool: Tool, port: u16) -> String {
    let test = match tool {
        Tool::Runbook => format!(
            "[\"CMD\", \"runbook\", \"probe\", \"--healthcheck\", \"--upto\", \"startup\", \"ws://127.0.0.1:{port}\"]"
        ),
        Tool::Node => format!(
            "[\"CMD\", \"node\", \"-e\", \"require('http').get('http://127.0.0.1:{port}/startupz',{{agent:false,timeout:4000}},r=>{{let \
             b='';r.on('data',c=>b+=c).on('end',()=>{{let s;try{{s=JSON.parse(b).status}}catch{{}};process.exit(r.statusCode===200&&s==='started'?0:1)}})}})\
             .on('timeout',()=>process.exit(1)).on('error',()=>process.exit(1))\"]"
        ),
    };
    let stop = STOP_BUDGET.as_secs();
    format!(
        "    healthcheck:\n      test: {test}\n      interval: 15s\n      timeout: 5s\n      retries: 3\n      \
         start_period: 120s\n    stop_grace_period: {stop}s\n"
    )
}
