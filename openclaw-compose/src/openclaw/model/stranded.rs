//! Containers left behind in a network namespace that is gone. Whoever borrows one joins it when it starts; when the owner
//! is made anew or started again there is another, and the borrower stays where nobody is. Its owner may look as before: a
//! restart keeps the container and its id, so only the times of the starts tell.

use std::collections::BTreeMap;

use crate::source::{Format, Span, Text};
use crate::syntax::json5::{self, Node};

use super::containers::{Container, Runtime};
use super::files::Reader;
use super::namespaces::{Namespaces, lender};
use super::services::{Service, Services};

/// Why a container is where nobody is.
#[derive(Debug)]
pub(crate) struct Stranded {
    /// Whose namespace it borrows, as a service or else as a container.
    pub(crate) lender: String,
    pub(crate) since: Since,
}

/// What happened to the namespace since it was joined.
#[derive(Debug)]
pub(crate) enum Since {
    /// The container that it was of is gone.
    Recreated,
    /// That container was started again, after the borrower.
    Restarted { owner: Start, borrower: Start },
    /// The lender is in a lost one itself.
    WithLender,
}

/// When a container was started, as the engine prints it, and where that is printed.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) at: String,
    pub(crate) span: Option<Span>,
}

/// The services whose running containers were left behind.
pub(crate) fn find(
    runtime: &Runtime,
    services: &Services<'_>,
    namespaces: &Namespaces,
    inspects: &[(String, Text)],
    reader: &mut Reader<'_>,
) -> BTreeMap<String, Stranded> {
    let mut printed = Inspects { texts: inspects, read: BTreeMap::new() };
    let mut out = BTreeMap::new();
    for service in &services.list {
        if let Some(stranded) = directly(service, runtime, services, &mut printed, reader) {
            out.insert(service.name.to_owned(), stranded);
        }
    }
    let mut next: Vec<String> = out.keys().cloned().collect();
    while let Some(lender) = next.pop() {
        for borrower in namespaces.borrowers.get(&lender).into_iter().flatten() {
            let is_up = runtime.of(borrower).is_some_and(|container| container.state.running);
            if is_up && !out.contains_key(borrower) {
                let stranded = Stranded { lender: lender.clone(), since: Since::WithLender };
                out.insert(borrower.clone(), stranded);
                next.push(borrower.clone());
            }
        }
    }
    out
}

fn directly(
    service: &Service<'_>,
    runtime: &Runtime,
    services: &Services<'_>,
    printed: &mut Inspects<'_>,
    reader: &mut Reader<'_>,
) -> Option<Stranded> {
    let borrower = runtime.of(service.name).filter(|container| container.state.running)?;
    let owner = borrower.host_config.network_mode.strip_prefix("container:")?;
    let lender = lender(service, services).map(|lender| lender.name);
    let Some(owner) = runtime.named(owner) else {
        let lender = lender.filter(|lender| runtime.services.contains_key(*lender))?;
        return Some(Stranded { lender: lender.to_owned(), since: Since::Recreated });
    };
    // An owner that keeps dying takes its borrowers' network along each time, which is not what is wrong then.
    let is_up = owner.state.running && !owner.state.restarting;
    let is_later = owner.state.started()? > borrower.state.started()?;
    (is_up && is_later).then(|| Stranded {
        lender: lender.unwrap_or_else(|| owner.name.trim_start_matches('/')).to_owned(),
        since: Since::Restarted {
            owner: printed.start_of(owner, reader),
            borrower: printed.start_of(borrower, reader),
        },
    })
}

/// The texts of `docker inspect`, entered into the sources and read for their places when one is asked for.
struct Inspects<'t> {
    texts: &'t [(String, Text)],
    read: BTreeMap<usize, Option<Node>>,
}

impl Inspects<'_> {
    fn start_of(&mut self, container: &Container, reader: &mut Reader<'_>) -> Start {
        let span =
            self.printed(container, reader).and_then(|one| Some(one.at(&["State", "StartedAt"])?.span));
        Start { at: container.state.started_at.clone(), span }
    }

    /// What was printed of a container.
    fn printed(&mut self, container: &Container, reader: &mut Reader<'_>) -> Option<&Node> {
        let (text, nth) = container.printed;
        let (name, printed) = self.texts.get(text)?;
        let node = self.read.entry(text).or_insert_with(|| {
            let file = reader.enter(Format::Json, name, printed.expose());
            json5::parse(file, printed.expose()).ok()
        });
        // One container by itself is printed without a list.
        node.as_ref().map(|node| node.items().get(nth).unwrap_or(node))
    }
}
