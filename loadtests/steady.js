//! Steady: the everyday mix at a fixed rate, whether or not the server keeps up. Are response times what they should be?

import { build, remove } from "./lib/plan.js";
import { CORRECT, common, errors, times } from "./lib/goals.js";
import { number, seconds, whole } from "./lib/options.js";
import { mixed } from "./lib/mix.js";
import { summary } from "./lib/report.js";

const RATE = whole("RATE", 100);
const DURATION = seconds("DURATION", "2m");
const VUS = whole("VUS", 20);

export const options = {
  ...common({
    ...CORRECT, ...errors(0.001), ...times(),
    dropped_iterations: [`count<=${Math.ceil(number("DROPPED", 0.01) * RATE * DURATION)}`],
  }),
  scenarios: {
    steady: {
      executor: "constant-arrival-rate", rate: RATE, timeUnit: "1s", duration: `${DURATION}s`,
      preAllocatedVUs: VUS, maxVUs: VUS * 4,
    },
  },
};

export const setup = () => build({ lifetime: DURATION });
export default mixed;
export const teardown = remove;
export const handleSummary = summary("steady");
