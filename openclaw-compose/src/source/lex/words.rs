//! Texts without a format that this crate knows: word by word, so that a finding can show the one that it is about. The words
//! of proxies' own languages that only say what is set are shown with it.

use super::Out;

/// Directives of nginx, Caddy and `HAProxy`, and headers that they set: what stands behind them is a word of its own.
const DIRECTIVES: &[&str] = &[
    "Connection",
    "Forwarded",
    "Host",
    "Upgrade",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
    "X-Real-IP",
    "backend",
    "bind",
    "default_backend",
    "encode",
    "frontend",
    "handle",
    "handle_path",
    "header_up",
    "http",
    "if",
    "import",
    "include",
    "listen",
    "location",
    "map",
    "mode",
    "option",
    "proxy_buffering",
    "proxy_http_version",
    "proxy_pass",
    "proxy_read_timeout",
    "proxy_set_header",
    "redir",
    "return",
    "reverse_proxy",
    "rewrite",
    "root",
    "route",
    "server",
    "server_name",
    "strip_prefix",
    "tls",
    "to",
    "transport",
    "upstream",
    "uri",
];

pub(super) fn lex(out: &mut Out<'_, '_>) {
    let mut at = 0;
    for word in out.text.split_inclusive(char::is_whitespace) {
        let length = word.trim_end().len();
        let said = out.text.get(at..at + length).unwrap_or_default();
        let bare = said.trim_end_matches([';', '{', '}']);
        // A value may end with any of these, and is hidden whole.
        if bare.is_empty() || DIRECTIVES.contains(&bare) {
            out.structure(at..at + length);
        } else {
            out.value(at..at + length, None);
        }
        at += word.len();
    }
}
