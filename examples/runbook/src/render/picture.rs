//! The topology as a picture: namespaces as frames one below the other, who stands in each, and in the margin the way of
//! each client, as far as it comes. It is laid out once, and drawn with the characters of a terminal or as SVG.

mod svg;
mod terminal;

use std::collections::{BTreeMap, BTreeSet};

use crate::gates::{Client, ClientGates, Gate, Kind, State};
use crate::ticket::Ticket;
use crate::topology::{Listens, Member, Port, PortId, Proxy, Role, Space, SpaceOf, Way};
pub(super) use svg::svg;
pub use terminal::picture;

/// The most rows that are drawn; what more there is, is counted.
const ROWS: usize = 60;
/// The most lanes in the margin; more ways than that share them.
const LANES: usize = 6;

/// Frames and the legs between their rows.
struct Picture {
    frames: Vec<Frame>,
    legs: Vec<Leg>,
    lanes: usize,
    /// Frames that found no room.
    left_out: usize,
}

/// One network namespace, or everybody outside of them.
struct Frame {
    title: String,
    rows: Vec<Row>,
}

/// Somebody or something that a way begins at, leads through or ends at.
struct Row {
    name: String,
    /// How it stands, for a client.
    stands: Option<(Passage, String)>,
    detail: String,
}

/// A piece of a way, from row to row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Leg {
    from: usize,
    to: usize,
    passage: Passage,
    lane: usize,
}

/// How far a way is open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Passage {
    Open,
    /// Shut where it begins.
    ShutAtStart,
    /// Shut where it ends.
    ShutAtEnd,
    /// Nobody saw, or it breaks before.
    Unseen,
}

/// What a row stands for.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Spot<'t> {
    /// A service of the stack.
    Service(&'t str),
    /// A client that is none.
    Client(&'t str),
    Port(usize),
    /// A proxy that is none of the stack.
    Proxy(&'t str),
}

impl Picture {
    /// Lays out the topology of a ticket; nothing where no gateway is in sight.
    fn of(ticket: &Ticket) -> Option<Self> {
        let topology = &ticket.topology;
        let mut gateways = topology.spaces.iter().flat_map(|space| &space.members);
        let gateway = gateways.find(|member| member.role == Role::Gateway)?;
        let clients: BTreeMap<&str, &ClientGates> =
            ticket.clients.iter().map(|gates| (gates.client.name.as_str(), gates)).collect();
        let mut layout = Layout::default();
        layout.outside(ticket);
        layout.host(ticket, &clients);
        for space in topology.spaces.iter().filter(|space| space.of != SpaceOf::Host) {
            layout.space(space, &clients);
        }
        let mut ways: BTreeMap<&str, &Way> =
            topology.ways.iter().rev().map(|way| (way.client.as_str(), way)).collect();
        let mut legs = BTreeSet::new();
        for gates in &ticket.clients {
            match ways.remove(gates.client.name.as_str()) {
                Some(way) => legs.extend(layout.legs(gates, way)),
                // Whom only the evidence shows comes to the gateway somehow.
                None => {
                    let (client, gateway) = (gates.client.name.clone(), gateway.service.clone());
                    legs.extend(layout.legs(gates, &Way { client, gateway, port: None, proxy: None }));
                }
            }
        }
        let (legs, lanes) = in_lanes(legs);
        Some(Self { frames: layout.frames, legs, lanes, left_out: layout.left_out })
    }
}

/// The frames so far, and where in them everybody stands.
#[derive(Default)]
struct Layout<'t> {
    frames: Vec<Frame>,
    rows: BTreeMap<Spot<'t>, usize>,
    count: usize,
    left_out: usize,
}

impl<'t> Layout<'t> {
    /// Everybody who is neither on the host nor a service.
    fn outside(&mut self, ticket: &'t Ticket) {
        let services: BTreeSet<&str> = services(ticket);
        let is_outside =
            |client: &&Client| client.kind != Kind::Host && !services.contains(client.name.as_str());
        let mut rows: Vec<(Spot<'t>, Row)> = Vec::new();
        for gates in ticket.clients.iter().filter(|gates| is_outside(&&gates.client)) {
            rows.push((Spot::Client(&gates.client.name), client(gates)));
        }
        let mut named = BTreeSet::new();
        for way in &ticket.topology.ways {
            if let Some(Proxy::Elsewhere(who)) = &way.proxy
                && named.insert(who)
            {
                let row = Row { name: who.clone(), stands: None, detail: "proxy".to_owned() };
                rows.push((Spot::Proxy(who), row));
            }
        }
        self.frame("outside of the stack".to_owned(), rows);
    }

    fn host(&mut self, ticket: &'t Ticket, clients: &BTreeMap<&str, &'t ClientGates>) {
        let topology = &ticket.topology;
        let services: BTreeSet<&str> = services(ticket);
        let of_host = ticket.clients.iter().filter(|gates| {
            gates.client.kind == Kind::Host && !services.contains(gates.client.name.as_str())
        });
        let mut rows: Vec<(Spot<'t>, Row)> =
            of_host.map(|gates| (Spot::Client(&gates.client.name), client(gates))).collect();
        let ports = topology.ports.iter().enumerate();
        rows.extend(ports.map(|(at, Port { host, service, target })| {
            let name = if host.is_empty() { "a port that Docker picks" } else { host };
            let detail = format!("published, to {target} of {service}");
            (Spot::Port(at), Row { name: name.to_owned(), stands: None, detail })
        }));
        let spaces = topology.spaces.iter().filter(|space| space.of == SpaceOf::Host);
        for member in spaces.flat_map(|space| &space.members) {
            rows.push((Spot::Service(&member.service), service(member, clients)));
        }
        self.frame("host".to_owned(), rows);
    }

    fn space(&mut self, space: &'t Space, clients: &BTreeMap<&str, &'t ClientGates>) {
        let mut title = match &space.of {
            SpaceOf::Host => "host".to_owned(),
            SpaceOf::Service(owner) => format!("namespace of {owner}"),
            SpaceOf::Container(name) => {
                format!("namespace of container {name}, outside of the stack")
            }
            SpaceOf::None(service) => format!("no network: {service} alone"),
            SpaceOf::Missing(name) => format!("namespace of {name}, which is not there"),
        };
        if !space.networks.is_empty() {
            title.push_str(&format!(", on {}", space.networks.join(", ")));
        }
        let row = |member: &'t Member| (Spot::Service(&member.service), service(member, clients));
        let rows = space.members.iter().map(row).collect();
        self.frame(title, rows);
    }

    fn frame(&mut self, title: String, rows: Vec<(Spot<'t>, Row)>) {
        if rows.is_empty() {
            return;
        }
        if self.count + rows.len() > ROWS {
            self.left_out += 1;
            return;
        }
        let mut drawn = Vec::new();
        for (spot, row) in rows {
            self.rows.insert(spot, self.count);
            self.count += 1;
            drawn.push(row);
        }
        self.frames.push(Frame { title, rows: drawn });
    }

    /// The legs of a client's way, as far as their ends are drawn. Nobody goes to themselves.
    fn legs(&self, gates: &ClientGates, way: &'t Way) -> Vec<Leg> {
        let row = |spot| self.rows.get(&spot).copied();
        let name = gates.client.name.as_str();
        let start = row(Spot::Service(name)).or_else(|| row(Spot::Client(name)));
        let port = way.port.map(PortId::index).and_then(|at| row(Spot::Port(at)));
        let proxy = way.proxy.as_ref().and_then(|proxy| match proxy {
            Proxy::Service(name) => row(Spot::Service(name)),
            Proxy::Elsewhere(who) => row(Spot::Proxy(who)),
        });
        let is_elsewhere = matches!(way.proxy, Some(Proxy::Elsewhere(_)));
        let between = if is_elsewhere { [proxy, port] } else { [port, proxy] };
        let (Some(start), Some(end)) = (start, row(Spot::Service(&way.gateway))) else { return Vec::new() };
        let stops: Vec<usize> =
            [Some(start)].into_iter().chain(between).chain([Some(end)]).flatten().collect();
        let last = stops.len().saturating_sub(2);
        let legs = stops.iter().zip(stops.iter().skip(1)).enumerate();
        let leg = |(at, (&from, &to)): (usize, (&usize, &usize))| {
            let passage = passage(gates, at, last);
            (from != to).then_some(Leg { from, to, passage, lane: 0 })
        };
        legs.filter_map(leg).collect()
    }
}

/// How one leg of a client's way is, by the client's gates.
fn passage(gates: &ClientGates, leg: usize, last: usize) -> Passage {
    let Some(red) = gates.first_red() else {
        let reach = gates.gates.iter().find(|status| status.gate == Gate::Reach);
        let arrives = reach.is_some_and(|status| status.state == State::Green);
        return if arrives { Passage::Open } else { Passage::Unseen };
    };
    let (broken, how) = match red.gate {
        Gate::Published => (0, Passage::ShutAtEnd),
        Gate::Reach if gates.client.kind == Kind::Service => (0, Passage::ShutAtStart),
        _ => (last, Passage::ShutAtEnd),
    };
    match leg.cmp(&broken) {
        std::cmp::Ordering::Equal => how,
        std::cmp::Ordering::Less if red.gate > Gate::Reach => Passage::Open,
        _ => Passage::Unseen,
    }
}

/// Gives each leg a lane. Those that end at one row in one way share theirs; the shortest are drawn nearest.
fn in_lanes(legs: BTreeSet<Leg>) -> (Vec<Leg>, usize) {
    let mut bundles: BTreeMap<(usize, Passage), Vec<Leg>> = BTreeMap::new();
    for leg in legs {
        bundles.entry((leg.to, leg.passage)).or_default().push(leg);
    }
    let mut bundles: Vec<Vec<Leg>> = bundles.into_values().collect();
    bundles.sort_by_key(|legs| legs.iter().map(|leg| leg.from.abs_diff(leg.to)).max());
    let lanes = bundles.len().min(LANES);
    let placed = bundles
        .into_iter()
        .enumerate()
        .flat_map(|(at, legs)| legs.into_iter().map(move |leg| Leg { lane: at % LANES, ..leg }));
    (placed.collect(), lanes)
}

fn services(ticket: &Ticket) -> BTreeSet<&str> {
    let members = ticket.topology.spaces.iter().flat_map(|space| &space.members);
    members.map(|member| member.service.as_str()).collect()
}

fn client(gates: &ClientGates) -> Row {
    let detail = gates.client.url.clone().unwrap_or_else(|| "no URL is known".to_owned());
    Row { name: gates.client.name.clone(), stands: Some(stands(gates)), detail }
}

fn service(member: &Member, clients: &BTreeMap<&str, &ClientGates>) -> Row {
    let Member { service, role, listens, status } = member;
    let gates = clients.get(service.as_str());
    let mut detail = match listens {
        Some(Listens { starts: false, .. }) => "gateway, does not start".to_owned(),
        Some(Listens { scope, port: Some(port), .. }) => format!("gateway, listens on {port} ({scope})"),
        Some(Listens { scope, port: None, .. }) => format!("gateway, listens ({scope})"),
        None => match gates.and_then(|gates| gates.client.url.as_ref()) {
            Some(url) => url.clone(),
            None => role.word().to_owned(),
        },
    };
    if let Some(status) = status {
        detail.push_str(&format!(", {status}"));
    }
    let stands = gates.filter(|_| listens.is_none()).map(|gates| stands(gates));
    Row { name: service.clone(), stands, detail }
}

fn stands(gates: &ClientGates) -> (Passage, String) {
    if let Some(red) = gates.first_red() {
        return (Passage::ShutAtEnd, format!("RED at {}", red.gate));
    }
    match gates.gates.iter().find(|status| status.state != State::Green) {
        Some(unseen) => (Passage::Unseen, format!("? from {} on", unseen.gate)),
        None => (Passage::Open, "ok to the session".to_owned()),
    }
}

/// At most so many characters, the last a mark that some are missing.
fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}
