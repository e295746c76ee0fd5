//! What a run is told by its environment. The table in ../README.md lists every variable; an unusable value ends the
//! run before it begins, naming the variable.

function refuse(name, value, wanted) {
  throw new Error(`${name}=${value} cannot be used: ${wanted}.`);
}

/** Text, or the fallback when the variable is absent or empty. */
export function text(name, fallback = "") {
  const value = __ENV[name];
  return value === undefined || value === "" ? fallback : value;
}

/** A number that is at least `least`. */
export function number(name, fallback, least = 0) {
  const value = text(name, String(fallback));
  const parsed = Number(value);
  if (!Number.isFinite(parsed) || parsed < least) {
    refuse(name, value, `it must be a number of at least ${least}`);
  }
  return parsed;
}

/** A whole number that is at least `least`. */
export function whole(name, fallback, least = 1) {
  const value = number(name, fallback, least);
  if (!Number.isInteger(value)) {
    refuse(name, value, "it must be a whole number");
  }
  return value;
}

/** 1, true or yes; 0, false, no or nothing. */
export function flag(name, fallback = false) {
  const value = text(name, fallback ? "1" : "0").toLowerCase();
  if (["1", "true", "yes"].includes(value)) return true;
  if (["0", "false", "no"].includes(value)) return false;
  return refuse(name, value, "it must be 1 or 0");
}

/** One of a few words. */
export function word(name, fallback, words) {
  const value = text(name, fallback);
  return words.includes(value) ? value : refuse(name, value, `it must be one of ${words.join(", ")}`);
}

/** A length of time as k6 spells it (`90s`, `1h30m`), in seconds. */
export function seconds(name, fallback) {
  const value = text(name, fallback);
  const units = { ms: 0.001, s: 1, m: 60, h: 3600 };
  let sum = 0;
  const rest = value.replace(/(\d+(?:\.\d+)?)(ms|s|m|h)/g, (_, amount, unit) => {
    sum += Number(amount) * units[unit];
    return "";
  });
  return rest === "" && sum >= 1 ? sum : refuse(name, value, "it must be at least one second, written like 90s or 1h30m");
}

const server = text("BASE_URL", "http://127.0.0.1:8080").replace(/\/+$/, "");
if (!/^https?:\/\/[^/]+$/.test(server)) {
  refuse("BASE_URL", server, "it must look like http://127.0.0.1:8080");
}

/** Where the server is, without a slash at the end. */
export const SERVER = server;
/** The paths of the API begin here. */
export const API = `${server}/api/v1`;
/** Whether what the run made stays. */
export const KEEP = flag("KEEP");
/** How long one request may take, in seconds. */
export const TIMEOUT = number("TIMEOUT", 30, 1);
/** How long a request that got no final answer is repeated with the same key, in seconds. */
export const RETRY_FOR = number("RETRY_FOR", 60);
