//! One function sends every request: with the caller's token, under the name of its operation (so that thresholds
//! are per operation), and with its answer checked. What is expected, what is an expected refusal and what is a
//! fault are told apart here, and only here.

import http from "k6/http";
import { check, sleep } from "k6";
import { Counter } from "k6/metrics";
import * as record from "./record.js";
import { authorization, renew } from "./session.js";
import { API, RETRY_FOR, TIMEOUT } from "./options.js";

/** Refusals that the scenario provoked, by `code`: an empty pool, a stale `If-Match`. */
export const refusals = new Counter("expected_refusals");
/** Requests sent again because there was no final answer. */
export const retries = new Counter("retries");
/** Answers lost to a broken connection, and then had by repeating the request with the same key. */
export const recovered = new Counter("recovered_answers");
/** Answers that were neither what was asked for nor an expected refusal. */
export const faults = new Counter("faults");

const callbacks = {};

function expecting(statuses) {
  const key = statuses.join();
  callbacks[key] = callbacks[key] || http.expectedStatuses(...statuses);
  return callbacks[key];
}

/** The body as JSON; `undefined` when it is none. */
export function json(response) {
  try {
    return response.json();
  } catch (_) {
    return undefined;
  }
}

/** The code of an error body; empty when there is none. */
export function codeOf(response) {
  const body = json(response);
  return (body && body.error && body.error.code) || "";
}

function parameters(operation, { expected, headers }) {
  return {
    headers: Object.assign({ Authorization: authorization(), "Content-Type": "application/json" }, headers),
    tags: { name: operation },
    timeout: `${TIMEOUT}s`,
    responseCallback: expecting(expected),
  };
}

// No final answer: the connection broke, the server is away or stopping, or others were faster again and again.
function mayPass(response) {
  return response.status === 0 || response.status === 503 || (response.status === 409 && codeOf(response) === "Contention");
}

// As long as the server says, but not forever; else longer each time, and never all users at once.
function wait(response, attempts) {
  const told = Math.min(Number(response.headers["Retry-After"]) || 0, 5);
  sleep(told + Math.random() * Math.min(0.05 * attempts, 0.5));
}

/**
 * Sends one request and judges its answer.
 *
 * `expected` are the statuses of success (default 200), `refusals` the codes that this scenario provokes, `shape` a
 * predicate over the parsed body of a success, `headed` the headers that it must have. A request without a final
 * answer is sent again, unchanged, for `RETRY_FOR` seconds: a POST must have an `Idempotency-Key`. `doneBefore` is the
 * status that says of a repeated request that it had been carried out, although its first answer was lost: 404 of a
 * DELETE, 412 of a PUT with `If-Match`.
 *
 * Returns `{ok, status, body, code, response, attempts}`; `ok` when it succeeded and its shape was right. Of a
 * request that never got a final answer, `lost` says so.
 */
export function call(operation, method, path, options = {}) {
  const { body, expected = [200], refusals: provoked = [], doneBefore } = options;
  const statuses = [...expected, ...provoked.map(statusOf)];
  const payload = body === undefined ? null : JSON.stringify(body);
  const deadline = Date.now() + RETRY_FOR * 1000;
  let attempts = 0;
  let renewed = false;
  for (;;) {
    attempts += 1;
    const response = http.request(method, API + path, payload, parameters(operation, { ...options, expected: statuses }));
    if (response.status === 401 && codeOf(response) === "TokenExpired" && !renewed) {
      renewed = true;
      renew();
      continue;
    }
    if (mayPass(response) && Date.now() < deadline) {
      retries.add(1, { operation });
      record.retry(operation, response);
      wait(response, attempts);
      continue;
    }
    if (attempts > 1 && response.status === doneBefore) {
      return { ok: true, status: doneBefore, body: null, response, attempts };
    }
    if (attempts > 1 && response.headers["Idempotency-Replayed"] === "true") recovered.add(1, { operation });
    return { ...judge(operation, response, options), attempts };
  }
}

/** The status that belongs to a code of `docs/errors.md`, for those that the scenarios provoke. */
function statusOf(code) {
  const known = { NotFound: 404, Depleted: 409, Contention: 409, Duplicate: 409, PreconditionFailed: 412, Overloaded: 503 };
  if (!(code in known)) throw new Error(`no status is known for ${code}`);
  return known[code];
}

/** Says what an answer is. `call` does it by itself; for requests that were sent in another way. */
export function judge(operation, response, { expected = [200], refusals: provoked = [], shape, headed = [] } = {}) {
  const { status } = response;
  const code = status >= 400 ? codeOf(response) : "";
  if (provoked.includes(code) && status === statusOf(code)) {
    refusals.add(1, { code });
    return { ok: false, refused: true, status, code, response };
  }
  const body = status === 204 ? null : json(response);
  const right = expected.includes(status);
  const shaped = right && (shape === undefined || holds(shape, body)) && headed.every((name) => response.headers[name]);
  check(response, { [`${operation}: status`]: () => right });
  if (right) check(response, { [`${operation}: content`]: () => shaped });
  if (!shaped) {
    faults.add(1, { operation });
    const wanted = [...expected, ...provoked].join(" or ");
    record.fault(operation, response, right ? "the answer has another shape" : `expected ${wanted}`);
  }
  return { ok: shaped, lost: status === 0 || status >= 500, status, code, body, response };
}

function holds(shape, body) {
  try {
    return shape(body) === true;
  } catch (_) {
    return false; // It lacks a field that the predicate looks at.
  }
}

/** The same request several times at once. Returns the plain responses. */
export function twins(operation, method, path, options, count = 2) {
  const payload = JSON.stringify(options.body);
  const request = () => ({ method, url: API + path, body: payload, params: parameters(operation, options) });
  return http.batch(Array.from({ length: count }, request));
}

/** The path of the next page from a `Link` header, behind `/api/v1`; `null` on the last page. */
export function next(response) {
  const link = response.headers.Link || "";
  const found = /<([^>]*)>;\s*rel="next"/.exec(link);
  return found ? found[1].replace(/^.*?\/api\/v1/, "") : null;
}
