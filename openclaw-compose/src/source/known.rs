//! The words that OpenClaw, Node.js, Docker and the proxies in front say in their logs: what a program says of itself is made of
//! these, and what it repeats of a person is not.

/// True for one of them, in either case, or a letter.
pub(super) fn is_known(word: &str) -> bool {
    word.len() < 2 || KNOWN.binary_search(&&*word.to_ascii_lowercase()).is_ok()
}

/// True for `v1`, `v2026`.
pub(super) fn is_version(run: &str) -> bool {
    run.strip_prefix('v')
        .is_some_and(|number| number.len() <= 4 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// In lower case, in order.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "abnormal", "about", "above", "access", "acpx", "active", "add", "addr", "address", "adjacent", "admin", "after",
    "again", "agent", "agents", "ago", "ai", "alert", "allocation", "allow", "allowed", "allowedorigins",
    "allowinsecureauth", "allowtailscale", "alone", "already", "also", "always", "and", "android", "anonymous",
    "another", "answer", "anthropic", "api", "apikey", "app", "appears", "applewebkit", "applied", "approval",
    "approvals", "approve", "approved", "approvedroles", "approvedscopes", "apr", "are", "as", "asking", "asks",
    "assets", "async", "at", "attempt", "attempts", "attribution", "audit", "aug", "auth", "authenticated",
    "authentication", "authmode", "authprovided", "authreason", "auto", "backend", "backup", "bad", "basic", "be",
    "bearer", "because", "become", "before", "behind", "below", "bin", "bind", "binding", "blocked", "bot", "both",
    "bound", "broken", "broker", "browser", "browsers", "budget", "build", "bundled", "busy", "but", "by", "call",
    "can", "candidate", "cannot", "canretrywithdevicetoken", "canvas", "captured", "catalog", "cause", "cfnetwork",
    "changed", "changes", "channel", "channels", "chat", "check", "checkpoint", "chown", "chrome", "chromium", "claim",
    "claimeddevicefamily", "claimedplatform", "claims", "claw", "clawhub", "cleanly", "cli", "click", "client",
    "clientdisplayname", "clients", "clobbered", "clock", "clocks", "close", "closed", "closure", "cloudflared", "code",
    "column", "com", "comes", "command", "commands", "compatibility", "compatible", "complete", "completed",
    "completes", "compose", "conf", "config", "configuration", "configure", "configured", "conn", "connect",
    "connected", "connecting", "connection", "connindex", "contain", "container", "containers", "context", "control",
    "controlui", "core", "corrupt", "counter", "create", "credential", "credentials", "crit", "cron", "css", "curl",
    "current", "currently", "custom", "cut", "daemon", "dangerouslyallowhostheaderoriginfallback", "darwin",
    "dashboard", "data", "database", "db", "dbg", "deactivated", "dead", "debug", "dec", "decided", "deep", "default",
    "defaulting", "defaults", "deferraltimeoutms", "degraded", "denied", "denycommands", "deployment", "deps",
    "desktop", "dest", "details", "detected", "detection", "device", "devicefamily", "deviceid", "devices",
    "diagnostic", "diagnostics", "dial", "did", "direct", "directory", "disabled", "disconnected", "disk", "dist", "do",
    "docker", "doctor", "does", "dollar", "down", "downgrade", "drain", "draining", "drifted", "durationms", "eacces",
    "each", "eaddrinuse", "eai", "econnaborted", "econnrefused", "econnreset", "edge", "ehostunreach", "elapsed",
    "elapsedms", "embedded", "emerg", "emit", "emitclose", "empty", "enable", "endpoint", "enetunreach", "engine",
    "enoent", "enospc", "enotfound", "ensure", "entered", "entries", "entry", "entrypoint", "env", "environment",
    "eperm", "epipe", "erofs", "err", "errno", "error", "errorcode", "errormessage", "etc", "etimedout", "event",
    "eventloopmax", "events", "example", "exceeded", "exclusive", "exec", "existing", "exists", "exit", "exited",
    "exitmargin", "expected", "expired", "explicit", "exposed", "exposing", "extensions", "failed", "failure",
    "fallback", "false", "fast", "fatal", "feb", "feeds", "fetch", "fetchwithssrfguard", "fetchwithtimeout", "file",
    "filesystem", "find", "fine", "finishes", "firefox", "first", "fix", "for", "forbidden", "foreground", "forwarded",
    "forwarding", "found", "fra", "frame", "fri", "from", "fs", "full", "fwd", "gate", "gateway",
    "gatewayclientrequesterror", "gatewayerrormessage", "gatewayerrortype", "gatewaytransporterror", "gave", "gb",
    "gecko", "get", "getaddrinfo", "ghcr", "git", "github", "giving", "gmail", "google", "gpt", "grace", "guidance",
    "gw", "handlers", "hands", "handshake", "has", "hasdeviceidentity", "have", "header", "headers", "headline", "heal",
    "health", "healthy", "healthz", "heap", "heartbeat", "help", "here", "higher", "history", "hold", "home", "hook",
    "hooks", "host", "http", "https", "httpstatus", "hub", "id", "identity", "idle", "idx", "if", "ignore", "ignored",
    "image", "in", "include", "incomplete", "index", "inf", "info", "ingress", "ingressrule", "inject", "input",
    "inspect", "install", "installed", "instance", "instanceid", "intel", "interception", "internal", "interval",
    "invalid", "io", "ip", "ipv", "is", "ismainthread", "issue", "issues", "it", "its", "itself", "jan", "job", "js",
    "json", "jul", "jun", "kb", "keacces", "key", "keys", "khtml", "killed", "kind", "label", "labels", "lacks", "lan",
    "lane", "lastframeid", "lastframemethod", "lastframetype", "lasttouchedversion", "later", "latest", "launch",
    "launchd", "lease", "leaving", "left", "legacy", "level", "lib", "like", "limit", "limited", "line", "linux",
    "list", "listen", "listening", "live", "load", "loaded", "loading", "local", "localaddr", "localhost", "localport",
    "location", "lock", "locked", "log", "logs", "loopback", "mac", "macintosh", "macos", "main", "maintenance", "make",
    "malformed", "manually", "many", "mar", "match", "matches", "max", "may", "mb", "medium", "memory", "mended",
    "message", "meta", "metadata", "metrics", "migrated", "migration", "migrations", "min", "minute", "minutes",
    "mismatch", "missing", "missingenvvarerror", "mkdir", "mkdirsync", "mnt", "mode", "model", "modify", "module",
    "modules", "moltbot", "moltx", "mon", "monitor", "more", "mounted", "mozilla", "ms", "msg", "must", "mutually",
    "name", "namespace", "narrowly", "needed", "net", "network", "networks", "newer", "next", "nginx", "no", "node",
    "nodes", "non", "noncanonical", "nonce", "none", "normalized", "not", "notice", "nov", "now", "npm", "npmjs", "nt",
    "object", "observed", "oct", "of", "off", "ok", "okhttp", "old", "older", "ollama", "on", "onboard", "onclose",
    "only", "oom", "open", "openai", "openclaw", "opening", "operation", "operator", "or", "org", "origin", "origins",
    "originservice", "os", "other", "outcomes", "over", "override", "overwrite", "overwritten", "own", "owner",
    "ownership", "pair", "paired", "pairing", "panic", "parse", "part", "pass", "passed", "password", "pat", "path",
    "payload", "peer", "pending", "permission", "phase", "pid", "ping", "pinneddevicefamily", "pinnedplatform",
    "plaintext", "platform", "plugin", "plugins", "podman", "policy", "port", "ports", "position", "pre", "prematurely",
    "probe", "probemin", "problem", "process", "progress", "proof", "property", "protocol", "prove", "provide",
    "provided", "provider", "proxy", "proxying", "public", "python", "quic", "quickly", "quota", "rangeerror", "rate",
    "re", "reach", "reachable", "reached", "read", "readable", "readfilesync", "ready", "readyz", "reason", "rebuild",
    "received", "recommendednextstep", "reconstruction", "recv", "red", "ref", "referenced", "referenceerror",
    "refresh", "refusal", "refused", "refuses", "refusing", "registered", "registry", "reissue", "reject", "rejected",
    "release", "releases", "reload", "reloader", "remediationhint", "remote", "remoteaddr", "remoteport", "remove",
    "repair", "repeat", "reply", "req", "request", "requested", "requestedrole", "requestedscopes", "requestid",
    "requests", "required", "requires", "res", "reserve", "reset", "resolving", "responding", "response", "restart",
    "restarting", "restore", "restoring", "retries", "retry", "retryable", "review", "revoked", "role", "rolefrom",
    "roleto", "root", "rotate", "route", "routes", "rows", "run", "running", "runs", "runtime", "rv", "safari",
    "safely", "sat", "scheduled", "schema", "scope", "scopecount", "scopes", "scopesfrom", "scopesto", "script",
    "seconds", "secret", "secretrefresolutionerror", "secrets", "secure", "security", "see", "seeded", "seen", "sends",
    "sent", "sep", "separate", "server", "service", "services", "session", "sessions", "set", "settings", "setup",
    "shaped", "shared", "shutdown", "shutting", "sidecars", "signal", "signature", "signed", "sigterm", "silent",
    "since", "skew", "skipped", "slow", "sock", "socket", "socketonclose", "source", "space", "spawn", "spawned",
    "speaks", "sqlite", "ssh", "stack", "staging", "stale", "start", "started", "starting", "startup", "startupz",
    "state", "status", "still", "stop", "stopped", "string", "succeeded", "success", "such", "sun", "superseded",
    "supervised", "supervisord", "supports", "suspicious", "syntaxerror", "syscall", "system", "systemd", "tailnet",
    "tailscale", "talk", "target", "task", "tasks", "tcp", "team", "telegram", "test", "than", "the", "then",
    "thinking", "this", "threadid", "thresholdms", "thu", "time", "timed", "timeout", "tip", "tmp", "to", "tok",
    "token", "too", "tools", "trace", "traffic", "transaction", "transfer", "transport", "treat", "treated", "true",
    "trusted", "trustedproxies", "try", "ts", "tue", "tui", "tunnel", "type", "typeerror", "ua", "ui", "uid", "unable",
    "unattributable", "unauthorized", "unavailable", "unconfigured", "under", "unexpected", "unhealthy", "unit",
    "unknown", "unreachable", "unrecognized", "unset", "untrusted", "up", "updat", "update", "updated", "upgrad",
    "upgrade", "upstream", "upstreams", "uptime", "url", "urlsource", "use", "users", "uses", "using", "usr", "utc",
    "validate", "validated", "var", "variable", "vars", "version", "via", "volumes", "warmed", "warming", "warn",
    "warning", "warnings", "was", "watcher", "webchat", "websocket", "wed", "while", "will", "win", "windows", "with",
    "within", "without", "wording", "words", "worker", "would", "wrapper", "writable", "write", "writing", "ws", "wss",
    "xai", "yes", "yet", "yml", "your",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_order_and_in_lower_case() {
        assert!(
            KNOWN.is_sorted() && KNOWN.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
        );
    }
}
