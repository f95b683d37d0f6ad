// Who wins the token: what openclaw-compose predicts from the files, against what the real gateway and CLI do.
//
//   rows.mjs VERSION IMAGE DIRECTORY DIFF_SOURCES
//
// Each row sets some sources, each to a token of its own. Servers: a gateway a row, asked on its loopback with every token.
// Clients: the CLI against a listener that only writes down what it is sent. Prints `N of N winners as predicted`; what
// differs goes to standard error. Exit status 1: something differs.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync, chownSync } from 'node:fs';

const [version, image, directory, runbook] = process.argv.slice(2);

const ready = execFileSync(new globalThis.URL('../../ready', import.meta.url).pathname, [version], { encoding: 'utf8' }).trim();
const URL = 'ws://127.0.0.1:18789';
const SERVER = [['flag', 'config', 'env'], ['config', 'env'], ['config', 'remote'], ['env', 'remote'], ['env'], ['remote']];
const CLIENT = [
  ['local', 'flag', 'config', 'env'], ['local', 'config', 'env'], ['local', 'config', 'remote'], ['local', 'env', 'remote'],
  ['local', 'config'], ['local', 'env'], ['local', 'remote'],
  ['service', 'config', 'env'],
  ['remote', 'flag', 'remote', 'env', 'config'], ['remote', 'remote', 'env', 'config'], ['remote', 'env', 'config'], ['remote', 'config'],
  ['url', 'flag', 'env', 'config'], ['url', 'env', 'config', 'remote'], ['url', 'config'],
  ['flag-url', 'flag', 'env', 'config', 'remote'], ['flag-url', 'env', 'config', 'remote'],
];
// What a way of dialing sets besides.
const DIALS = { url: { OPENCLAW_GATEWAY_URL: URL }, service: { OPENCLAW_SERVICE_KIND: 'gateway' } };
const words = ({ sources, mode }) => [
  ...(mode === 'flag-url' ? ['--url', URL] : []), ...(sources.includes('flag') ? ['--token', token('flag')] : []),
];
// Where each source is, in the words of `runbook sources`, and its token.
const SOURCES = { flag: '--token', config: 'gateway.auth.token', env: 'OPENCLAW_GATEWAY_TOKEN', remote: 'gateway.remote.token' };
const token = (source) => `test-token-of-the-${source}-of-this-row`;
const sourceOf = (text) => Object.keys(SOURCES).find((source) => text === token(source)) ?? 'none';

const docker = (...words) => execFileSync('docker', words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 400_000 });

function config(sources, mode) {
  // Some releases of February start beyond loopback only where the origins are listed.
  const controlUi = { allowedOrigins: ['http://localhost:18789'] };
  const gateway = { mode: mode === 'remote' ? 'remote' : 'local', bind: 'lan', controlUi };
  if (sources.includes('config')) gateway.auth = { token: token('config') };
  const remote = {};
  if (mode === 'remote') remote.url = URL;
  if (sources.includes('remote')) remote.token = token('remote');
  if (Object.keys(remote).length > 0) gateway.remote = remote;
  return JSON.stringify({ gateway });
}

function state(path, text) {
  mkdirSync(`${path}/.openclaw`, { recursive: true });
  writeFileSync(`${path}/.openclaw/openclaw.json`, text);
  for (const each of [path, `${path}/.openclaw`, `${path}/.openclaw/openclaw.json`]) chownSync(each, 1000, 1000);
}

// The stack whose files say the same, and who wins by them.
function predicted(at, server, client) {
  const environment = (row) => (row.sources.includes('env') ? `      OPENCLAW_GATEWAY_TOKEN: ${token('env')}\n` : '');
  const flags = (row) => words(row).map((word) => `, "${word}"`).join('');
  const dials = Object.entries(DIALS[client.mode] ?? {}).map(([name, value]) => `      ${name}: ${value}\n`).join('');
  writeFileSync(`${at}/compose.yaml`, `services:
  openclaw-gateway:
    image: openclaw-live:${version}
    command: ["gateway"${flags(server)}]
    environment:
      HOME: /home/node
${environment(server)}    volumes: ["./server/.openclaw:/home/node/.openclaw"]
  openclaw-cli:
    image: openclaw-live:${version}
    command: ["openclaw", "devices", "list"${flags(client)}]
    network_mode: "service:openclaw-gateway"
    environment:
      HOME: /home/node
${dials}${environment(client)}    volumes: ["./client/.openclaw:/home/node/.openclaw"]
`);
  const { stdout } = spawnSync(runbook, ['sources', '--json', '--project-directory', at], { encoding: 'utf8', env: {} });
  const report = JSON.parse(stdout);
  const name = (found) => Object.keys(SOURCES).find((source) => SOURCES[source] === found) ?? 'none';
  const sent = report.tokens.find((each) => each.service === 'openclaw-cli' && each.wins_client);
  return { server: name(report.gateways[0]?.token_from), client: name(sent?.source) };
}

// Asks a gateway on its own loopback with every token: which it lets in.
const ASK = `
const tokens = JSON.parse(process.argv[1]);
const ask = (token) => new Promise((answer) => {
  const socket = new WebSocket('${URL}');
  socket.onmessage = ({ data }) => {
    const frame = JSON.parse(data);
    if (frame.event === 'connect.challenge') socket.send(JSON.stringify({ type: 'req', id: '1', method: 'connect', params: {
      minProtocol: 3, maxProtocol: 4, client: { id: 'cli', version: '0', platform: 'linux', mode: 'cli' }, auth: { token } } }));
    if (frame.type === 'res') { answer(frame.ok ? 'in' : frame.error.details?.code ?? frame.error.code); socket.close(); }
  };
  socket.onclose = socket.onerror = () => answer('closed');
});
const answers = {};
for (const token of tokens) answers[token] = await ask(token);
console.log(JSON.stringify(answers));
process.exit();
`;

// Listens where the CLI looks for its gateway, and writes down the token of each first frame.
const LISTEN = `
import { createRequire } from 'node:module';
const { WebSocketServer } = createRequire('/app/node_modules/openclaw/package.json')('ws');
new WebSocketServer({ host: '127.0.0.1', port: 18789 }).on('connection', (socket) => {
  socket.send(JSON.stringify({ type: 'event', event: 'connect.challenge', payload: { nonce: crypto.randomUUID(), ts: Date.now() } }));
  socket.on('message', (data) => {
    const { id, params } = JSON.parse(data);
    console.log('sent ' + JSON.stringify(params?.auth?.token ?? null));
    socket.send(JSON.stringify({ type: 'res', id, ok: false, error: { code: 'INVALID_REQUEST', message: 'written down' } }));
    socket.close(1008, 'written down');
  });
});
console.log('listening');
`;

function until(container, line) {
  for (let wait = 0; wait < 1200; wait += 1) {
    const { stdout, stderr } = spawnSync('docker', ['logs', container], { encoding: 'utf8' });
    if ((stdout + stderr).includes(line)) return true;
    const running = docker('inspect', '--format', '{{.State.Running}}', container).trim();
    // Nobody is let in by a gateway that will not listen without a token of its own.
    if (running !== 'true' && (stdout + stderr).includes('Refusing to bind gateway')) return false;
    if (running !== 'true') throw new Error(`${container} ended: ${(stdout + stderr).slice(-400)}`);
    spawnSync('sleep', ['0.2']);
  }
  throw new Error(`${container} never said ${line}`);
}

const results = [];
const judge = (side, sources, expected, observed) => results.push({ row: `${side}: ${sources.join(' ')}`, expected, observed });
const containers = [];
try {
  for (const [at, sources] of SERVER.entries()) {
    const path = `${directory}/server-${at}`;
    state(`${path}/server`, config(sources));
    state(`${path}/client`, config([]));
    const expected = predicted(path, { sources }, { sources: ['env'], mode: 'local' }).server;
    const container = `live-precedence-${version}-${at}`;
    containers.push(container);
    docker('run', '--detach', '--name', container, '--network', 'none', '--volume', `${path}/server/.openclaw:/home/node/.openclaw`,
      ...(sources.includes('env') ? ['--env', `OPENCLAW_GATEWAY_TOKEN=${token('env')}`] : []), image,
      'gateway', ...words({ sources }));
    const listens = until(container, ready);
    const tokens = JSON.stringify(Object.keys(SOURCES).map(token));
    const answers = listens ? JSON.parse(docker('exec', container, 'node', '--input-type=module', '--eval', ASK, tokens)) : {};
    const accepted = Object.entries(answers).filter(([, answer]) => answer === 'in').map(([text]) => sourceOf(text));
    judge('server', sources, expected, accepted.join('+') || 'none');
    docker('rm', '--force', '--volumes', container);
  }

  const container = `live-precedence-${version}-client`;
  containers.push(container);
  mkdirSync(`${directory}/clients`, { recursive: true });
  docker('run', '--detach', '--name', container, '--network', 'none', '--volume', `${directory}/clients:/clients`, '--entrypoint', 'node',
    image, '--input-type=module', '--eval', LISTEN);
  until(container, 'listening');
  for (const [at, [mode, ...sources]] of CLIENT.entries()) {
    const path = `${directory}/client-${at}`;
    state(`${path}/client`, config(sources, mode));
    state(`${path}/server`, config(['env']));
    state(`${directory}/clients/${at}`, config(sources, mode));
    const expected = predicted(path, { sources: ['env'] }, { sources, mode }).client;
    const before = docker('logs', container).length;
    const environment = Object.entries({ HOME: `/clients/${at}`, ...DIALS[mode] }).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
    const said = spawnSync('docker', ['exec', ...environment, ...(sources.includes('env') ? ['--env', `OPENCLAW_GATEWAY_TOKEN=${token('env')}`] : []),
      container, 'openclaw', 'devices', 'list', '--json', ...words({ sources, mode })], { timeout: 120_000, encoding: 'utf8' });
    const sent = docker('logs', container).slice(before).match(/^sent (.*)$/m);
    // Who has no token for a URL says so and dials nobody.
    const silent = /requires explicit credentials/.test(said.stdout + said.stderr) ? 'none' : `nothing, status ${said.status}`;
    judge(`client ${mode}`, sources, expected, sent ? sourceOf(JSON.parse(sent[1])) : silent);
  }
} finally {
  for (const container of containers) spawnSync('docker', ['rm', '--force', '--volumes', container], { stdio: 'ignore' });
}

const wrong = results.filter(({ expected, observed }) => expected !== observed);
for (const { row, expected, observed } of results) console.error(`${expected === observed ? 'as predicted' : 'DIFFERS'}  ${row}: predicted ${expected}, observed ${observed}`);
console.log(`${results.length - wrong.length} of ${results.length} winners as predicted`);
process.exitCode = wrong.length === 0 ? 0 : 1;
