// mixpanel-import of a file: `node mixpanel_import.js PORT FILE COUNT` prints seconds of processor and wall.
// The package knows Mixpanel's own addresses only; its pools are led to the sink instead.
const fs = require("fs");
const path = require("path");
const home = path.join(process.cwd(), "node_modules");
const undici = require(path.join(home, "undici"));
const [port, source, count] = [process.argv[2], process.argv[3], Number(process.argv[4])];
const Pool = undici.Pool;
undici.Pool = class extends Pool {
  constructor(_origin, options) {
    const { tls, connect, allowH2, ...rest } = options || {};
    super(`http://127.0.0.1:${port}`, rest);
  }
};

async function main() {
  const importer = require(path.join(home, "mixpanel-import"));
  const lines = fs.readFileSync(source, "utf8").split("\n").slice(0, count);
  const part = path.join(process.cwd(), "part.ndjson");
  fs.writeFileSync(part, lines.join("\n") + "\n");
  const credentials = { acct: "user", pass: "secret", project: "1", token: "token" };
  const options = { recordType: "event", compress: true, strict: true, workers: 10, logs: false, verbose: false, showProgress: false, streamFormat: "jsonl", fixData: false };
  const before = process.cpuUsage();
  const started = process.hrtime.bigint();
  const result = await importer(credentials, part, options);
  const used = process.cpuUsage(before);
  const wall = Number(process.hrtime.bigint() - started) / 1e9;
  console.log(JSON.stringify({ processor: (used.user + used.system) / 1e6, wall, success: result.success }));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
