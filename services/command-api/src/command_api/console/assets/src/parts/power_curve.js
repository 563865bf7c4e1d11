// The power of a running transaction: what was measured so far, and what comes.

import { at, everything } from "../lib/api.js";
import { useLive } from "../lib/live.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { Curve } from "./curve.js";
import { Loaded } from "./loaded.js";

/** @param {{transaction: number, label: string}} props */
export function PowerCurve({ transaction, label }) {
  const live = useLive(
    async (signal) => powerOf(await everything(at`/transactions/${transaction}/meter-values`, {}, { signal })),
    [transaction],
    (points, events) => {
      let changed = points;
      for (const { type, data } of events) {
        if (type !== "transaction.updated" || data.transaction_id !== transaction || data.power_w === null || !data.measured_at) continue;
        const measured = Date.parse(data.measured_at);
        if (changed.length > 0 && measured <= changed[changed.length - 1][0]) continue;
        changed = [...changed, [measured, data.power_w]];
      }
      return changed;
    },
  );
  return html`<${Loaded} of=${live}>${(/** @type {[number, number][]} */ points) =>
    html`<${Curve} label=${label} unit="W" series=${[{ name: t("station.power"), points }]} />`}<//>`;
}

/**
 * The power at each time: of all phases, or their sum where there is no other.
 * @param {any[]} values
 * @returns {[number, number][]}
 */
function powerOf(values) {
  /** @type {Map<number, {whole: number | null, sum: number}>} */
  const byTime = new Map();
  for (const one of values) {
    if (one.measurand !== "Power.Active.Import" || one.value === null) continue;
    const measured = Date.parse(one.timestamp);
    const watts = one.unit === "kW" ? one.value * 1000 : one.value;
    const sample = byTime.get(measured) ?? { whole: null, sum: 0 };
    if (one.phase) sample.sum += watts;
    else sample.whole = watts;
    byTime.set(measured, sample);
  }
  return [...byTime].map(([measured, { whole, sum }]) => /** @type {[number, number]} */ ([measured, whole ?? sum])).sort((a, b) => a[0] - b[0]);
}
