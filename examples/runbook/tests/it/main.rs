//! The runbook, its library and its programs, as their users meet them.

mod bad_input;
mod break_pairing;
mod canary;
mod canary_programs;
mod children;
mod compose_programs;
mod config_programs;
mod containers;
mod finding_contract;
mod fix;
mod freeze_token;
mod mask_evidence;
mod post;
mod probe_programs;
mod prometheus;
mod readme;
mod refusals;
mod rehearsal;
mod render;
mod stacks;
mod support;
mod workspace;
