//! The crate as its callers meet it: one program, so that a change links once.

mod broken;
mod canary;
mod configs;
mod corpus;
mod docker;
mod healthy;
mod incidents;
mod live;
mod podman_compose;
mod precedence;
mod project;
mod random_stacks;
mod releases;
mod schema;
mod source;
mod support;
mod unseen;
