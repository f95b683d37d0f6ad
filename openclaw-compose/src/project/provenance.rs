//! The provenance of a value: what it was, and what made it what it is.
//!
//! Nodes carry a number; the links lie in one arena, so that a copy of a node costs no copy of its provenance.

use std::sync::Arc;

use crate::source::Span;
use crate::syntax::interpolate::Piece;
use crate::syntax::yaml::Via;

use super::model::{Node, ProvenanceId, Value};
use super::variables::{EnvironmentId, Setting};

/// Something that happened to a value.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A template at `span` was filled in.
    Interpolated { span: Span, pieces: Box<[Piece<Setting>]>, environment: EnvironmentId },
    /// It took the place of an older value.
    Replaced { older: Box<Node> },
    /// It came with `extends`.
    Extends { at: Span, service: Arc<str> },
    /// It came with `include`.
    Included { at: Span },
    /// It is defined elsewhere and used by an alias or a merge key.
    Via(Arc<Via>),
    /// A bare name, filled from the shell or an env file of the project.
    Named { name: Arc<str>, setting: Setting, environment: EnvironmentId },
    /// It came from an env file that is listed at `listed`.
    EnvFile { listed: Span },
    /// It was a path, and was made absolute.
    MadeAbsolute,
    /// Nobody wrote it: Compose takes it from what is named here.
    Supplied(&'static str),
}

#[derive(Debug)]
struct Link {
    event: Event,
    before: ProvenanceId,
}

/// All provenances of one resolution.
#[derive(Debug, Default)]
pub(crate) struct Provenances {
    links: Vec<Link>,
}

impl Provenances {
    /// The provenance `before`, and then `event`.
    pub(crate) fn add(&mut self, before: ProvenanceId, event: Event) -> ProvenanceId {
        self.links.push(Link { event, before });
        ProvenanceId(u32::try_from(self.links.len()).unwrap_or(u32::MAX))
    }

    /// The events of a provenance, the latest first.
    pub(crate) fn events(&self, provenance: ProvenanceId) -> impl Iterator<Item = &Event> {
        let mut at = provenance;
        std::iter::from_fn(move || {
            let link = self.links.get((at.0 as usize).checked_sub(1)?)?;
            at = link.before;
            Some(&link.event)
        })
    }

    /// Adds an event to every leaf below a node, and to the node itself.
    pub(crate) fn mark(&mut self, node: &mut Node, event: &Event) {
        match &mut node.value {
            Value::Map(map) if !map.is_empty() => {
                for entry in map.iter_mut() {
                    self.mark(&mut entry.node, event);
                }
            }
            Value::List(items) if !items.is_empty() => {
                for item in items {
                    self.mark(item, event);
                }
            }
            _ => node.provenance = self.add(node.provenance, event.clone()),
        }
    }
}
