//! The questions that people and programs ask, each one request (a list: its first two pages). `pick` chooses one by
//! the weights of the table at the end.

import { call, next } from "./api.js";

const any = (list) => list[Math.floor(Math.random() * list.length)];
const byte = () => Math.floor(Math.random() * 256);
const isNode = (node) => typeof node.id === "string" && /\/\d+$/.test(node.prefix) &&
  typeof node.tags === "object" && typeof node.resolvedTags === "object";
const areNodes = (nodes) => Array.isArray(nodes) && nodes.every(isNode);
const ips = (plan) => `/addressspaces/${plan.space}/ips`;

/** One node with its resolved tags. */
export function node(plan) {
  const id = any(plan.nodes);
  call("getIp", "GET", `${ips(plan)}/${id}`, { shape: (body) => isNode(body) && body.id === id });
}

/** The same as it was when the load began. */
export function past(plan) {
  const id = any(plan.nodes);
  call("getIp asOf", "GET", `${ips(plan)}/${id}?asOf=${encodeURIComponent(plan.since)}`,
    { shape: (body) => isNode(body) && body.id === id });
}

/** The nodes that contain an address, longest first, each the parent of the one before. */
export function lookup(plan) {
  const site = Math.floor(Math.random() * plan.sites.length);
  call("lookupIps", "GET", `${ips(plan)}/lookup?address=10.${site}.${byte()}.${byte()}`, {
    shape: (found) => areNodes(found) && found.length >= 2 && found[found.length - 1].prefix === "10.0.0.0/8" &&
      found.every((inner, index) => index === found.length - 1 || inner.parentId === found[index + 1].id) &&
      found[0].resolvedTags.Site === `Site${site}`,
  });
}

/** Two pages of a site's children. */
export function children(plan) {
  const site = any(plan.sites);
  const path = `${ips(plan)}/${site.id}/children?limit=10`;
  const shape = (body) => areNodes(body) && body.length <= 10 && body.every((child) => child.parentId === site.id);
  const first = call("listIpChildren", "GET", path, { shape });
  const second = first.ok && next(first.response);
  if (second) {
    call("listIpChildren", "GET", second, {
      shape: (body) => shape(body) && body.every((child) => first.body.every((earlier) => earlier.id !== child.id)),
    });
  }
}

/** The nodes of a site by the tag that it has, and that its subnets inherit. */
export function tagged(plan) {
  const site = any(plan.sites);
  call("listIps", "GET", `${ips(plan)}?tags=Site%3D${site.tag}&limit=100`, {
    shape: (body) => areNodes(body) && body.length <= site.nodes &&
      body.every((found) => found.resolvedTags.Site === site.tag && found.resolvedTags.Region === site.region),
  });
}

/** The list of spaces, by this one's name. */
export function spaces(plan) {
  call("listAddressSpaces", "GET", `/addressspaces?nameContains=${encodeURIComponent(plan.spaceName)}`,
    { shape: (body) => body.length === 1 && body[0].id === plan.space });
}

/** Where a node's tags come from: the site's Region is implied by its Site. */
export function explain(plan) {
  const site = any(plan.sites);
  call("explainIp", "GET", `${ips(plan)}/${site.id}/explain`, {
    shape: (body) => body.id === site.id && body.tags.some((tag) => tag.tag === "Region" && tag.value === site.region),
  });
}

/** What became of a node. */
export function history(plan) {
  call("listIpHistory", "GET", `${ips(plan)}/${any(plan.nodes)}/history?limit=10`,
    { shape: (body) => body.length >= 1 && body.every((entry) => entry.version > 0 && typeof entry.action === "string") });
}

/** How full the pool is from which everybody takes. */
export function utilization(plan) {
  call("getUtilization", "GET", `${ips(plan)}/${plan.pools.v4}/utilization`, {
    shape: (body) => BigInt(body.used) + BigInt(body.free) === BigInt(body.total) && BigInt(body.children) >= 0n,
  });
}

/** What is free in it. */
export function available(plan) {
  call("listAvailable", "GET", `${ips(plan)}/${plan.pools.v4}/available?limit=10`,
    { shape: (body) => Array.isArray(body) && body.every((block) => BigInt(block.addresses) > 0n) });
}

/** A first page of everything beneath a site. */
export function subtree(plan) {
  call("listIpSubtree", "GET", `${ips(plan)}/${any(plan.sites).id}/subtree?limit=50`, { shape: areNodes });
}

/** The newest changes come last: a page of the journal from its beginning. */
export function changes(plan) {
  call("listChanges", "GET", `/addressspaces/${plan.space}/changes?since=0&limit=20`, {
    shape: (body) => body.length >= 1 && body.every((entry, index) => entry.version === body[0].version + index),
  });
}

/** Every read with its share of all reads. Reading nodes and lookups are most of what an IPAM answers. */
export const READS = [
  [node, 40], [lookup, 20], [children, 8], [tagged, 6], [spaces, 4], [explain, 4], [history, 4], [utilization, 4],
  [available, 3], [subtree, 3], [past, 3], [changes, 1],
];

/** Chooses from `[[what, weight], …]`. */
export function pick(table) {
  let point = Math.random() * table.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [what, weight] of table) {
    point -= weight;
    if (point < 0) return what;
  }
  return table[0][0];
}
