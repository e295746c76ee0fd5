//! One iteration of a virtual user. What is thrown on the way (no login, an answer that a story cannot go on with, a
//! mistake in a scenario) is a fault like any other: k6 by itself would log it and call the run a success.

import * as record from "./record.js";
import { faults } from "./api.js";
import { speak } from "./session.js";

/** Runs the story as the user of this iteration. */
export function iteration(plan, story) {
  try {
    speak(plan.credentials);
    story(plan);
  } catch (error) {
    faults.add(1, { operation: "script" });
    record.failure(error);
  }
}
