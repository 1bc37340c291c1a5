// The flags of the official Node client, evaluated locally. Argument: a file with flags, contexts and vectors.
//
// The definitions are handed over without a request, because the client knows https only.
const fs = require("fs");
const Mixpanel = require("mixpanel");

const asked = JSON.parse(fs.readFileSync(process.argv[2], "utf-8"));
const fallback = { variant_key: null, variant_value: null };

async function evaluator(flags) {
  const mp = Mixpanel.init("token", { local_flags_config: { enable_polling: false } });
  mp.local_flags.callFlagsEndpoint = async () => ({ flags });
  await mp.local_flags.startPollingForDefinitions();
  return (key, context) => mp.local_flags.getVariant(key, fallback, context, false);
}

async function main() {
  const variant = await evaluator(asked.flags);
  const flags = asked.flags.map((flag) => asked.contexts.map((context) => {
    const found = variant(flag.key, context);
    return [found.variant_key, found.variant_value];
  }));
  const vectors = [];
  for (const { flag, context } of asked.vectors) {
    vectors.push((await evaluator([flag]))(flag.key, context).variant_key);
  }
  process.stdout.write(JSON.stringify({ flags, vectors }), () => process.exit(0));
}

for (const name of ["log", "info", "warn", "error"]) console[name] = () => {};
main().catch((error) => { process.stderr.write(String(error.stack)); process.exit(1); });
