//! The everyday mix of steady, spike and soak: mostly questions, some changes (`WRITE_SHARE`).

import { iteration } from "./iteration.js";
import { number } from "./options.js";
import { READS, pick } from "./reads.js";
import { write } from "./writes.js";

const WRITE_SHARE = number("WRITE_SHARE", 0.2);

/** One iteration. */
export function mixed(plan) {
  iteration(plan, Math.random() < WRITE_SHARE ? write : pick(READS));
}
