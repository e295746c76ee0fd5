//! Who the requests come from. Set-up obtains the credentials, each virtual user carries its own copy.
//!
//! `AUTH=token` (the default): set-up logs in once and makes an API token that all use and that is revoked at the
//! end; a `TOKEN` from outside is used as it is. `AUTH=session`: each virtual user logs in and keeps renewing its own
//! access token, as people's browsers do. Access tokens live for 15 minutes, so this is how a soak is run.

import http from "k6/http";
import exec from "k6/execution";
import { check, sleep } from "k6";
import { Counter } from "k6/metrics";
import * as record from "./record.js";
import { API, RETRY_FOR, SERVER, TIMEOUT, text, word } from "./options.js";

const TOKEN = text("TOKEN");
const USER = text("LOGIN", "admin");
const PASSWORD_FILE = text("PASSWORD_FILE");
// `open` would look beside this file; people mean where they are.
const PASSWORD = text("PASSWORD") || (PASSWORD_FILE &&
  open(PASSWORD_FILE.startsWith("/") ? PASSWORD_FILE : `${__ENV.PWD}/${PASSWORD_FILE}`).trim());

/** Access tokens that were renewed. */
const renewals = new Counter("token_renewals");

let mine = null; // {bearer, refresh, renewAt (ms, or null for a token that outlives the run)}

function post(operation, path, body, bearer) {
  return http.post(API + path, JSON.stringify(body), {
    headers: Object.assign({ "Content-Type": "application/json" }, bearer ? { Authorization: `Bearer ${bearer}` } : {}),
    tags: { name: operation },
    timeout: `${TIMEOUT}s`,
  });
}

function explain(response) {
  if (response.status === 0) return `no answer (${response.error})`;
  try {
    return `${response.status} ${response.json("error.code")}: ${response.json("error.message")}`;
  } catch (_) {
    return `${response.status}`;
  }
}

function pair(response) {
  const { accessToken, refreshToken, expiresIn } = response.json();
  // Renewed in good time, so that no request carries a token that expires on its way.
  return { bearer: accessToken, refresh: refreshToken, renewAt: Date.now() + expiresIn * 800 };
}

// Repeated while there is no answer at all, as long as other requests are.
function login() {
  const deadline = Date.now() + RETRY_FOR * 1000;
  for (;;) {
    const response = post("login", "/auth/login", { username: USER, password: PASSWORD });
    if (!isLost(response) || Date.now() >= deadline) return response;
    sleep(0.1 + Math.random());
  }
}

function isLost(response) {
  return response.status === 0 || response.status === 503;
}

/**
 * Set-up: sees that the server is there, and obtains what the virtual users need to speak for themselves.
 * `mode` is `AUTH` unless the environment says otherwise; `lifetime` how long a token must work, in seconds.
 */
export function obtain(mode, lifetime) {
  const auth = word("AUTH", mode, ["token", "session"]);
  const ready = http.get(`${SERVER}/ready`, { tags: { name: "ready" }, timeout: `${TIMEOUT}s` });
  if (ready.status !== 200) {
    exec.test.abort(`No server is ready at ${SERVER}: ${explain(ready)}`);
    return null;
  }
  if (TOKEN) {
    return { bearer: TOKEN };
  }
  if (!PASSWORD) {
    exec.test.abort("There is neither a TOKEN nor a PASSWORD nor a PASSWORD_FILE.");
    return null;
  }
  const answer = login();
  if (answer.status !== 200) {
    exec.test.abort(`${USER} cannot log in at ${SERVER}: ${explain(answer)} Look at LOGIN, PASSWORD and PASSWORD_FILE.`);
    return null;
  }
  if (auth === "session") {
    return { session: true };
  }
  const made = post("createApiToken", "/auth/tokens", {
    name: `load test ${new Date().toISOString()} ${Math.random().toString(36).slice(2, 8)}`,
    expiresOn: new Date(Date.now() + (lifetime + 3600) * 1000).toISOString(),
  }, answer.json("accessToken"));
  if (made.status !== 201) {
    exec.test.abort(`No API token can be had from ${SERVER}: ${explain(made)}`);
    return null;
  }
  return { bearer: made.json("token"), tokenId: made.json("id") };
}

/** Begins an iteration of this virtual user, or set-up itself, with what `obtain` gave. Throws when it cannot log in. */
export function speak(credentials) {
  if (mine === null) {
    mine = credentials.session ? accept("login", login()) : { bearer: credentials.bearer, renewAt: null };
  } else if (mine.renewAt !== null && Date.now() >= mine.renewAt) {
    renew();
  }
}

/** A new pair for this virtual user. With an API token there is nothing to renew. */
export function renew() {
  if (mine.renewAt === null) return;
  const { refresh } = mine;
  mine = null; // If this fails, the next iteration logs in anew.
  const response = post("refresh", "/auth/refresh", { refreshToken: refresh });
  // Without an answer the refresh token may be used up all the same, and using it twice would end the session.
  mine = isLost(response) ? accept("login", login()) : accept("refresh", response);
  renewals.add(1);
}

function accept(operation, response) {
  if (!check(response, { [`${operation}: status`]: (r) => r.status === 200 })) {
    record.fault(operation, response, "expected 200");
    throw new Error(`${operation}: ${explain(response)}`);
  }
  return pair(response);
}

/** The `Authorization` header of this virtual user. */
export function authorization() {
  return `Bearer ${mine.bearer}`;
}

/** Tear-down: takes the API token back that set-up made. */
export function giveBack(credentials) {
  if (credentials && credentials.tokenId) {
    http.del(`${API}/auth/tokens/${credentials.tokenId}`, null, {
      headers: { Authorization: `Bearer ${credentials.bearer}` }, tags: { name: "revokeApiToken" }, timeout: `${TIMEOUT}s`,
    });
  }
}
