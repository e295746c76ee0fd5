//! The everyday mix of steady, spike and soak: mostly questions, some changes (`WRITE_SHARE`).

import { number } from "./options.js";
import { READS, pick } from "./reads.js";
import { speak } from "./session.js";
import { write } from "./writes.js";

const WRITE_SHARE = number("WRITE_SHARE", 0.2);

/** One iteration. */
export function mixed(plan) {
  speak(plan.credentials);
  (Math.random() < WRITE_SHARE ? write : pick(READS))(plan);
}
