#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::unwrap_in_result,
    reason = "a test that cannot prepare its files has failed"
)]

use std::os::unix::fs::symlink;

use super::*;
use crate::project::Special;

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(tree.0.path().join("stack/state")).unwrap();
        fs::create_dir_all(tree.0.path().join("elsewhere")).unwrap();
        tree.write("elsewhere/secret", "secret");
        tree
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn link(&self, name: &str, target: &str) {
        symlink(target, self.path(name)).unwrap();
    }

    /// Reads a path of the stack as the programs do.
    fn read(&self, name: &str) -> Result<String, ReadError> {
        self.read_in(&["stack"], name)
    }

    fn read_in(&self, bounds: &[&str], name: &str) -> Result<String, ReadError> {
        let bounds: Vec<String> = bounds.iter().map(|bound| self.path(bound)).collect();
        let bounds: Vec<&str> = bounds.iter().map(String::as_str).collect();
        let bytes = Disk::confined().read_within(&bounds, &self.path(name))?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    /// The link that led out, and where, below the tree.
    fn led_out(&self, bounds: &[&str], name: &str) -> (String, String) {
        let Err(ReadError::LeadsOut { link, target }) = self.read_in(bounds, name) else {
            panic!("{name} was followed: {:?}", self.read_in(bounds, name));
        };
        let root = fs::canonicalize(self.0.path()).unwrap();
        let below = |path: String| {
            let path = std::path::PathBuf::from(path);
            let below = path.strip_prefix(self.0.path()).or_else(|_| path.strip_prefix(&root));
            below.map_or_else(|_| path.clone(), Path::to_path_buf).to_str().unwrap().to_owned()
        };
        (below(link), below(target))
    }
}

#[test]
fn only_regular_files_are_opened() {
    let tree = Tree::new();
    let made = std::process::Command::new("mkfifo").arg(tree.path("stack/pipe")).status().unwrap();
    assert!(made.success());
    let _socket = std::os::unix::net::UnixListener::bind(tree.path("stack/socket")).unwrap();
    tree.link("stack/null", "/dev/null");
    tree.link("stack/zero", "/dev/zero");
    tree.link("stack/pipe-by-link", "pipe");
    for disk in [Disk::following(), Disk::confined()] {
        let read = |name: &str| disk.read_within(&[], &tree.path(name));
        assert_eq!(read("stack/pipe"), Err(ReadError::NotRegular(Special::Fifo)));
        assert_eq!(read("stack/pipe-by-link"), Err(ReadError::NotRegular(Special::Fifo)));
        assert_eq!(read("stack/socket"), Err(ReadError::NotRegular(Special::Socket)));
        assert_eq!(read("stack/state"), Err(ReadError::Directory));
        assert_eq!(read("stack/none"), Err(ReadError::NotFound));
    }
    let read = |name: &str| Disk::following().read(&tree.path(name));
    assert_eq!(read("stack/null"), Err(ReadError::NotRegular(Special::Device)));
    assert_eq!(read("stack/zero"), Err(ReadError::NotRegular(Special::Device)));
}

#[test]
fn files_without_a_size_and_large_ones_are_bounded() {
    let tree = Tree::new();
    let file = fs::File::create(tree.path("stack/large")).unwrap();
    file.set_len(Disk::LIMIT + 1).unwrap();
    assert_eq!(tree.read("stack/large"), Err(ReadError::TooLarge { limit: Disk::LIMIT }));
    file.set_len(Disk::LIMIT).unwrap();
    assert!(tree.read("stack/large").is_ok());
    #[cfg(target_os = "linux")]
    assert!(Disk::following().read("/proc/self/status").is_ok_and(|bytes| !bytes.is_empty()));
}

#[test]
fn links_are_followed_inside_and_not_out() {
    let tree = Tree::new();
    tree.write("stack/state/real", "real");
    tree.link("stack/relative", "state/real");
    tree.link("stack/absolute", &tree.path("stack/state/real"));
    tree.link("stack/up-and-back", "../stack/state/real");
    for name in ["relative", "absolute", "up-and-back", "state/real"] {
        assert_eq!(tree.read(&format!("stack/{name}")).as_deref(), Ok("real"), "{name}");
    }
    tree.link("stack/.env", "../elsewhere/secret");
    tree.link("stack/by-name", &tree.path("elsewhere/secret"));
    tree.link("stack/chain", ".env");
    tree.link("stack/folder", "../elsewhere");
    for (name, link) in [(".env", ".env"), ("by-name", "by-name"), ("chain", "chain")] {
        let (out, target) = tree.led_out(&["stack"], &format!("stack/{name}"));
        assert_eq!((out, target.as_str()), (format!("stack/{link}"), "elsewhere/secret"), "{name}");
    }
    let out = tree.led_out(&["stack"], "stack/folder/secret");
    assert_eq!(out, ("stack/folder".to_owned(), "elsewhere".to_owned()));
    // The same with links followed.
    let read = Disk::following().read_within(&[&tree.path("stack")], &tree.path("stack/folder/secret"));
    assert_eq!(read.as_deref(), Ok(&b"secret"[..]));
}

#[test]
fn a_link_to_nothing_is_out_where_it_points_out() {
    let tree = Tree::new();
    tree.link("stack/dangling-out", "../elsewhere/none");
    tree.link("stack/dangling-far", "/home/node/.openclaw/none");
    tree.link("stack/dangling-in", "state/none");
    tree.link("stack/circle", "circle");
    assert_eq!(tree.led_out(&["stack"], "stack/dangling-out").1, "elsewhere/none");
    assert_eq!(tree.led_out(&["stack"], "stack/dangling-far").1, "/home/node/.openclaw/none");
    assert_eq!(tree.read("stack/dangling-in"), Err(ReadError::NotFound));
    assert_eq!(tree.read("stack/circle"), Err(ReadError::Loop));
}

#[test]
fn what_lies_outside_is_bounded_by_its_own_directory_or_its_mount() {
    let tree = Tree::new();
    tree.write("stack/secret", "mine");
    fs::create_dir_all(tree.path("elsewhere/state/devices")).unwrap();
    tree.write("elsewhere/state/devices/a.json", "{}");
    // Spelled outside: read, but for a link out of its directory.
    assert_eq!(tree.read("elsewhere/secret").as_deref(), Ok("secret"));
    tree.link("elsewhere/out", "../stack/secret");
    assert_eq!(tree.led_out(&["stack"], "elsewhere/out").0, "elsewhere/out");
    // A mount is read down to its depth, and a link in it stays in it.
    let mounts = ["stack", "elsewhere/state"];
    assert_eq!(tree.read_in(&mounts, "elsewhere/state/devices/a.json").as_deref(), Ok("{}"));
    tree.link("elsewhere/state/openclaw.json", "../secret");
    tree.link("elsewhere/state/other", "../../elsewhere");
    assert_eq!(tree.led_out(&mounts, "elsewhere/state/openclaw.json").0, "elsewhere/state/openclaw.json");
    assert_eq!(tree.led_out(&mounts, "elsewhere/state/other/secret").0, "elsewhere/state/other");
    // The mount's own path is the compose file's word, unless it lies in the stack and is a link out of it.
    tree.link("elsewhere/link-to-state", "state");
    assert!(
        tree.read_in(&["stack", "elsewhere/link-to-state"], "elsewhere/link-to-state/devices/a.json").is_ok()
    );
    tree.link("stack/mount", "../elsewhere/state");
    assert_eq!(tree.led_out(&["stack", "stack/mount"], "stack/mount/devices/a.json").0, "stack/mount");
    // In the mount but out of it into the stack: the container would see something else.
    tree.link("stack/state/openclaw.json", "../secret");
    assert_eq!(
        tree.led_out(&["stack", "stack/state"], "stack/state/openclaw.json").0,
        "stack/state/openclaw.json"
    );
}

#[test]
fn a_stack_may_be_reached_by_a_link() {
    let tree = Tree::new();
    tree.write("stack/.env", "A=1");
    tree.link("current", "stack");
    assert_eq!(tree.read_in(&["current"], "current/.env").as_deref(), Ok("A=1"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_directory_that_may_only_be_entered_is_stepped_through() {
    use std::os::unix::fs::PermissionsExt as _;
    let tree = Tree::new();
    tree.write("stack/state/real", "real");
    fs::set_permissions(tree.path("stack/state"), fs::Permissions::from_mode(0o311)).unwrap();
    assert_eq!(tree.read("stack/state/real").as_deref(), Ok("real"));
    fs::set_permissions(tree.path("stack/state"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_directory_is_listed_within_its_bounds() {
    let tree = Tree::new();
    tree.write("stack/state/b", "");
    tree.write("stack/state/a", "");
    tree.link("stack/logs", "../elsewhere");
    let names = |name: &str| Disk::confined().names_within(&[&tree.path("stack")], &tree.path(name));
    assert_eq!(names("stack/state").unwrap(), ["a", "b"]);
    assert!(matches!(names("stack/logs"), Err(ReadError::LeadsOut { .. })));
    assert_eq!(names("stack/none"), Err(ReadError::NotFound));
    assert!(names("stack/state/a").is_err());
}
