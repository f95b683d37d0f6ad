//! The story of a value: what it was, and what made it what it is.
//!
//! Nodes carry a number; the chapters lie in one arena, so that a copy of a node costs no copy of its story.

use std::sync::Arc;

use crate::source::Span;
use crate::syntax::interpolate::Piece;
use crate::syntax::yaml::Via;

use super::model::{Node, StoryId, Value};
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
struct Chapter {
    event: Event,
    before: StoryId,
}

/// All stories of one resolution.
#[derive(Debug, Default)]
pub(crate) struct Stories {
    chapters: Vec<Chapter>,
}

impl Stories {
    /// The story `before`, and then `event`.
    pub(crate) fn add(&mut self, before: StoryId, event: Event) -> StoryId {
        self.chapters.push(Chapter { event, before });
        StoryId(u32::try_from(self.chapters.len()).unwrap_or(u32::MAX))
    }

    /// The events of a story, the latest first.
    pub(crate) fn events(&self, story: StoryId) -> impl Iterator<Item = &Event> {
        let mut at = story;
        std::iter::from_fn(move || {
            let chapter = self.chapters.get((at.0 as usize).checked_sub(1)?)?;
            at = chapter.before;
            Some(&chapter.event)
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
            _ => node.story = self.add(node.story, event.clone()),
        }
    }
}
