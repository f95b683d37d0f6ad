//! Network namespaces as a graph: which service has its own, who borrows whose, who is on the host, and who is stranded
//! when an owner restarts.

use std::collections::BTreeMap;

use serde::Serialize;

use super::services::{Service, Services};

/// The namespace a service's sockets live in, followed to its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
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
}

impl Namespaces {
    pub(super) fn read(services: &Services<'_>) -> Self {
        let of = services
            .list
            .iter()
            .map(|service| (service.name.to_owned(), follow(service, services)))
            .collect();
        let borrows = services
            .list
            .iter()
            .filter_map(|service| Some((service.name.to_owned(), lender(service, services)?.name.to_owned())))
            .collect();
        Self { of, borrows }
    }

    /// The services that lose their network when `owner` is restarted or recreated, directly or through another borrower.
    #[must_use]
    pub fn stranded_by(&self, owner: &str) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        let mut next = vec![owner];
        while let Some(lender) = next.pop() {
            for (borrower, from) in &self.borrows {
                if from == lender && borrower != owner && !out.contains(&borrower.as_str()) {
                    out.push(borrower);
                    next.push(borrower);
                }
            }
        }
        out.sort_unstable();
        out
    }

    /// Whether two services share one loopback.
    #[must_use]
    pub fn share(&self, a: &str, b: &str) -> bool {
        matches!((self.of.get(a), self.of.get(b)), (Some(a), Some(b)) if a == b)
    }
}

/// The service whose namespace this one borrows, by service name or by the name of its container.
pub(super) fn lender<'s, 'a>(service: &Service<'_>, services: &'s Services<'a>) -> Option<&'s Service<'a>> {
    let mode = service.network_mode.as_ref()?.value;
    if let Some(name) = mode.strip_prefix("service:") {
        return services.list.iter().find(|other| other.name == name);
    }
    let container = mode.strip_prefix("container:")?;
    services.of_container(container)
}

fn follow(service: &Service<'_>, services: &Services<'_>) -> Namespace {
    let mut here = service;
    for _ in 0..=services.list.len() {
        let Some(mode) = here.network_mode.as_ref().map(|mode| mode.value) else {
            return Namespace::Service(here.name.to_owned());
        };
        match lender(here, services) {
            Some(lender) => here = lender,
            None => {
                return match mode.split_once(':') {
                    Some(("service", from)) => {
                        Namespace::Dangling { service: here.name.to_owned(), from: from.to_owned() }
                    }
                    Some(("container", name)) => Namespace::Container(name.to_owned()),
                    _ if mode == "host" => Namespace::Host,
                    _ if mode == "none" => Namespace::None(here.name.to_owned()),
                    _ => Namespace::Service(here.name.to_owned()),
                };
            }
        }
    }
    Namespace::Dangling { service: service.name.to_owned(), from: here.name.to_owned() }
}
