//! Each crate is a house of floors: its imports go down, and no room of a folder needs a room that needs it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot prepare its case has failed")]
#![expect(clippy::disallowed_methods, reason = "the sources are files")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// A module as its file says it: what its imports bind, and every path that it names.
struct Room {
    /// Name and path of each import.
    imports: Vec<(String, Vec<String>)>,
    paths: Vec<Vec<String>>,
}

/// A crate's modules by their paths, the root's empty.
struct House(BTreeMap<Vec<String>, Room>);

impl House {
    fn read(source: &Path) -> Self {
        let mut rooms = BTreeMap::new();
        let mut folders = vec![(source.to_owned(), Vec::new())];
        while let Some((folder, above)) = folders.pop() {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                let stem = path.file_stem().unwrap().to_str().unwrap();
                let mut module: Vec<String> = above.clone();
                if above.is_empty() && matches!(stem, "main" | "bin") {
                    continue;
                }
                if stem != "lib" {
                    module.push(stem.to_owned());
                }
                if path.is_dir() {
                    folders.push((path, module));
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    rooms.insert(module, Room::read(&fs::read_to_string(&path).unwrap()));
                }
            }
        }
        Self(rooms)
    }

    /// The path from the crate's root, where a path of `room` stays in the crate.
    fn absolute(&self, room: &[String], path: &[String]) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([room, rest].concat()),
            "super" => {
                let above = room.split_last()?.1;
                if rest.first().is_some_and(|next| next == "super") {
                    self.absolute(above, rest)
                } else {
                    Some([above, rest].concat())
                }
            }
            _ => {
                let child = [room, std::slice::from_ref(first)].concat();
                if self.0.contains_key(&child) {
                    return Some([room, path].concat());
                }
                let bound =
                    self.0.get(room)?.imports.iter().find(|(name, bound)| name == first && bound != path);
                Some([self.absolute(room, &bound?.1)?.as_slice(), rest].concat())
            }
        }
    }

    /// The module that defines what a path from the root names, however it is re-exported.
    fn owner(&self, path: &[String], hops: usize) -> Vec<String> {
        let depth = (0..=path.len()).rev().find(|depth| self.0.contains_key(&path[..*depth])).unwrap_or(0);
        let (module, rest) = path.split_at(depth);
        let Some((name, rest)) = rest.split_first() else { return module.to_vec() };
        let bound = self.0[module].imports.iter().find(|(bound, _)| bound == name);
        match bound.and_then(|(_, bound)| self.absolute(module, bound)) {
            Some(bound) if bound != path && hops < 8 => self.owner(&[&bound, rest].concat(), hops + 1),
            _ => module.to_vec(),
        }
    }

    /// Every arrow: a module, and one that it needs.
    fn arrows(&self) -> BTreeSet<(Vec<String>, Vec<String>)> {
        let mut out = BTreeSet::new();
        for (module, room) in &self.0 {
            for path in room.imports.iter().map(|(_, path)| path).chain(&room.paths) {
                if let Some(path) = self.absolute(module, path) {
                    out.insert((module.clone(), self.owner(&path, 0)));
                }
            }
        }
        out.retain(|(from, to)| from != to);
        out
    }
}

impl Room {
    fn read(text: &str) -> Self {
        let text = without_words(text.split("#[cfg(test)]\nmod tests").next().unwrap());
        let mut room = Self { imports: Vec::new(), paths: Vec::new() };
        let mut body = String::new();
        let mut rest = text.as_str();
        while let Some(at) = rest.find("use ") {
            let (before, after) = rest.split_at(at);
            body.push_str(before);
            let begins = before.chars().next_back().is_none_or(|c| c.is_whitespace());
            let end = after.find(';').filter(|_| begins);
            let Some(end) = end else {
                body.push_str("use ");
                rest = &after[4..];
                continue;
            };
            room.bind(&[], &after[4..end]);
            rest = &after[end..];
        }
        body.push_str(rest);
        let in_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        room.paths = body
            .split(|c| !in_path(c))
            .filter(|word| word.contains("::"))
            .map(|word| word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect())
            .collect();
        room
    }

    /// Enters a tree of imports below a path.
    fn bind(&mut self, above: &[String], tree: &str) {
        let mut depth = 0;
        let branches = tree.split(|c| {
            depth += i32::from(c == '{') - i32::from(c == '}');
            c == ',' && depth == 0
        });
        for branch in branches.map(str::trim).filter(|branch| !branch.is_empty()) {
            let parts = |path: &str| -> Vec<String> {
                path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
            };
            if let Some((path, inner)) = branch.split_once('{') {
                self.bind(&[above, &parts(path)].concat(), inner.trim_end().trim_end_matches('}'));
                continue;
            }
            let (path, alias) =
                branch.split_once(" as ").map_or((branch, None), |(path, as_)| (path, Some(as_)));
            let mut path = [above, &parts(path)].concat();
            if path.last().is_some_and(|last| last == "self") {
                path.pop();
            }
            if let Some(name) = alias.map(str::to_owned).or_else(|| path.last().cloned()) {
                self.imports.push((name, path));
            }
        }
    }
}

/// The text without comments and string literals.
fn without_words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut rest = line.split("//").next().unwrap();
        while let Some((before, after)) = rest.split_once('"') {
            out.push_str(before);
            rest = after.split_once('"').map_or("", |(_, after)| after);
        }
        out.push_str(rest);
        out.push('\n');
    }
    out
}

/// The rooms below a folder that stand in circles, each with those that it reaches and that reach it.
fn circles(folder: &[String], arrows: &BTreeSet<(Vec<String>, Vec<String>)>) -> BTreeSet<BTreeSet<String>> {
    let room = |module: &Vec<String>| module.strip_prefix(folder).and_then(|rest| rest.first().cloned());
    let mut reached: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, to) in arrows {
        if let (Some(from), Some(to)) = (room(from), room(to))
            && from != to
        {
            reached.entry(from).or_default().insert(to);
        }
    }
    loop {
        let further = reached.iter().map(|(room, next)| {
            let beyond = next.iter().filter_map(|next| reached.get(next)).flatten();
            (room.clone(), next.iter().chain(beyond).cloned().collect())
        });
        let further: BTreeMap<String, BTreeSet<String>> = further.collect();
        if further == reached {
            break;
        }
        reached = further;
    }
    let back = |room: &String, other: &String| reached.get(other).is_some_and(|next| next.contains(room));
    let in_one = reached.iter().filter(|(room, next)| next.contains(*room));
    in_one.map(|(room, next)| next.iter().filter(|other| back(room, other)).cloned().collect()).collect()
}

/// The floors of a crate as its front page lists them: module and number, the longest module first.
fn floors(front: &str) -> Vec<(Vec<String>, u32)> {
    let mut out = Vec::new();
    for row in front.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        let mut cells = row.split(" | ");
        let Some(Ok(floor)) = cells.next().map(str::parse) else { continue };
        for name in cells.next().unwrap_or_default().split('`').skip(1).step_by(2) {
            out.push((name.split("::").map(str::to_owned).collect(), floor));
        }
    }
    out.sort_by_key(|(module, _): &(Vec<String>, u32)| std::cmp::Reverse(module.len()));
    out
}

const CRATES: [&str; 4] = ["openclaw-token", "openclaw-compose", "openclaw-pairing", "openclaw-probe"];

fn source(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name).join("src")
}

#[test]
fn no_rooms_of_a_folder_stand_in_a_circle() {
    let mut wrong = Vec::new();
    for name in CRATES {
        let house = House::read(&source(name));
        let arrows = house.arrows();
        let folders: BTreeSet<&[String]> =
            house.0.keys().filter_map(|module| Some(module.split_last()?.1)).collect();
        for (folder, circle) in folders
            .iter()
            .flat_map(|folder| circles(folder, &arrows).into_iter().map(move |circle| (folder, circle)))
        {
            let rooms: Vec<String> =
                circle.iter().map(|room| [*folder, std::slice::from_ref(room)].concat().join("::")).collect();
            wrong.push(format!("{name}: {} need each other", rooms.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn one_word_is_one_type() {
    // A place, part of a finding, has the same shape in each crate and is held together elsewhere.
    const WORDS: [&str; 7] = ["Entry", "Gate", "Ladder", "Refusal", "Rung", "Stack", "Verdict"];
    let mut defined: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut folders: Vec<_> = CRATES.map(source).into();
    folders.extend(
        ["gateway", "oracle", "runbook", "small"].map(|name| source("examples").with_file_name(name)),
    );
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = without_words(&fs::read_to_string(&path).unwrap());
                let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
                for pair in words.windows(2).filter(|pair| matches!(pair[0], "struct" | "enum" | "type")) {
                    if let Some(word) = WORDS.into_iter().find(|word| *word == pair[1]) {
                        defined.entry(word).or_default().push(path.display().to_string());
                    }
                }
            }
        }
    }
    let twice: Vec<_> = defined.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
    assert_eq!(defined.len(), WORDS.len(), "{defined:#?}");
}

#[test]
fn imports_go_down() {
    let mut wrong = Vec::new();
    for name in CRATES {
        let source = source(name);
        let floors = floors(&fs::read_to_string(source.join("lib.rs")).unwrap());
        if floors.is_empty() {
            continue;
        }
        let floor = |module: &[String]| {
            floors.iter().find(|(below, _)| module.starts_with(below)).map(|(_, floor)| *floor)
        };
        let house = House::read(&source);
        for module in house.0.keys().filter(|module| !module.is_empty() && floor(module).is_none()) {
            wrong.push(format!("{name}: {} stands on no floor", module.join("::")));
        }
        for (from, to) in house.arrows().iter().filter(|(from, to)| !from.is_empty() && !to.is_empty()) {
            if floor(from) < floor(to) {
                wrong.push(format!("{name}: {} needs {}, which is above it", from.join("::"), to.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_circle_and_what_a_name_leads_to_are_seen() {
    let path = |text: &str| -> Vec<String> { text.split("::").map(str::to_owned).collect() };
    let house = House(BTreeMap::from([
        (Vec::new(), Room::read("")),
        (path("low"), Room::read("mod inner; pub use inner::Thing; // use crate::high::Above;")),
        (path("low::inner"), Room::read("struct Thing; #[cfg(test)]\nmod tests { use crate::high::Above; }")),
        (
            path("high"),
            Room::read("use crate::{low::Thing as Other, far};\nfn f() { far::g(\"crate::low\"); }"),
        ),
        (path("far"), Room::read("fn g() { super::high::f(); }")),
    ]));
    let arrows = house.arrows();
    assert!(arrows.contains(&(path("high"), path("low::inner"))), "{arrows:?}");
    assert!(arrows.iter().all(|(from, _)| from[0] != "low" || from.len() == 1), "{arrows:?}");
    let circle = BTreeSet::from(["far".to_owned(), "high".to_owned()]);
    assert_eq!(circles(&[], &arrows), BTreeSet::from([circle]));
}
