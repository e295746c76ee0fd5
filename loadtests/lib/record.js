//! What the server acknowledged, written down as it happens: the only memory of a run that survives it, and what
//! `verify` compares the server with. One JSON object a line on the console, which `--console-output` sends to a
//! file; virtual users share no memory, and keep nothing of it themselves.
//!
//! The order matters. `ask` and `release` are written before their request is sent, `got` and `released` after its
//! answer was read. So in a correct server the `release` of a prefix always stands before the `got` of its next holder.

const MOST_PER_USER = 20;
let faults = 0;
let retries = 0;

function write(entry) {
  console.log(JSON.stringify(entry));
}

/** The address space of this run. */
export const space = (id, name) => write({ t: "space", id, name });

/** A node from which prefixes are taken; `verify` recounts it whether or not anything is in it. */
export const pool = (id, prefix) => write({ t: "pool", id, prefix });

/** Set-up is done, the load begins and will take this long. */
export const begin = (seconds) => write({ t: "begin", seconds });

/**
 * A request that makes `count` nodes will be sent. Each of them will have `key` as its description. With `taken` they
 * come from a pool: none may overlap what another holds (a node that is created may well lie in another).
 */
export const ask = (key, count, taken = false) => write({ t: "ask", key, count, taken });

/** It was answered: these nodes exist. Also written for an answer that was repeated. */
export const got = (key, nodes) => write({ t: "got", key, nodes: nodes.map((node) => [node.id, node.prefix]) });

/** It was refused: nothing was made. */
export const refused = (key, code) => write({ t: "refused", key, code });

/** Nobody will know: it was given up without a final answer. */
export const unknown = (key, why) => write({ t: "unknown", key, why });

/** A request that takes these nodes away will be sent. */
export const release = (ids) => write({ t: "release", ids });

/** They are gone. */
export const released = (ids) => write({ t: "released", ids });

/** The removal was refused: they are still there. */
export const stays = (ids) => write({ t: "stays", ids });

/** An answer that nobody expected, for the reader of the report. The first few of each virtual user. */
export function fault(operation, response, why) {
  faults += 1;
  if (faults <= MOST_PER_USER) {
    write({
      t: "fault", operation, status: response.status, error: response.error || undefined, why,
      body: typeof response.body === "string" ? response.body.slice(0, 300) : undefined,
    });
  }
}

/** An iteration that could not go on. */
export function failure(error) {
  faults += 1;
  if (faults <= MOST_PER_USER) write({ t: "fault", operation: "script", why: `${error}`.slice(0, 300) });
}

/** A request without a final answer, about to be repeated. The first few of each virtual user. */
export function retry(operation, response) {
  retries += 1;
  if (retries <= MOST_PER_USER) {
    write({ t: "retry", operation, status: response.status, error: response.error || undefined });
  }
}
