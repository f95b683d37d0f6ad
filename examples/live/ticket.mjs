// Reads a ticket of `runbook --format json` and prints one thing of it:
//   cause    code, name and place of the first cause      command    the next step's command      verdict
import { readFileSync } from 'node:fs';

const ticket = JSON.parse(readFileSync(0, 'utf8'));
const entry = ticket.findings?.[ticket.first_cause?.finding];
const finding = entry?.finding ?? entry;
const decided = finding?.places?.find((place) => place.role === 'decided');
const answers = {
  cause: finding ? `${finding.code} ${finding.name} ${decided?.file}:${decided?.line}` : 'none',
  command: finding?.remedy?.command ?? '',
  verdict: ticket.verdict,
};
console.log(answers[process.argv[2]]);
