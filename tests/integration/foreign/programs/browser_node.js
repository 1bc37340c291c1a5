// The browser client in headless Chromium, on a page of another origin. Arguments: the URL of the server, the browser.
const { chromium } = require("playwright-core");
const fs = require("fs");
const http = require("http");

const [address, executablePath] = process.argv.slice(2);
const library = fs.readFileSync(require.resolve("mixpanel-browser/dist/mixpanel.umd.js"));
const site = http.createServer((request, response) => {
  const isScript = request.url === "/mixpanel.js";
  response.setHeader("Content-Type", isScript ? "text/javascript" : "text/html");
  response.end(isScript ? library : "<!doctype html><title>Shop</title><script src=/mixpanel.js></script>");
});

async function main() {
  await new Promise((resolve) => site.listen(0, "127.0.0.1", resolve));
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage();
    const problems = [];
    page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
    page.on("requestfailed", (request) => problems.push(`${request.url()} ${request.failure().errorText}`));
    await page.goto(`http://127.0.0.1:${site.address().port}/`);
    for (const settings of [
      { api_payload_format: "base64" },
      { api_payload_format: "json" },
      { batch_requests: true, batch_flush_interval_ms: 50 },
      { api_transport: "sendBeacon" },
    ]) {
      await page.evaluate(([api_host, given, name]) => new Promise((resolve) => {
        mixpanel.init("token", { api_host, batch_requests: false, persistence: "localStorage", ...given,
          loaded: (mp) => {
            mp.reset();
            mp.track("Viewed", { name, text: "a+b/ü & c=?" }, () => {
              mp.identify("ann");
              mp.people.set({ [name]: true });
              mp.people.increment("count", 1);
              mp.get_group("company", "acme").set({ [name]: true });
              mp.track("Signed Up", { name }, () => setTimeout(resolve, 500));
            });
          } }, name);
      }), [address, settings, Object.keys(settings)[0] + "_" + Object.values(settings)[0]]);
    }
    console.log(JSON.stringify(problems));
  } finally {
    await browser.close();
    site.close();
  }
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
