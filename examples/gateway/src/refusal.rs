//! Every way in which `connect` is refused: error frame, close code and log cause in one value.

use serde_json::{Map, Value, json};

/// A refused connection attempt. It is built and carried in a box: the way in is long, and most who take it are let in.
#[derive(Debug, Clone)]
pub(super) struct Rejection {
    pub(super) code: &'static str,
    pub(super) message: String,
    details: Map<String, Value>,
    retry_after_ms: Option<u64>,
    retryable: Option<bool>,
    pub(super) close: u16,
    /// Differs from the message where the gateway says so.
    close_reason: Option<String>,
    /// `cause=` of the log line.
    pub(super) cause: &'static str,
    /// What the log line appends, in order.
    pub(super) facts: Vec<(&'static str, String)>,
}

/// The longest close reason in bytes of UTF-8 (RFC 6455 allows 123; the gateway cuts earlier).
const CLOSE_REASON_BYTES: usize = 120;

impl Rejection {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        close: u16,
        cause: &'static str,
    ) -> Box<Self> {
        Box::new(Self {
            code,
            message: message.into(),
            details: Map::new(),
            retry_after_ms: None,
            retryable: None,
            close,
            close_reason: None,
            cause,
            facts: Vec::new(),
        })
    }

    pub(super) fn invalid(message: impl Into<String>, cause: &'static str) -> Box<Self> {
        Self::new("INVALID_REQUEST", message, 1008, cause)
    }

    pub(super) fn detail(mut self: Box<Self>, name: &str, value: impl Into<Value>) -> Box<Self> {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn fact(mut self: Box<Self>, name: &'static str, value: impl Into<String>) -> Box<Self> {
        self.facts.push((name, value.into()));
        self
    }

    pub(super) fn retry_after(mut self: Box<Self>, ms: u64) -> Box<Self> {
        self.retryable = Some(true);
        self.retry_after_ms = Some(ms);
        self
    }

    pub(super) fn not_retryable(mut self: Box<Self>) -> Box<Self> {
        self.retryable = Some(false);
        self
    }

    pub(super) fn closing_with(mut self: Box<Self>, reason: impl Into<String>) -> Box<Self> {
        self.close_reason = Some(reason.into());
        self
    }

    /// `{ code, message, details?, retryable?, retryAfterMs? }`.
    pub(super) fn error(&self) -> Value {
        let mut error = Map::new();
        error.insert("code".into(), json!(self.code));
        error.insert("message".into(), json!(self.message));
        if let Some(retryable) = self.retryable {
            error.insert("retryable".into(), json!(retryable));
        }
        if let Some(ms) = self.retry_after_ms {
            error.insert("retryAfterMs".into(), json!(ms));
        }
        if !self.details.is_empty() {
            error.insert("details".into(), Value::Object(self.details.clone()));
        }
        Value::Object(error)
    }

    /// The reason of the close frame, cut to 120 bytes at a character.
    pub(super) fn close_reason(&self) -> &str {
        let reason = self.close_reason.as_deref().unwrap_or(&self.message);
        let end = (0..=CLOSE_REASON_BYTES.min(reason.len())).rev().find(|end| reason.is_char_boundary(*end));
        reason.get(..end.unwrap_or(0)).unwrap_or_default()
    }
}

/// Why pairing is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PairingReason {
    NotPaired,
    ScopeUpgrade,
    RoleUpgrade,
    MetadataUpgrade,
}

impl PairingReason {
    /// `details.reason`, message tail, `details.remediationHint`.
    pub(super) fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::NotPaired => (
                "not-paired",
                "device is not approved yet",
                "Approve this device from the pending pairing requests.",
            ),
            Self::ScopeUpgrade => (
                "scope-upgrade",
                "device is asking for more scopes than currently approved",
                "Review the requested scopes, then approve the pending upgrade.",
            ),
            Self::RoleUpgrade => (
                "role-upgrade",
                "device is asking for a higher role than currently approved",
                "Review the requested role upgrade, then approve the pending request.",
            ),
            Self::MetadataUpgrade => (
                "metadata-upgrade",
                "device identity changed and must be re-approved",
                "Review the refreshed device details, then approve the pending request.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_reason_is_cut_at_a_character_within_120_bytes() {
        let refusal = Rejection::invalid("ä".repeat(70), "test");
        assert_eq!(refusal.close_reason(), "ä".repeat(60));
        let refusal = Rejection::invalid(format!("x{}", "ä".repeat(70)), "test");
        assert_eq!(refusal.close_reason().len(), 119);
        assert_eq!(Rejection::invalid("short", "test").close_reason(), "short");
    }
}
