//! Network namespaces as a graph: which service has its own, who borrows whose, who is on the host, and who is stranded
//! when an owner restarts.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::services::{Service, Services};

/// The namespace a service's sockets live in, followed to its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(clippy::exhaustive_enums, reason = "a picture of namespaces has a line for each")]
pub enum Namespace {
    /// Its own, or that of the service it borrows from.
    Service(String),
    /// That of a container outside the stack.
    Container(String),
    /// The Docker host's. On macOS that is Docker's virtual machine, not the Mac.
    Host,
    /// Loopback only, shared with nobody.
    None(String),
    /// It borrows from a service that is not there, or in a circle.
    Dangling {
        /// The borrower.
        service: String,
        /// The name it borrows from.
        from: String,
    },
}

/// Who lives in which namespace.
#[derive(Clone, Debug, Serialize)]
pub struct Namespaces {
    /// Every service with the namespace its sockets live in.
    pub of: BTreeMap<String, Namespace>,
    /// Every direct borrowing: service, and the service it borrows from.
    pub borrows: Vec<(String, String)>,
    /// The direct borrowers of each lender.
    #[serde(skip)]
    pub(crate) borrowers: BTreeMap<String, Vec<String>>,
}

impl Namespaces {
    pub(crate) fn read(services: &Services<'_>) -> Self {
        let list = &services.list;
        let lenders: Vec<Option<usize>> =
            list.iter().map(|service| services.position(lender(service, services)?.name)).collect();
        let of = list
            .iter()
            .zip(ends(&lenders))
            .zip(&lenders)
            .map(|((service, end), lender)| {
                let namespace = match end.and_then(|end| list.get(end)) {
                    Some(end) => own(end),
                    None => Namespace::Dangling {
                        service: service.name.to_owned(),
                        from: lender.and_then(|at| list.get(at)).map_or("", |lender| lender.name).to_owned(),
                    },
                };
                (service.name.to_owned(), namespace)
            })
            .collect();
        let borrows: Vec<(String, String)> = list
            .iter()
            .zip(&lenders)
            .filter_map(|(service, lender)| {
                Some((service.name.to_owned(), list.get((*lender)?)?.name.to_owned()))
            })
            .collect();
        let mut borrowers: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // Whoever is run on demand joins the namespace that is there then.
        let stays = |name: &str| services.named(name).is_some_and(|service| !service.on_demand);
        for (borrower, from) in borrows.iter().filter(|(borrower, _)| stays(borrower)) {
            borrowers.entry(from.clone()).or_default().push(borrower.clone());
        }
        Self { of, borrows, borrowers }
    }

    /// The services that borrow the network of `owner` themselves, and lose it when that is restarted or recreated.
    #[must_use]
    pub fn borrowers_of(&self, owner: &str) -> &[String] {
        self.borrowers.get(owner).map_or(&[], Vec::as_slice)
    }

    /// The services that lose their network when `owner` is restarted or recreated, directly or through another borrower.
    #[must_use]
    pub fn stranded_by(&self, owner: &str) -> Vec<&str> {
        let mut out: BTreeSet<&str> = BTreeSet::new();
        let mut next = vec![self.borrowers_of(owner)];
        while let Some(borrowers) = next.pop() {
            for borrower in borrowers.iter().filter(|borrower| *borrower != owner) {
                if out.insert(borrower) {
                    next.push(self.borrowers_of(borrower));
                }
            }
        }
        out.into_iter().collect()
    }

    /// Whether two services share one loopback.
    #[must_use]
    pub fn share(&self, a: &str, b: &str) -> bool {
        matches!((self.of.get(a), self.of.get(b)), (Some(a), Some(b)) if a == b)
    }
}

/// The service whose namespace this one borrows, by service name or by the name of its container.
pub(crate) fn lender<'s, 'a>(service: &Service<'_>, services: &'s Services<'a>) -> Option<&'s Service<'a>> {
    let mode = service.network_mode.as_ref()?.value;
    if let Some(name) = mode.strip_prefix("service:") {
        return services.named(name);
    }
    services.of_container(mode.strip_prefix("container:")?)
}

/// Where every chain of borrowers ends; nothing for those that borrow in a circle.
fn ends(lenders: &[Option<usize>]) -> Vec<Option<usize>> {
    let mut borrowers: Vec<Vec<usize>> = vec![Vec::new(); lenders.len()];
    for (borrower, lender) in lenders.iter().enumerate() {
        if let Some(of_lender) = lender.and_then(|lender| borrowers.get_mut(lender)) {
            of_lender.push(borrower);
        }
    }
    let mut ends = vec![None; lenders.len()];
    let lends = lenders.iter().enumerate().filter(|(_, lender)| lender.is_none());
    for (owner, _) in lends {
        let mut next = vec![owner];
        while let Some(at) = next.pop() {
            if let Some(end) = ends.get_mut(at) {
                *end = Some(owner);
            }
            next.extend(borrowers.get(at).into_iter().flatten());
        }
    }
    ends
}

/// The namespace of a service that borrows from no other service of the stack.
fn own(service: &Service<'_>) -> Namespace {
    let name = || service.name.to_owned();
    let Some(mode) = service.network_mode.as_ref().map(|mode| mode.value) else {
        return Namespace::Service(name());
    };
    match mode.split_once(':') {
        Some(("service", from)) => Namespace::Dangling { service: name(), from: from.to_owned() },
        Some(("container", container)) => Namespace::Container(container.to_owned()),
        _ if mode == "host" => Namespace::Host,
        _ if mode == "none" => Namespace::None(name()),
        _ => Namespace::Service(name()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::{self, Inputs, Texts};

    fn namespaces(services: &str) -> Namespaces {
        let files = Texts::new().file("/srv/compose.yaml", format!("services:\n{services}"));
        let resolution = project::resolve(&Inputs::new("/srv"), &files);
        Namespaces::read(&Services::read(&resolution, |_| false))
    }

    /// A walk of the chain for every service in it, and of the list for every step, would take minutes.
    #[test]
    fn a_long_chain_of_borrowers_is_followed_once() {
        const LENGTH: usize = 2000;
        let link = |i: usize| format!("  s{i}: {{image: x, network_mode: 'service:s{}'}}\n", i + 1);
        let chain: String = (0..LENGTH).map(link).collect();
        let namespaces = namespaces(&format!("{chain}  s{LENGTH}: {{image: x}}\n"));
        let owner = format!("s{LENGTH}");
        assert!(namespaces.of.values().all(|end| *end == Namespace::Service(owner.clone())));
        assert_eq!(namespaces.stranded_by(&owner).len(), LENGTH);
        assert_eq!(namespaces.stranded_by("s1"), ["s0"]);
        assert!(namespaces.share("s0", &owner));
    }

    #[test]
    fn a_circle_of_borrowers_ends_nowhere() {
        let namespaces = namespaces(
            "  a: {image: x, network_mode: 'service:b'}\n  b: {image: x, network_mode: 'service:a'}\n  c: {image: x, network_mode: 'service:b'}\n",
        );
        let dangling =
            |service: &str, from: &str| Namespace::Dangling { service: service.into(), from: from.into() };
        let ends: Vec<&Namespace> = namespaces.of.values().collect();
        assert_eq!(ends, [&dangling("a", "b"), &dangling("b", "a"), &dangling("c", "b")]);
        assert_eq!(namespaces.stranded_by("a"), ["b", "c"]);
        assert!(!namespaces.share("a", "b"));
    }
}
