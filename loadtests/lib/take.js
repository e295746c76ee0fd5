//! Making and releasing nodes so that it can be proved afterwards who was given what: every request has a key of its
//! own, which is also the description of the nodes it makes, is written down before it is sent, and is repeated
//! until it has a final answer.

import exec from "k6/execution";
import { check } from "k6";
import * as record from "./record.js";
import { call, codeOf, faults, json, judge, twins } from "./api.js";

let number = 0;

/** An `Idempotency-Key` that nobody else uses. */
export function newKey(plan) {
  number += 1;
  return `${plan.run}-${exec.vu.idInTest}-${number}`;
}

/** `count` nodes of this length with this description, each once. */
function nodesOf(key, count, length) {
  return (nodes) => Array.isArray(nodes) && nodes.length === count &&
    new Set(nodes.map((node) => node.prefix)).size === count &&
    nodes.every((node) => node.description === key && typeof node.id === "string" && node.prefix.endsWith(`/${length}`));
}

// What became of one request for nodes, in the record and for the caller: the nodes, `null` when there are none.
function settle(key, answer, nodes) {
  if (answer.ok) {
    record.got(key, nodes);
    return nodes;
  }
  if (answer.lost) {
    record.unknown(key, `${answer.status} ${answer.response.error || answer.code}`);
  } else if (answer.status >= 400) {
    record.refused(key, answer.code);
  } else {
    record.unknown(key, `a ${answer.status} that could not be understood`);
  }
  return null;
}

/** Creates one node. Returns it, or `null`. */
export function create(plan, prefix, tags = {}) {
  const key = newKey(plan);
  record.ask(key, 1);
  const answer = call("createIp", "POST", `/addressspaces/${plan.space}/ips`, {
    body: { prefix, tags, description: key }, expected: [201],
    headers: { "Idempotency-Key": key },
    shape: (node) => node.prefix === prefix && node.description === key && typeof node.resolvedTags === "object",
  });
  const nodes = settle(key, answer, answer.ok ? [answer.body] : []);
  return nodes && nodes[0];
}

/** Splits a node that has no children into `count` blocks of this length. Returns them, or `null`. */
export function split(plan, id, prefixLength, count) {
  const key = newKey(plan);
  record.ask(key, count);
  const answer = call("splitIp", "POST", `/addressspaces/${plan.space}/ips/${id}/split`, {
    body: { prefixLength, description: key }, expected: [201],
    headers: { "Idempotency-Key": key }, shape: nodesOf(key, count, prefixLength),
  });
  return settle(key, answer, answer.body);
}

/** Merges siblings that fill their parent back into it. Returns whether it did. */
export function merge(plan, nodes, parent) {
  const key = newKey(plan);
  const ids = nodes.map((node) => node.id);
  record.release(ids);
  const answer = call("mergeIps", "POST", `/addressspaces/${plan.space}/ips/merge`, {
    body: { ids }, headers: { "Idempotency-Key": key }, shape: (node) => node.id === parent,
  });
  if (answer.ok) record.released(ids);
  else if (!answer.lost) record.stays(ids);
  return answer.ok;
}

/**
 * Takes prefixes from one node, `from: {id}`, or from those with these tags, `from: {where}`.
 *
 * `twin` sends the request twice at the same time, `again` once more after its answer; either way all answers must be
 * the same. An empty pool (`Depleted`) is an expected refusal. Returns the nodes; `null` when there are none.
 */
export function allocate(plan, from, { prefixLength, count = 1, strategy = "lowest", twin = false, again = false }) {
  const key = newKey(plan);
  const operation = from.id ? "allocateIps" : "allocateIpsByTags";
  const path = `/addressspaces/${plan.space}${from.id ? `/ips/${from.id}` : ""}/allocate`;
  const options = {
    body: Object.assign(from.id ? {} : { where: from.where }, { prefixLength, count, strategy, description: key }),
    headers: { "Idempotency-Key": key }, expected: [201], refusals: ["Depleted"],
    shape: nodesOf(key, count, prefixLength),
  };
  record.ask(key, count, true);
  const early = twin ? twins(operation, "POST", path, { ...options, expected: [201, 409] }) : [];
  const answer = call(operation, "POST", path, options);
  for (const response of early) {
    compare(operation, key, options, answer, response);
  }
  if (again && answer.ok) {
    compare(operation, key, options, answer, call(operation, "POST", path, options).response, true);
  }
  return settle(key, answer, answer.body);
}

// Another answer to the same key. A twin that broke off, or that was refused before room came free, says nothing.
function compare(operation, key, options, answer, response, mustReplay = false) {
  const refused = response.status === 409 && ["Depleted", "Contention"].includes(codeOf(response));
  if (response.status === 0 || response.status === 503 || (refused && !mustReplay)) return;
  const other = judge(operation, response, options);
  if (!other.ok) return;
  record.got(key, other.body);
  const replayed = !mustReplay || response.headers["Idempotency-Replayed"] === "true";
  const same = replayed && answer.ok && JSON.stringify(ids(json(response))) === JSON.stringify(ids(answer.body));
  if (!check(response, { [`${operation}: the same key gives the same answer`]: () => same })) {
    faults.add(1, { operation });
    record.fault(operation, response, `key ${key} was answered differently before`);
  }
}

const ids = (nodes) => nodes.map((node) => [node.id, node.prefix]);

/** Deletes nodes one by one. Of a repeated request also 404 is success: its first answer was lost. */
export function release(plan, nodes) {
  for (const node of nodes) {
    record.release([node.id]);
    const answer = call("deleteIp", "DELETE", `/addressspaces/${plan.space}/ips/${node.id}`,
      { expected: [204], doneBefore: 404 });
    if (answer.ok) record.released([node.id]);
    else if (!answer.lost) record.stays([node.id]);
  }
}
