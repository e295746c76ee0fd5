//! The end of a run: everything as JSON in the file that SUMMARY names, and one screen of text.

import { text } from "./options.js";

const WIDTH = 36;
const right = (value, width) => String(value).padStart(width);
const left = (value, width) => String(value).padEnd(width);
const ms = (value) => (value === undefined ? "-" : value.toFixed(1));

function value(data, metric, field, fallback = 0) {
  const found = data.metrics[metric];
  return found && found.values[field] !== undefined ? found.values[field] : fallback;
}

// `http_req_duration{name:getIp,part:last}` as `getIp [part last]`.
function operation(metric) {
  const found = /^http_req_duration\{(.*)\}$/.exec(metric);
  if (!found) return null;
  const tags = Object.fromEntries(found[1].split(",").map((tag) => tag.split(":")));
  const { name = "all operations", ...others } = tags;
  return [name, ...Object.entries(others).map(([tag, of]) => `[${tag} ${of}]`)].join(" ");
}

function table(data) {
  const rows = Object.entries(data.metrics)
    .map(([metric, { values }]) => [operation(metric), values])
    .filter(([name, values]) => name && values.count > 0)
    .map(([name, values]) => left(name, WIDTH) + right(values.count, 9) +
      ["med", "p(95)", "p(99)", "max"].map((field) => right(ms(values[field]), 9)).join(""));
  const head = left("operation (ms)", WIDTH) + ["count", "p50", "p95", "p99", "max"].map((name) => right(name, 9)).join("");
  return [head, ...rows.sort()];
}

function missed(data) {
  return Object.entries(data.metrics).flatMap(([name, metric]) => Object.entries(metric.thresholds || {})
    .filter(([, { ok }]) => !ok)
    .map(([goal]) => {
      const field = /^[a-z]+(\(\d+\))?/.exec(goal)[0];
      return `MISSED ${name}: ${goal}, but it was ${Number(metric.values[field]).toPrecision(4)}`;
    }));
}

/** k6's `handleSummary` for the scenario of this name. */
export function summary(name) {
  return (data) => {
    if (!data.setup_data) return { stdout: `${name}: it ended in set-up, before there was any load.\n` };
    const failed = missed(data).sort();
    const goals = Object.values(data.metrics).flatMap((metric) => Object.keys(metric.thresholds || {})).length;
    const count = (metric) => value(data, metric, "count");
    const rate = value(data, "http_reqs", "rate").toFixed(0);
    const failures = (100 * value(data, "http_req_failed", "rate")).toFixed(3);
    const lines = [
      `${name}: ${count("http_reqs")} requests in ${(data.state.testRunDurationMs / 1000).toFixed(1)} s (${rate}/s), ` +
        `${failures} % failed, ${count("expected_refusals")} expected refusals, ` +
        `${count("retries")} retries (${count("recovered_answers")} lost answers had again), ` +
        `${count("token_renewals")} token renewals, ${count("dropped_iterations")} iterations not begun in time`,
      ...table(data),
      ...(failed.length ? failed : [`All ${goals} goals were met.`]),
    ];
    const files = { stdout: `${lines.join("\n")}\n` };
    if (text("SUMMARY")) files[text("SUMMARY")] = JSON.stringify(data, null, 1);
    return files;
  };
}
