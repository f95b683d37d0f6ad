//! The runbook over the four crates: gates, ticket, renderers and the embedded gateway.
