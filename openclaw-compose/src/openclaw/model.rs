//! What a stack says, read once.

pub(crate) mod config;
pub(crate) mod containers;
pub(crate) mod engine;
pub(crate) mod files;
pub(crate) mod invocation;
pub(crate) mod names;
pub(crate) mod namespaces;
pub(crate) mod owners;
pub(crate) mod processes;
pub(crate) mod proxies;
pub(crate) mod roots;
pub(crate) mod scene;
pub(crate) mod services;
pub(crate) mod urls;
