//! Double keys and `<<`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::build::Builder;
use super::{Map, Node, Pair, Problem, ProblemKind, Refuser, Tag, Value, Via, ViaKind};
use crate::source::Span;

/// Mappings up to this size are compared key by key.
const SMALL: usize = 16;

impl Builder<'_> {
    pub(super) fn duplicate(&mut self, key: &str, span: Span, first: Span) {
        self.problems.push(Problem {
            kind: ProblemKind::DuplicateKey,
            message: format!("mapping key `{key}` stands here a second time"),
            span,
            related: vec![(first, "the first one")],
            refuser: Refuser::ComposeRefuses,
        });
    }

    /// Reports and drops every entry whose key stands before it in the same mapping. What is reset does not count:
    /// Compose removes it first.
    pub(super) fn refuse_duplicates(&mut self, base: usize, merge: Option<Span>) {
        let entries = self.entries.get(base..).unwrap_or_default();
        let mut doubles: Vec<(usize, Span)> = Vec::new();
        if entries.len() <= SMALL {
            for (at, entry) in entries.iter().enumerate() {
                let mut before = entries.iter().take(at);
                if let Some(first) = before.find(|first| first.key == entry.key && counts(first))
                    && counts(entry)
                {
                    doubles.push((at, first.key_span));
                }
            }
        } else {
            let mut seen: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
            for (at, entry) in entries.iter().enumerate().filter(|(_, entry)| counts(entry)) {
                if let Some(&first) = seen.get(&*entry.key) {
                    doubles.push((at, first));
                } else {
                    seen.insert(&entry.key, entry.key_span);
                }
            }
        }
        if let Some(merge) = merge
            && let Some(quoted) = entries.iter().position(|entry| &*entry.key == "<<")
        {
            doubles.push((quoted, merge));
            doubles.sort_unstable_by_key(|&(at, _)| at);
            doubles.dedup_by_key(|&mut (at, _)| at);
        }
        if doubles.is_empty() {
            return;
        }
        let mut doubles = doubles.into_iter().peekable();
        for (at, entry) in self.entries.split_off(base).into_iter().enumerate() {
            match doubles.next_if(|&(double, _)| double == at) {
                Some((_, first)) => self.duplicate(&entry.key, entry.key_span, first),
                None => self.entries.push(entry),
            }
        }
    }

    /// `<<`: own keys win wherever they stand; of several maps the first one wins.
    pub(super) fn merge(&mut self, base: usize, node: &Node) {
        let mut known = None;
        if node.tag == Tag::Reset {
            return;
        }
        match &node.value {
            Value::Map(map) => self.merge_map(base, map, place_of_use(node), &mut known),
            Value::Seq(items) => {
                for item in items.iter().filter(|item| item.tag != Tag::Reset) {
                    match &item.value {
                        Value::Map(map) => self.merge_map(base, map, place_of_use(item), &mut known),
                        Value::Null if self.is_unknown_alias(item) => {}
                        other => self.bad_merge(other.kind_name(), place_of_use(item)),
                    }
                }
            }
            // An alias without an anchor was told already.
            Value::Null if self.is_unknown_alias(node) => {}
            other => self.bad_merge(other.kind_name(), place_of_use(node)),
        }
    }

    /// True for what stands in place of an alias that leads nowhere.
    fn is_unknown_alias(&self, node: &Node) -> bool {
        self.written(node.span).starts_with('*')
    }

    /// Adds the entries of `map` whose keys are new. `known` holds the keys once there are many.
    fn merge_map(&mut self, base: usize, map: &Map, at: Span, known: &mut Option<HashSet<Arc<str>>>) {
        let direct = Arc::new(Via { kind: ViaKind::MergeKey, at, next: None });
        let own = self.entries.len();
        if own - base > SMALL && known.is_none() {
            *known = Some(self.entries.iter().skip(base).map(|entry| entry.key.clone()).collect());
        }
        for entry in map {
            let new = match known {
                Some(known) => known.insert(entry.key.clone()),
                None => {
                    let mine = self.entries.get(base..own).unwrap_or_default();
                    mine.iter().all(|mine| mine.key != entry.key)
                }
            };
            if !new {
                continue;
            }
            let mut entry = entry.clone();
            entry.value.via = Some(match entry.value.via.take() {
                None => direct.clone(),
                Some(next) => Arc::new(Via { kind: ViaKind::MergeKey, at, next: Some(next) }),
            });
            self.entries.push(entry);
        }
    }

    fn bad_merge(&mut self, found: &str, span: Span) {
        let message = format!("`<<` takes a mapping or a list of mappings, not {found}");
        self.problem(ProblemKind::BadMerge, span, message);
    }
}

fn counts(entry: &Pair) -> bool {
    entry.value.tag != Tag::Reset
}

/// The bytes by which a value is used: the alias if it came through one.
fn place_of_use(node: &Node) -> Span {
    node.via.as_ref().map_or(node.span, |via| via.at)
}
