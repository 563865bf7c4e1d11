// How far a rollout is.

import { t, word } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html } from "../lib/view.js";

/** What a station of a rollout can have come to, in that order; `waiting`: its turn has not come. */
export const RESULTS = ["waiting", "ordered", "started", "running", "succeeded", "failed", "refused", "not_sent", "timed_out", "superseded", "cancelled"];
const OPEN = ["waiting", "ordered", "started", "running"];

/** @param {any} rollout */
export const stationsOf = (rollout) => Object.values(rollout.stations).reduce((sum, n) => sum + n, 0);
/** @param {any} rollout */
const endedOf = (rollout) => Object.entries(rollout.stations).reduce((sum, [status, n]) => (OPEN.includes(status) ? sum : sum + n), 0);

/** @param {{of: any}} props */
export function ResultsLine({ of: rollout }) {
  const shown = RESULTS.filter((status) => rollout.stations[status]);
  return shown.length === 0 ? html`<span class="none">–</span>` : html`${shown.map((status) => `${count(rollout.stations[status])} ${word(status)}`).join(", ")}`;
}

/** @param {{of: any}} props */
export function RolloutProgress({ of: rollout }) {
  const [ended, total] = [endedOf(rollout), stationsOf(rollout)];
  const text = t("rollout.ended", { n: total, ended: count(ended), total: count(total) });
  return html`<div class="progress"><label for="rollout-progress">${text}</label><progress id="rollout-progress" max=${total || 1} value=${ended}>${text}</progress></div>`;
}
