//! The ticket as one page for a browser: no script, nothing that is loaded, in the colours that the reader prefers.

use super::markup::Markup;
use super::picture::svg;
use super::{headline, lanes, meaning, position, role};
use crate::finding::{Confidence, PlaceRole};
use crate::gates::{ClientGates, State};
use crate::ladders::Ladder;
use crate::ticket::{Excerpt, Noted, Ticket, Verdict};
use crate::timeline::Lanes;

/// Nothing is loaded and nothing runs, whatever a text might bring.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Renders the ticket as an HTML page, with what logs tell of pairing over time.
#[must_use]
pub fn html(ticket: &Ticket, lanes: Option<&Lanes>) -> String {
    let ticket = &*ticket.pasted();
    let mut page = Markup::new("<!DOCTYPE html>\n");
    page.element("html", &[("lang", &"en")], |page| {
        page.element("head", &[], |page| head(page, ticket));
        page.element("body", &[], |page| {
            page.element("header", &[], |page| title(page, ticket));
            page.element("main", &[], |page| {
                if let Some(noted) = ticket.cause() {
                    section(page, "cause", "First cause", |page| cause(page, ticket, noted));
                }
                if ticket.topology.spaces.iter().any(|space| !space.members.is_empty()) {
                    section(page, "topology", "Who reaches whom", |page| topology(page, ticket));
                }
                if let Some(lanes) = lanes {
                    section(page, "lanes", "Pairing over time", |page| {
                        page.element("figure", &[], |page| lanes::svg(page, lanes));
                    });
                }
                section(page, "gates", "Gates", |page| gates(page, ticket));
                let others = ticket.others().into_iter().map(|(gate, noted)| (gate.key(), noted));
                list(page, "others", "Also shut, or next behind the first cause", others);
                let advisories = ticket.advisories.iter().filter_map(|&id| ticket.finding(id));
                let advisories = advisories.map(|noted| (noted.finding.severity.word(), noted));
                list(page, "advisories", "Advisories", advisories);
                section(page, "evidence", "Evidence", |page| evidence(page, ticket));
            });
            page.element("footer", &[], |page| {
                page.words("p", &[], &format!("Exit status {}: {}.", ticket.exit, meaning(ticket)));
            });
        });
    });
    page.finish()
}

fn head(page: &mut Markup, ticket: &Ticket) {
    page.empty("meta", &[("charset", &"utf-8")]);
    page.empty("meta", &[("http-equiv", &"Content-Security-Policy"), ("content", &POLICY)]);
    page.empty("meta", &[("name", &"viewport"), ("content", &"width=device-width, initial-scale=1")]);
    page.empty("meta", &[("name", &"color-scheme"), ("content", &"light dark")]);
    page.words("title", &[], &format!("{}: {}", ticket.verdict.word(), headline(ticket)));
    page.element("style", &[], |page| page.own(include_str!("html.css")));
}

fn title(page: &mut Markup, ticket: &Ticket) {
    let class = match ticket.verdict {
        Verdict::Red => "verdict shut",
        Verdict::Green => "verdict open",
        Verdict::Open => "verdict doubt",
    };
    page.element("h1", &[], |page| {
        page.words("span", &[("class", &class)], ticket.verdict.word());
        page.text(" ");
        page.text(&headline(ticket));
    });
    page.element("dl", &[("class", &"facts")], |page| {
        let facts = [("stack", Some(&ticket.stack)), ("openclaw", Some(&ticket.openclaw))];
        let more = [("host", ticket.host.as_ref()), ("at", ticket.at.as_ref())];
        for (name, value) in facts.into_iter().chain(more) {
            let Some(value) = value else { continue };
            page.element("div", &[], |page| {
                page.words("dt", &[], name);
                page.words("dd", &[], value);
            });
        }
    });
}

/// A section under a heading of the second rank.
fn section(page: &mut Markup, id: &'static str, title: &str, inside: impl FnOnce(&mut Markup)) {
    page.own("\n");
    page.element("section", &[("aria-labelledby", &id)], |page| {
        page.words("h2", &[("id", &id)], title);
        inside(page);
    });
}

fn cause(page: &mut Markup, ticket: &Ticket, noted: &Noted) {
    let finding = &noted.finding;
    if let Some(first) = &ticket.first_cause {
        page.element("p", &[], |page| {
            page.words("code", &[], &finding.code.to_string());
            page.text(&format!(" shuts {} for ", first.gate));
            page.words("strong", &[], &first.clients.join(", "));
            if finding.confidence == Confidence::Inferred {
                page.text(" (inferred)");
            }
        });
    }
    page.words("p", &[("class", &"summary")], &finding.summary);
    places(page, noted);
    if !finding.evidence.is_empty() {
        page.words("h3", &[], "Because");
        bullets(page, &finding.evidence);
    }
    next(page, noted);
}

/// The lines that decided, what they are about underlined.
fn places(page: &mut Markup, noted: &Noted) {
    if noted.finding.places.is_empty() {
        return;
    }
    page.element("ul", &[("class", &"places")], |page| {
        for (at, place) in noted.finding.places.iter().enumerate() {
            page.element("li", &[], |page| {
                page.words("span", &[("class", &"role")], role(place.role));
                page.text(" ");
                page.words("code", &[], &position(place));
                if let Some(excerpt) = noted.excerpts.iter().find(|excerpt| excerpt.place == at) {
                    quote(page, place.line, excerpt, place.role);
                }
            });
        }
    });
}

fn quote(page: &mut Markup, line: u32, Excerpt { place: _, text, from, to }: &Excerpt, role: PlaceRole) {
    let piece = |from: usize, to: usize| -> String {
        text.chars().skip(from).take(to.saturating_sub(from)).collect()
    };
    page.element("pre", &[], |page| {
        page.words("span", &[("class", &"number")], &format!("{line} "));
        page.text(&piece(0, *from));
        let name = if role == PlaceRole::Decided { "mark" } else { "u" };
        page.words(name, &[], &piece(*from, *to));
        page.text(&piece(*to, usize::MAX));
    });
}

fn next(page: &mut Markup, noted: &Noted) {
    let remedy = noted.finding.remedy.as_ref();
    if remedy.is_none() && noted.steps.is_empty() {
        return;
    }
    page.words("h3", &[], "Next");
    if !noted.steps.is_empty() {
        page.element("ol", &[("class", &"steps")], |page| {
            for step in &noted.steps {
                page.element("li", &[], |page| {
                    page.words("p", &[], &step.text);
                    commands(page, step.command.iter());
                });
            }
        });
        return;
    }
    let Some(remedy) = remedy else { return };
    page.words("p", &[], &format!("{} ({})", remedy.text.trim_end_matches('.'), remedy.safety.words()));
    if !noted.changes.is_empty() {
        page.words("pre", &[("class", &"changes")], &noted.changes.join("\n"));
    }
    commands(page, noted.mend.iter().chain(&remedy.command));
}

fn commands<'a>(page: &mut Markup, commands: impl Iterator<Item = &'a String>) {
    for command in commands {
        page.element("pre", &[("class", &"command")], |page| page.words("code", &[], command));
    }
}

fn topology(page: &mut Markup, ticket: &Ticket) {
    page.element("figure", &[], |page| {
        svg(page, ticket);
        page.element("figcaption", &[], |page| {
            page.words("span", &[("class", &"key open")], "arrives");
            page.words("span", &[("class", &"key shut")], "breaks at the cross");
            page.words("span", &[("class", &"key unseen")], "not observed");
        });
    });
}

/// A ladder for each client.
fn gates(page: &mut Markup, ticket: &Ticket) {
    if ticket.clients.is_empty() {
        page.words("p", &[], "No client of the gateway was found in this stack.");
    }
    page.element("div", &[("class", &"ladders")], |page| {
        for client in &ticket.clients {
            ladder(page, ticket, client);
        }
    });
}

fn ladder(page: &mut Markup, ticket: &Ticket, ClientGates { client, gates }: &ClientGates) {
    page.own("\n");
    page.element("table", &[], |page| {
        page.element("caption", &[], |page| {
            page.words("strong", &[], &client.name);
            if let Some(url) = &client.url {
                page.text(" ");
                page.words("code", &[], url);
            }
        });
        page.element("thead", &[], |page| {
            page.element("tr", &[], |page| {
                for title in ["gate", "state", "why"] {
                    page.words("th", &[("scope", &"col")], title);
                }
            });
        });
        page.element("tbody", &[], |page| {
            for status in gates {
                let class = state_class(status.state);
                page.element("tr", &[("class", &class)], |page| {
                    page.words("th", &[("scope", &"row")], status.gate.title());
                    page.words("td", &[("class", &"state")], status.state.word());
                    page.element("td", &[], |page| {
                        let found = status.findings.iter().filter_map(|&id| ticket.finding(id));
                        let codes = found.map(|noted| noted.finding.code.to_string());
                        let why: Vec<String> = codes.chain(status.because.iter().cloned()).collect();
                        page.text(&why.join("; "));
                    });
                });
            }
        });
    });
}

fn state_class(state: State) -> &'static str {
    match state {
        State::Green => "open",
        State::Red => "shut",
        State::Blocked | State::Unknown => "unseen",
    }
}

/// Findings in short, each under a label.
fn list<'t>(
    page: &mut Markup,
    id: &'static str,
    title: &str,
    findings: impl Iterator<Item = (&'t str, &'t Noted)>,
) {
    let mut findings = findings.peekable();
    if findings.peek().is_none() {
        return;
    }
    section(page, id, title, |page| {
        page.element("ul", &[("class", &"findings")], |page| {
            for (label, noted) in findings {
                page.element("li", &[], |page| {
                    page.words("span", &[("class", &format!("role {label}"))], label);
                    page.text(" ");
                    page.words("code", &[], &noted.finding.code.to_string());
                    if let Some(place) = noted.finding.primary() {
                        page.text(" ");
                        page.words("code", &[], &position(place));
                    }
                    page.words("p", &[], &noted.finding.summary);
                });
            }
        });
    });
}

fn evidence(page: &mut Markup, ticket: &Ticket) {
    if !ticket.ladders.is_empty() {
        page.words("h3", &[], "Climbed");
        bullets(page, &ticket.ladders.iter().map(Ladder::sentence).collect::<Vec<_>>());
    }
    if !ticket.evidence.is_empty() {
        page.words("h3", &[], "Read");
        bullets(page, &ticket.evidence);
    }
    if !ticket.missing.is_empty() {
        page.words("h3", &[], "Not seen");
        bullets(page, &ticket.missing);
    }
}

fn bullets(page: &mut Markup, texts: &[String]) {
    page.element("ul", &[], |page| {
        for text in texts {
            page.words("li", &[], text);
        }
    });
}
