//! Soak: the everyday mix for a long time. Does anything grow slower, or stop working: tokens, which are renewed every
//! few minutes, pools that fill, a journal that grows? The last third must meet the goals by itself.

import exec from "k6/execution";
import { build, remove } from "./lib/plan.js";
import { CORRECT, common, errors, times } from "./lib/goals.js";
import { number, seconds, whole } from "./lib/options.js";
import { mixed } from "./lib/mix.js";
import { summary } from "./lib/report.js";

const RATE = whole("RATE", 50);
const DURATION = seconds("DURATION", "30m");
const VUS = whole("VUS", 10);

export const options = {
  ...common({
    ...CORRECT, ...errors(0.001),
    ...times({ tags: { part: "first" } }), ...times({ tags: { part: "last" } }),
    dropped_iterations: [`count<=${Math.ceil(number("DROPPED", 0.01) * RATE * DURATION)}`],
  }),
  scenarios: {
    soak: {
      executor: "constant-arrival-rate", rate: RATE, timeUnit: "1s", duration: `${DURATION}s`,
      preAllocatedVUs: VUS, maxVUs: VUS * 4,
    },
  },
};

export const setup = () => build({ auth: "session", lifetime: DURATION });

export default function (plan) {
  const done = exec.scenario.progress;
  exec.vu.metrics.tags.part = done < 1 / 3 ? "first" : done < 2 / 3 ? "middle" : "last";
  mixed(plan);
}

export const teardown = remove;
export const handleSummary = summary("soak");
