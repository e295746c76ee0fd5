//! What a run asserts. The numbers have headroom for a machine that does other things too; ../README.md says what
//! they were chosen by. All of them can be set by the environment.

import { TIMEOUT, number } from "./options.js";

const READS = [
  "getIp", "getIp asOf", "lookupIps", "listIpChildren", "listIps", "listAddressSpaces", "explainIp", "listIpHistory",
  "getUtilization", "listAvailable", "listIpSubtree", "listChanges",
];
const WRITES = [
  "createIp", "updateIp", "deleteIp", "allocateIps", "allocateIpsByTags", "splitIp", "splitIp dryRun", "mergeIps",
  "mergeIps dryRun",
];
export const ALLOCATION = ["allocateIps", "allocateIpsByTags", "deleteIp"];

const limits = (p95, p99) => [`p(95)<${p95}`, `p(99)<${p99}`];

/** Always: every check passes, nothing is answered unexpectedly. */
export const CORRECT = { checks: ["rate==1.0"], faults: ["count==0"] };

/** The share of requests that may fail (`ERROR_RATE`); a request that was repeated failed once. */
export const errors = (fallback) => ({ http_req_failed: [`rate<=${number("ERROR_RATE", fallback)}`] });

/** Response times per operation, of requests with these tags, in ms; `slack` multiplies the defaults. */
export function times({ slack = 1, tags = {} } = {}) {
  const read = limits(number("P95_MS", 100 * slack), number("P99_MS", 300 * slack));
  const written = limits(number("WRITE_P95_MS", 200 * slack), number("WRITE_P99_MS", 500 * slack));
  const more = Object.entries(tags).map(([tag, value]) => `,${tag}:${value}`).join("");
  return Object.fromEntries([
    ...READS.map((name) => [`http_req_duration{name:${name}${more}}`, read]),
    ...WRITES.map((name) => [`http_req_duration{name:${name}${more}}`, written]),
  ]);
}

/** The same for the operations of the allocation race; of a server that is killed, only that each request ended. */
export function raceTimes(killed) {
  const written = killed
    ? [`max<${(TIMEOUT + 1) * 1000}`]
    : limits(number("WRITE_P95_MS", 1000), number("WRITE_P99_MS", 2000));
  return Object.fromEntries(ALLOCATION.map((name) => [`http_req_duration{name:${name}}`, written]));
}

/** Every operation was really used. */
export function used(names = [...READS, ...WRITES]) {
  return Object.fromEntries(names.map((name) => [`http_reqs{name:${name}}`, ["count>0"]]));
}

/** What all scenarios share. */
export function common(thresholds) {
  return {
    thresholds,
    setupTimeout: "5m",
    teardownTimeout: "2m",
    summaryTrendStats: ["count", "avg", "med", "p(95)", "p(99)", "max"],
    // Without `url`: every node has a path of its own, and each would be a time series.
    systemTags: ["status", "method", "name", "scenario", "check", "error_code", "group"],
    userAgent: "cadastre-loadtest",
  };
}
