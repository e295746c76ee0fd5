//! Smoke: one user does everything once, in order. Says in seconds whether the load tests and the server fit together.

import { build, remove } from "./lib/plan.js";
import { CORRECT, common, errors, times, used } from "./lib/goals.js";
import { iteration } from "./lib/iteration.js";
import { whole } from "./lib/options.js";
import { READS } from "./lib/reads.js";
import { summary } from "./lib/report.js";
import { WRITES } from "./lib/writes.js";

export const options = {
  ...common({ ...CORRECT, ...errors(0), ...used(), ...times({ slack: 5 }) }),
  scenarios: {
    smoke: { executor: "shared-iterations", vus: 1, iterations: whole("ITERATIONS", 1), maxDuration: "2m" },
  },
};

export const setup = () => build();

export default function (plan) {
  for (const [story] of [...READS, ...WRITES]) iteration(plan, story);
}

export const teardown = remove;
export const handleSummary = summary("smoke");
