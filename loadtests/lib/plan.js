//! The address space that a run works in: tags that imply each other, sites with subnets, room to create and delete
//! in, and pools to take from. Set-up makes it, tear-down deletes it (unless KEEP=1).

import exec from "k6/execution";
import * as record from "./record.js";
import { call } from "./api.js";
import { KEEP, whole } from "./options.js";
import { giveBack, obtain, speak } from "./session.js";

const SITES = Math.min(whole("SITES", 8), 64);
const SUBNETS = Math.min(2 ** Math.ceil(Math.log2(whole("SUBNETS", 16))), 256);
const MOST_HANDED_OUT = 512; // Each virtual user has its own copy of what set-up returns.

/** Every node that set-up makes has this description; all others have the key of the request that made them. */
export const DESCRIPTION = "set-up";

function make(path, body, operation = "setup") {
  const headers = { "Idempotency-Key": `set-up-${Date.now()}-${Math.random()}` };
  const made = call(operation, "POST", path, { body, headers, expected: [201] });
  if (!made.ok) {
    const { status, body: text, error } = made.response;
    exec.test.abort(`Set-up failed: POST ${path} was answered ${status} ${text || error}`);
  }
  return made.body;
}

/**
 * Makes the space. `auth` and `lifetime` are for `obtain`; with `pools`, an object of `{name: [prefix, tags]}`, these
 * are made instead of the usual ones. Returns what the virtual users are handed: `{run, credentials, space, …}`.
 */
export function build({ auth = "token", lifetime = 120, pools = POOLS, sites = SITES } = {}) {
  const credentials = obtain(auth, lifetime);
  if (credentials === null) return null;
  speak(credentials);
  const run = `${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  const space = make("/addressspaces", { name: `Load test ${run}`, description: "Made by a load test; may be deleted." });
  record.space(space.id, space.name);
  const base = `/addressspaces/${space.id}`;
  const plan = { run, credentials, space: space.id, spaceName: space.name, sites: [], nodes: [], pools: {} };

  make(`${base}/tags`, { name: "Region", type: "Inheritable" });
  const region = (site) => `Region${site % 4}`;
  const implied = Object.fromEntries(Array.from({ length: sites }, (_, site) => [`Site${site}`, region(site)]));
  make(`${base}/tags`, { name: "Site", type: "Inheritable", implies: sites ? { Region: implied } : {} });
  make(`${base}/tags`, { name: "Note", type: "NonInheritable" });
  make(`${base}/tags`, { name: "Pool", type: "NonInheritable" });

  const node = (prefix, tags = {}) => make(`${base}/ips`, { prefix, tags, description: DESCRIPTION });
  if (sites > 0) {
    node("10.0.0.0/8");
    plan.scratch = node("10.128.0.0/9").id;
    plan.hot = node("10.127.255.0/24").id;
  }
  for (let site = 0; site < sites; site += 1) {
    const made = node(`10.${site}.0.0/16`, { Site: `Site${site}` });
    const subnets = SUBNETS === 1 ? [] : make(`${base}/ips/${made.id}/split`,
      { prefixLength: 16 + Math.log2(SUBNETS), description: DESCRIPTION });
    plan.sites.push({ id: made.id, tag: `Site${site}`, region: region(site), nodes: subnets.length + 1 });
    plan.nodes.push(made.id, ...subnets.map((subnet) => subnet.id));
  }
  while (plan.nodes.length > MOST_HANDED_OUT) {
    plan.nodes = plan.nodes.filter((_, index) => index % 2 === 0);
  }
  for (const [name, [prefix, tags]] of Object.entries(pools)) {
    const made = node(prefix, tags);
    record.pool(made.id, prefix);
    plan.pools[name] = made.id;
  }
  plan.since = new Date().toISOString();
  record.begin(lifetime);
  return plan;
}

const POOLS = {
  v4: ["100.64.0.0/12", {}],
  v6: ["2001:db8::/32", {}],
  tiny: ["192.168.0.0/28", {}],
  taggedSmall: ["198.18.0.0/26", { Pool: "tagged" }],
  tagged: ["198.19.0.0/16", { Pool: "tagged" }],
};

/** Deletes the space, and takes the API token back. */
export function remove(plan) {
  if (!plan) return;
  speak(plan.credentials);
  if (!KEEP) {
    call("teardown", "DELETE", `/addressspaces/${plan.space}`, { expected: [204] });
  }
  giveBack(plan.credentials);
}
