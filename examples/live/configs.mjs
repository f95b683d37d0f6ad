// The commands `config schema` and `config validate` of a release, run in this one process for many files.
//
//   configs.mjs PACKAGE CASES [ANSWERS]
//
// Writes ANSWERS, or prints rows `kind <tab> text <tab> core`: key, and refusal for a case and a path that is refused of it.
// OPENCLAW_CONFIG_PATH names the file that is written anew for each case.
import { createRequire } from 'node:module';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [directory, cases, answers] = process.argv.slice(2);
const { Command } = createRequire(join(directory, 'package.json'))('commander');

// The module of the bundle that brings the commands; its name ends in a checksum.
async function registration() {
  const scripts = readdirSync(join(directory, 'dist')).filter((name) => /^config-cli-.*\.m?js$/.test(name));
  for (const name of scripts) {
    const module = await import(pathToFileURL(join(directory, 'dist', name)));
    const register = Object.values(module).find((each) => each.name === 'registerConfigCli');
    if (register) return register;
  }
  throw new Error(`${directory} has no config commands`);
}

// Runs one command and returns what it prints. It ends by ending the process, which is made an exception here.
async function run(register, ...words) {
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  register(program);
  const { exit, stdout } = process;
  const { log, error, warn } = console;
  const write = stdout.write;
  let printed = '';
  stdout.write = (text) => (printed += text, true);
  console.log = console.error = console.warn = (...parts) => { printed += `${parts.join(' ')}\n`; };
  process.exit = () => { throw new Error('the command ended'); };
  try {
    await program.parseAsync(['config', ...words], { from: 'user' });
  } catch { /* what it printed counts */ }
  finally {
    Object.assign(process, { exit });
    Object.assign(console, { log, error, warn });
    stdout.write = write;
  }
  return printed;
}

// The first JSON object of a text, however it is laid out.
function json(text) {
  const from = text.indexOf('{');
  let depth = 0, quoted = false;
  for (let at = from; at >= 0 && at < text.length; at += 1) {
    if (quoted && text[at] === '\\') at += 1;
    else if (text[at] === '"') quoted = !quoted;
    else if (!quoted && text[at] === '{') depth += 1;
    else if (!quoted && text[at] === '}' && (depth -= 1) === 0) return JSON.parse(text.slice(from, at + 1));
  }
  return undefined;
}

// The paths of all keys below a schema's node, at whatever branch of it; `*` for a key of any name.
function keys(node, prefix, depth, found = new Set()) {
  for (const branch of ['anyOf', 'oneOf', 'allOf']) for (const each of node?.[branch] ?? []) keys(each, prefix, depth, found);
  const members = Object.entries(node?.properties ?? {});
  if (node?.additionalProperties && typeof node.additionalProperties === 'object') members.push(['*', node.additionalProperties]);
  for (const [name, member] of members) {
    found.add(prefix + name);
    if (depth > 1) keys(member, `${prefix}${name}.`, depth - 1, found);
  }
  return found;
}

// What is refused, as paths. Releases without `validate` are asked for a value, and list what is wrong with the file instead.
function refused(printed) {
  const answer = json(printed);
  if (answer?.valid === true) return [];
  if (answer?.valid === false) return answer.issues.map(({ path }) => path);
  return [...printed.matchAll(/^\s*(?:-|×) (\S+): /gm)].map(([, path]) => path);
}

const register = await registration();
writeFileSync(process.env.OPENCLAW_CONFIG_PATH, '{}');
const schema = json(await run(register, 'schema'));
const validates = await run(register, 'validate', '--json');
const asks = json(validates)?.valid === true ? ['validate', '--json'] : ['get', 'gateway.mode'];
const result = {
  command: `openclaw config ${asks.join(' ')}`,
  top: schema ? [...keys(schema, '', 1)].sort() : null,
  gateway: schema ? [...keys(schema.properties.gateway, '', 9)].sort() : null,
  refused: {},
};
for (const [name, config] of Object.entries(JSON.parse(readFileSync(cases, 'utf8')))) {
  writeFileSync(process.env.OPENCLAW_CONFIG_PATH, JSON.stringify(config));
  result.refused[name] = [...new Set(refused(await run(register, ...asks)))].sort();
}
if (answers) {
  writeFileSync(answers, `${JSON.stringify(result, null, 1)}\n`);
} else {
  for (const key of [...result.top ?? [], ...(result.gateway ?? []).map((key) => `gateway.${key}`)]) console.log(`key\t${key}\tcore`);
  for (const [name, paths] of Object.entries(result.refused)) for (const path of paths) console.log(`refusal\t${name}: ${path}\tcore`);
}
process.exit();
