// Reads a ticket of `runbook --format json` and prints one thing of it:
//   cause     code, name and place of the first cause; what an engine showed is named by the file in which it is captured
//   commands  what to run for it, a line each: the command that makes the edits, then the remedy's own, or else the steps'
//   verdict
import { readFileSync } from 'node:fs';

const ticket = JSON.parse(readFileSync(0, 'utf8'));
const first = ticket.findings?.[ticket.first_cause?.finding];
const decided = first?.places?.find((place) => place.role === 'decided');
const own = [first?.mend, first?.remedy?.command].filter(Boolean);
const steps = (first?.steps ?? []).map((step) => step.command).filter(Boolean);
const file = decided?.file.replace(/^docker logs (.*)/, 'captured/logs/$1.log').replace(/^devices list in (.*)/, 'captured/devices/$1.json');
const answers = {
  cause: first ? `${first.code} ${first.name} ${file}:${decided?.line}` : 'none',
  commands: (own.length > 0 ? own : steps).join('\n'),
  verdict: ticket.verdict,
};
console.log(answers[process.argv[2]]);
