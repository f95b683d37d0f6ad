//! Relative paths become absolute, seen from the directory of the project (or of the file that `extends` or `include` names).

use crate::codes::Code;
use crate::source::Text;

use super::loader::Loader;
use super::model::{Map, Node, Value};
use super::paths;
use super::provenance::Event;
use super::raise::Raised;

/// How a path is read.
#[derive(Clone, Copy)]
enum Form {
    /// `~` is expanded; an empty path stays empty.
    Plain,
    /// As `Plain`, but a Windows path is left alone and an empty one is the directory itself.
    MaybeWindows,
    /// A build context: a URL, `service:x` or a remote repository is left alone.
    Context,
}

/// Makes every path of a tree absolute below `base`, which may itself be relative.
pub(crate) fn resolve(dict: &mut Node, base: &str, loader: &mut Loader<'_>) {
    let Some(map) = dict.as_map_mut() else { return };
    for section in map.iter_mut() {
        let key = section.key.clone();
        for resource in section.node.as_map_mut().into_iter().flat_map(Map::iter_mut) {
            let name = resource.key.clone();
            let Some(fields) = resource.node.as_map_mut() else { continue };
            match &*key {
                "services" => service(&name, fields, base, loader),
                "configs" | "secrets" => at(fields, "file", Form::MaybeWindows, base, loader),
                "volumes" => driver_options(fields, base, loader),
                _ => {}
            }
        }
    }
}

fn service(name: &str, fields: &mut Map, base: &str, loader: &mut Loader<'_>) {
    for field in fields.iter_mut() {
        let node = &mut field.node;
        match &*field.key {
            "build" => {
                let Some(build) = node.as_map_mut() else { continue };
                at(build, "context", Form::Context, base, loader);
                for entry in build
                    .get_mut("additional_contexts")
                    .and_then(Node::as_map_mut)
                    .into_iter()
                    .flat_map(Map::iter_mut)
                {
                    path(&mut entry.node, Form::Context, base, loader);
                }
                for entry in
                    build.get_mut("ssh").and_then(Node::as_map_mut).into_iter().flat_map(Map::iter_mut)
                {
                    path(&mut entry.node, Form::MaybeWindows, base, loader);
                }
            }
            "env_file" => {
                for item in node.as_list_mut().into_iter().flatten() {
                    if let Some(map) = item.as_map_mut() {
                        at(map, "path", Form::Plain, base, loader);
                    }
                }
            }
            "label_file" => {
                for item in node.as_list_mut().into_iter().flatten() {
                    path(item, Form::Plain, base, loader);
                }
            }
            "extends" => {
                if let Some(map) = node.as_map_mut()
                    && map
                        .get("file")
                        .and_then(Node::expose)
                        .is_some_and(|file| !super::remote::is_remote(file))
                {
                    at(map, "file", Form::Plain, base, loader);
                }
            }
            "develop" => {
                let watch =
                    node.as_map_mut().and_then(|map| map.get_mut("watch")).and_then(Node::as_list_mut);
                for item in watch.into_iter().flatten() {
                    if let Some(map) = item.as_map_mut() {
                        at(map, "path", Form::Plain, base, loader);
                    }
                }
            }
            "volumes" => {
                let Some(items) = node.as_list_mut() else { continue };
                for item in items {
                    let span = item.span;
                    let Some(map) = item.as_map_mut() else { continue };
                    if !map.get("type").is_some_and(|kind| kind.is("bind")) {
                        continue;
                    }
                    if map.contains("source") {
                        at(map, "source", Form::MaybeWindows, base, loader);
                    } else {
                        loader.raise(
                            Raised::error(
                                Code::BadVolume,
                                format!("service {name:?}: a bind mount needs a source"),
                            )
                            .at(span),
                        );
                    }
                }
            }
            _ => {}
        }
    }
}

fn driver_options(volume: &mut Map, base: &str, loader: &mut Loader<'_>) {
    if !volume.get("driver").is_some_and(|driver| driver.is("local")) {
        return;
    }
    let Some(options) = volume.get_mut("driver_opts").and_then(Node::as_map_mut) else { return };
    if options.get("o").is_some_and(|option| option.is("bind")) {
        at(options, "device", Form::MaybeWindows, base, loader);
    }
}

fn at(map: &mut Map, key: &str, form: Form, base: &str, loader: &mut Loader<'_>) {
    if let Some(node) = map.get_mut(key) {
        path(node, form, base, loader);
    }
}

fn path(node: &mut Node, form: Form, base: &str, loader: &mut Loader<'_>) {
    let Value::Text(text) = &node.value else { return };
    if matches!(form, Form::Context) && is_foreign(text.expose()) {
        return;
    }
    let expanded = paths::expand_home(text.expose(), loader.home());
    let stays = expanded.starts_with('/')
        || match form {
            Form::Plain | Form::Context => expanded.is_empty(),
            Form::MaybeWindows => paths::is_windows_absolute(&expanded),
        };
    let full = if stays { expanded } else { paths::join(base, &expanded) };
    if !text.is(&full) {
        if !loader.provenances.events(node.provenance).any(|event| matches!(event, Event::MadeAbsolute)) {
            node.provenance = loader.provenances.add(node.provenance, Event::MadeAbsolute);
        }
        node.value = Value::Text(Text::from(full));
    }
}

fn is_foreign(context: &str) -> bool {
    context.contains("://")
        || context.starts_with("service:")
        || ["github.com/", "git@"].iter().any(|prefix| context.starts_with(prefix))
}
