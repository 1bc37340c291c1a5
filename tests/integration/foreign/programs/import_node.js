// mixpanel-import: events, users, groups and a table. Argument: the URL of the server.
const Job = require("mixpanel-import/components/job.js");
const load = require("mixpanel-import");

const paths = { event: "/import", user: "/engage", group: "/groups", table: "/lookup-tables/" };
// The address is a constant of the package; only it is changed.
Object.defineProperty(Job.prototype, "url", {
  get() { return process.argv[2] + paths[this.recordType] + (this.recordType === "table" ? this.lookupTableId : ""); },
});

const account = { acct: "account", pass: "secret", project: 1, token: "token", secret: "secret" };
const common = { transport: "got", verbose: false, logs: false, showProgress: false, abridged: true, fixData: true };
const events = Array.from({ length: 4500 }, (_, n) => ({
  event: "Imported", properties: { time: 1600000000 + n, distinct_id: `user-${n % 10}`, $insert_id: `id-${n}`, n },
}));
const users = Array.from({ length: 10 }, (_, n) => ({ $distinct_id: `user-${n}`, $set: { n } }));
const groups = [{ $group_key: "company", $group_id: "acme", $set: { size: 3 } }];

async function main() {
  const results = [
    await load(account, events, { ...common, recordType: "event", compress: true }),
    await load(account, users, { ...common, recordType: "user" }),
    await load({ ...account, groupKey: "company" }, groups, { ...common, recordType: "group" }),
  ];
  console.log(JSON.stringify(results.map(({ success, failed, total }) => ({ success, failed, total }))));
}

main().then(() => process.exit(0), (error) => { console.error(error); process.exit(1); });
