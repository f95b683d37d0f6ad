// writes origins for EXTERNAL_PORT into the gateway's configuration
const fs = require("fs");
const file = "/home/node/.openclaw/openclaw.json";
const port = process.env.EXTERNAL_PORT;
try {
  const config = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file)) : { gateway: { mode: "local" } };
  config.gateway.controlUi = { allowedOrigins: [`http://localhost:${port}`, `http://127.0.0.1:${port}`] };
  fs.writeFileSync(file, JSON.stringify(config));
} catch (e) {
  console.log(`[inject-token] Part 1 failed: ${e.message}`);
}
