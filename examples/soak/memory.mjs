// Asks the inspector on a loopback port to collect garbage, and prints what the process is left with, in MiB.
const [port] = process.argv.slice(2);
const [page] = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
const socket = new WebSocket(page.webSocketDebuggerUrl);
await new Promise((open, failed) => Object.assign(socket, { onopen: open, onerror: failed }));

let last = 0;
const waiting = new Map();
socket.onmessage = ({ data }) => {
  const { id, result } = JSON.parse(data);
  waiting.get(id)?.(result);
  waiting.delete(id);
};
const call = (method, params) =>
  new Promise((answer) => {
    waiting.set(++last, answer);
    socket.send(JSON.stringify({ id: last, method, params }));
  });
const look = async () => {
  const expression = `JSON.stringify({
    ...process.memoryUsage(),
    sockets: process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length,
  })`;
  const { result } = await call("Runtime.evaluate", { expression });
  return JSON.parse(result.value);
};

const before = await look();
// What a first collection finalises, a later one frees.
for (let round = 0; round < 3; round++) {
  await call("HeapProfiler.collectGarbage");
  await new Promise((later) => setTimeout(later, 1000));
}
const after = await look();
const mebibytes = (bytes) => bytes / 2 ** 20;
console.log(
  JSON.stringify({
    alive: mebibytes(after.heapUsed + after.external),
    resident_before: mebibytes(before.rss),
    resident_after: mebibytes(after.rss),
    connections: after.sockets,
  }),
);
process.exit(0);
