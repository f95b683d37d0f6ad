//! What Compose would fetch from elsewhere, and nobody fetches here.

use crate::codes::Code;
use crate::source::Span;

use super::raise::Raised;

/// True for what Compose would fetch from elsewhere.
pub(crate) fn is_remote(path: &str) -> bool {
    ["oci://", "git://", "git@", "ssh://", "https://", "http://", "github.com/"]
        .iter()
        .any(|scheme| path.starts_with(scheme))
}

/// The finding for it.
pub(crate) fn remote(path: &str, at: Span) -> Raised {
    let scheme = path.split(['/', '@', ':']).next().unwrap_or_default();
    Raised::warning(
        Code::RemoteResource,
        format!("a remote resource ({scheme}) is not fetched; what it holds is unknown"),
    )
    .at(at)
}
