//! Allocation race: many users take from the same pools at the same time, as fast as they can, send some requests twice
//! and release some of what they got. Nobody may be given what another has, and the same key gives the same answer,
//! also when the server is killed in the middle (`KILLS` of `run.sh`); `verify` proves it afterwards.

import { build, remove } from "./lib/plan.js";
import { ALLOCATION, CORRECT, common, errors, raceTimes, used } from "./lib/goals.js";
import { iteration } from "./lib/iteration.js";
import { flag, number, seconds, text, whole } from "./lib/options.js";
import { pick } from "./lib/reads.js";
import { summary } from "./lib/report.js";
import { allocate, release } from "./lib/take.js";

const VUS = whole("VUS", 64);
const DURATION = seconds("DURATION", "30s");
const ITERATIONS = whole("ITERATIONS", 0, 0);
const TWINS = number("TWINS", 0.1);
const AGAIN = number("AGAIN", 0.1);
const RELEASED = number("RELEASED", 0.2);
// Under SIGKILL requests break off; that they were answered in the end is what counts then.
const KILLED = flag("KILLED");

const MOST_HELD = 32; // What a virtual user remembers to release later.

const load = ITERATIONS > 0
  ? { executor: "shared-iterations", vus: VUS, iterations: ITERATIONS, maxDuration: `${Math.max(DURATION, 600)}s` }
  : { executor: "constant-vus", vus: VUS, duration: `${DURATION}s` };

export const options = {
  ...common({
    ...CORRECT, ...used(ALLOCATION), ...raceTimes(KILLED), ...(KILLED ? {} : errors(0)),
  }),
  // Nothing is cut off: what has begun when the time is up gets its answer.
  scenarios: { race: { ...load, gracefulStop: "90s" } },
};

const POOLS = {
  v4: [text("POOL4", "10.0.0.0/12"), {}],
  v6: [text("POOL6", "2001:db8::/32"), {}],
  tiny: ["192.168.0.0/27", {}],
  taggedSmall: ["198.18.0.0/25", { Pool: "tagged" }],
  tagged: ["198.19.0.0/16", { Pool: "tagged" }],
};

export const setup = () => build({ lifetime: DURATION, pools: POOLS, sites: 0 });

const few = () => 2 + Math.floor(Math.random() * 7);
const KINDS = [
  [(plan) => [{ id: plan.pools.v4 }, { prefixLength: 32 }], 50],
  [(plan) => [{ id: plan.pools.v4 }, { prefixLength: 32, strategy: "random" }], 5],
  [(plan) => [{ id: plan.pools.v4 }, { prefixLength: 32, count: few() }], 10],
  [(plan) => [{ id: plan.pools.v4 }, { prefixLength: 30 }], 5],
  [(plan) => [{ id: plan.pools.v6 }, { prefixLength: 64 }], 10],
  [(plan) => [{ id: plan.pools.v6 }, { prefixLength: 64, count: few() }], 5],
  [() => [{ where: { Pool: "tagged" } }, { prefixLength: 32 }], 8],
  [(plan) => [{ id: plan.pools.tiny }, { prefixLength: 32, count: few() }], 7],
];

let held = [];

function story(plan) {
  const [from, request] = pick(KINDS)(plan);
  const nodes = allocate(plan, from, { ...request, twin: Math.random() < TWINS, again: Math.random() < AGAIN });
  if (nodes && from.id === plan.pools.tiny) {
    release(plan, nodes); // or it would be empty once and for all
  } else if (nodes) {
    held.push(...nodes);
  }
  if (held.length > 0 && Math.random() < RELEASED) {
    release(plan, held.splice(Math.floor(Math.random() * held.length), few()));
  }
  held = held.slice(-MOST_HELD); // The rest is kept for good.
}

export default (plan) => iteration(plan, story);
export const teardown = remove;
export const handleSummary = summary("allocation-race");
