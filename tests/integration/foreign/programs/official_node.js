// The official Node client: every call that sends. Arguments: the host and the port of the server.
const Mixpanel = require("mixpanel");
const { promisify } = require("util");

const address = { protocol: "http", host: process.argv[2], port: Number(process.argv[3]) };

async function main(verbose) {
  const mp = Mixpanel.init("token", { ...address, verbose, key: "key" });
  const call = (object, name, ...given) => promisify(object[name].bind(object))(...given);
  const mark = verbose ? "verbose" : "plain";
  await call(mp, "track", "Signed Up", { distinct_id: "ann", mark, text: "a+b/ü & c=?" });
  await call(mp, "track_batch", [0, 1, 2].map((n) => ({ event: "Batched", properties: { distinct_id: "ann", mark, n } })));
  await call(mp, "import", "Old", 1600000000, { distinct_id: "ann", mark });
  await call(mp, "import_batch", [3, 4].map((n) => ({ event: "Old", properties: { time: 1600000000, distinct_id: "ann", mark, n } })));
  await call(mp, "alias", "ann", "ann@example.com");
  const user = `user-${mark}`;
  await call(mp.people, "set", user, { plan: "pro", count: 1, gone: 1 });
  await call(mp.people, "set_once", user, { plan: "free", first: "yes" });
  await call(mp.people, "increment", user, { count: 2 });
  await call(mp.people, "append", user, { tags: "a" });
  await call(mp.people, "union", user, { tags: ["a", "b"] });
  await call(mp.people, "remove", user, { tags: "a" });
  await call(mp.people, "unset", user, ["gone"]);
  await call(mp.people, "track_charge", user, 12.5);
  await call(mp.people, "clear_charges", user);
  await call(mp.people, "set", "deleted", { a: 1 });
  await call(mp.people, "delete_user", "deleted");
  await call(mp.groups, "set", "company", mark, { size: 3, gone: 1, tags: ["a", "b"] });
  await call(mp.groups, "set_once", "company", mark, { size: 4, first: "yes" });
  await call(mp.groups, "union", "company", mark, { tags: ["b", "c"] });
  await call(mp.groups, "remove", "company", mark, { tags: "a" });
  await call(mp.groups, "unset", "company", mark, ["gone"]);
  await call(mp.groups, "set", "company", "deleted", { a: 1 });
  await call(mp.groups, "delete_group", "company", "deleted");
}

main(false).then(() => main(true)).then(
  () => process.exit(0),
  (error) => { console.error(error); process.exit(1); },
);
