//! Which value a variable has, and what it hides.
//!
//! | rank | source |
//! | --- | --- |
//! | 1 | the shell, also where the value is empty |
//! | 2 | the last `--env-file` that names it ... the first; or else the project's `.env` |
//! | 3 | unset |

use std::collections::HashMap;
use std::sync::Arc;

use crate::source::{Span, Text};

/// Where a variable's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// The shell's environment.
    Shell,
    /// A line of an env file.
    File(Span),
    /// Compose itself: `COMPOSE_PROJECT_NAME`.
    Compose,
}

/// A variable, and what its value hides, nearest first.
#[derive(Clone, Debug)]
pub(crate) struct Variable {
    pub(crate) value: Text,
    pub(crate) setting: Setting,
    pub(crate) hidden: Vec<(Text, Setting)>,
}

/// One of the environments of a resolution: the project's, or that of an included project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct EnvironmentId(pub(crate) u32);

/// Variables by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Variables {
    by_name: HashMap<Arc<str>, Variable>,
    /// Those of the project that includes this one, for names that are not found above.
    outer: Option<Arc<Self>>,
}

impl Variables {
    pub(crate) fn from_shell<'a>(shell: impl Iterator<Item = (&'a str, &'a Text)>) -> Self {
        let by_name = shell
            .map(|(name, value)| {
                (
                    Arc::from(name),
                    Variable { value: value.clone(), setting: Setting::Shell, hidden: Vec::new() },
                )
            })
            .collect();
        Self { by_name, outer: None }
    }

    /// The variables of an included project, before it adds its own.
    pub(crate) fn inside(outer: Arc<Self>) -> Self {
        Self { by_name: HashMap::new(), outer: Some(outer) }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Variable> {
        let mut at = self;
        loop {
            match (at.by_name.get(name), &at.outer) {
                (Some(variable), _) => return Some(variable),
                (None, Some(outer)) => at = outer,
                (None, None) => return None,
            }
        }
    }

    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        self.find(name).map(|variable| variable.value.expose())
    }

    /// The names that env files set.
    pub(crate) fn of_files(&self) -> impl Iterator<Item = &str> {
        let of_files =
            self.by_name.iter().filter(|(_, variable)| matches!(variable.setting, Setting::File(_)));
        of_files.map(|(name, _)| &**name)
    }

    /// Every name with its value, and once more with each that is hidden.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, &str)> {
        self.by_name.iter().flat_map(|(name, variable)| {
            let hidden = variable.hidden.iter().map(|(value, _)| value);
            std::iter::once(&variable.value).chain(hidden).map(|value| (&**name, value.expose()))
        })
    }

    /// Sets a variable that is not set; an older value wins, and remembers what it hid.
    pub(crate) fn offer(&mut self, name: &Arc<str>, value: Text, setting: Setting) {
        if !self.by_name.contains_key(name) {
            let outer = self.outer.as_ref().and_then(|outer| outer.find(name));
            let outer = outer.map(|outer| Variable {
                value: outer.value.clone(),
                setting: outer.setting,
                // The rest is in the environment outside.
                hidden: outer.hidden.iter().take(64).cloned().collect(),
            });
            let new = || Variable { value: value.clone(), setting, hidden: Vec::new() };
            self.by_name.insert(name.clone(), outer.unwrap_or_else(new));
        }
        if let Some(variable) = self.by_name.get_mut(name)
            && variable.setting != setting
        {
            variable.hidden.push((value, setting));
        }
    }

    /// Sets a variable whatever it was; the older value is remembered as hidden.
    pub(crate) fn set(&mut self, name: &str, value: Text, setting: Setting) {
        let mut variable = Variable { value, setting, hidden: Vec::new() };
        if let Some(older) = self.by_name.remove(name) {
            if older.setting != setting {
                variable.hidden.push((older.value, older.setting));
            }
            variable.hidden.extend(older.hidden);
        }
        self.by_name.insert(Arc::from(name), variable);
    }
}
