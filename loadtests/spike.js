//! Spike: the everyday mix, then many times as much within seconds, then as before. Does the server stay correct, and
//! is it as quick afterwards as a server that never saw the spike? What it sends away during the spike with 503
//! `Overloaded` is repeated, as a well-behaved client does.

import { build, remove } from "./lib/plan.js";
import { CORRECT, common, errors, times } from "./lib/goals.js";
import { number, seconds, whole } from "./lib/options.js";
import { mixed } from "./lib/mix.js";
import { summary } from "./lib/report.js";

const RATE = whole("RATE", 50);
const PEAK = whole("PEAK", RATE * 10);
const DURATION = seconds("DURATION", "1m");
const VUS = whole("VUS", 100);

const part = (share) => `${Math.max(1, Math.round(DURATION * share))}s`;
const begin = (share) => `${Math.round(DURATION * share)}s`;
const rate = { preAllocatedVUs: VUS, maxVUs: VUS * 2, timeUnit: "1s" };

export const options = {
  ...common({
    ...CORRECT, ...errors(0.01),
    ...times({ tags: { scenario: "before" } }), ...times({ tags: { scenario: "after" } }),
    "http_req_duration{scenario:spike}": [`p(99)<${number("SPIKE_P99_MS", 5000)}`],
  }),
  scenarios: {
    before: { executor: "constant-arrival-rate", rate: RATE, duration: part(0.25), ...rate },
    spike: {
      executor: "ramping-arrival-rate", startTime: begin(0.25), startRate: RATE, ...rate,
      stages: [
        { target: PEAK, duration: part(0.05) }, { target: PEAK, duration: part(0.3) }, { target: RATE, duration: part(0.05) },
      ],
    },
    // A tenth of the time to calm down is nobody's; then it must be as it was.
    after: { executor: "constant-arrival-rate", rate: RATE, startTime: begin(0.75), duration: part(0.25), ...rate },
  },
};

export const setup = () => build({ lifetime: DURATION });
export default mixed;
export const teardown = remove;
export const handleSummary = summary("spike");
