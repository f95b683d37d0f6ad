//! The runbook, its library and its programs, as their users meet them.

mod bad_input;
mod canary;
mod canary_programs;
mod children;
mod columns;
mod config;
mod containers;
mod examined;
mod facts;
mod field;
mod finding_contract;
mod fix;
mod floors;
mod freeze;
mod mask;
mod pair;
mod post;
mod probing;
mod program;
mod prometheus;
mod readme;
mod rehearsal;
mod render;
mod stacks;
mod support;
mod workspace;
