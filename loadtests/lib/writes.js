//! The changes that people and programs make. Each one is a short story that leaves the plan as it found it, but for
//! addresses that are taken and kept.

import exec from "k6/execution";
import { call } from "./api.js";
import { pick } from "./reads.js";
import { allocate, create, merge, release, split } from "./take.js";

const ips = (plan) => `/addressspaces/${plan.space}/ips`;
// Unique among all iterations that can be under way at the same time.
const turn = () => exec.scenario.iterationInTest;

/** A node is made, read, retagged with `If-Match` (and once with a stale one), and deleted. */
export function lifecycle(plan) {
  const n = turn() % 2 ** 21; // /32s of the lower half of 10.128.0.0/9, so that stories of this kind never meet
  const prefix = `10.${128 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}/32`;
  const made = create(plan, prefix, { Note: "new" });
  if (!made) return;
  const path = `${ips(plan)}/${made.id}`;
  const read = call("getIp", "GET", path,
    { headed: ["Etag"], shape: (node) => node.prefix === prefix && node.tags.Note === "new" });
  const update = (value, outcome) => call("updateIp", "PUT", path, {
    body: { tags: { Note: value } }, headers: { "If-Match": read.response.headers.Etag }, ...outcome,
    shape: (node) => node.tags.Note === value && node.description === made.description,
  });
  if (read.ok && update("changed", { doneBefore: 412 }).ok) {
    update("late", { expected: [], refusals: ["PreconditionFailed"] });
  }
  release(plan, [made]);
}

/** Everybody changes the same node: whoever is slower is told so. */
export function contended(plan) {
  const path = `${ips(plan)}/${plan.hot}`;
  const read = call("getIp", "GET", path, { headed: ["Etag"] });
  if (!read.ok) return;
  const value = `${exec.vu.idInTest}-${turn()}`;
  call("updateIp", "PUT", path, {
    body: { tags: { Note: value } }, headers: { "If-Match": read.response.headers.Etag },
    refusals: ["PreconditionFailed"], shape: (node) => node.tags.Note === value,
  });
}

/** One address, kept or given back. */
export function address(plan) {
  const nodes = allocate(plan, { id: plan.pools.v4 }, { prefixLength: 32, again: turn() % 10 === 0 });
  if (nodes && turn() % 2 === 0) release(plan, nodes);
}

/** A few addresses at once. */
export function addresses(plan) {
  const nodes = allocate(plan, { id: plan.pools.v4 }, { prefixLength: 32, count: 4, strategy: "random" });
  if (nodes) release(plan, nodes.slice(0, 2));
}

/** A /64 of an IPv6 pool. */
export function delegated(plan) {
  const nodes = allocate(plan, { id: plan.pools.v6 }, { prefixLength: 64 });
  if (nodes && turn() % 2 === 0) release(plan, nodes);
}

/** An address from whichever pool has this tag and room. */
export function byTags(plan) {
  const nodes = allocate(plan, { where: { Pool: "tagged" } }, { prefixLength: 32 });
  if (nodes && turn() % 2 === 0) release(plan, nodes);
}

/** More than a small pool holds, so that it is empty again and again: refusals are part of the story. */
export function scarce(plan) {
  const nodes = allocate(plan, { id: plan.pools.tiny }, { prefixLength: 32, count: 8 });
  if (nodes) release(plan, nodes);
}

/** What a split of a site would do, without doing it. */
export function rehearsed(plan) {
  const site = plan.sites[turn() % plan.sites.length];
  call("splitIp dryRun", "POST", `${ips(plan)}/${site.id}/split?dryRun=true`, {
    body: { prefixLength: 24 }, shape: (body) => Array.isArray(body.changes) && Array.isArray(body.conflicts),
  });
}

/** A block is made, split in four, merged back and deleted. */
export function restructured(plan) {
  const n = turn() % 2 ** 14; // /24s of 10.192.0.0/10, the upper half of 10.128.0.0/9
  const block = create(plan, `10.${192 + (n >> 8)}.${n & 255}.0/24`);
  if (!block) return;
  const parts = split(plan, block.id, 26, 4);
  if (parts) {
    call("mergeIps dryRun", "POST", `${ips(plan)}/merge?dryRun=true`, {
      body: { ids: parts.map((part) => part.id) },
      shape: (body) => body.conflicts.length === 0 && body.changes.length >= 4,
    });
    if (!merge(plan, parts, block.id)) return;
  }
  release(plan, [block]);
}

/** Every write with its share of all writes. */
export const WRITES = [
  [lifecycle, 25], [address, 25], [addresses, 8], [delegated, 10], [byTags, 10], [scarce, 6], [contended, 8],
  [rehearsed, 4], [restructured, 4],
];

/** One write, chosen by weight. */
export const write = (plan) => pick(WRITES)(plan);
