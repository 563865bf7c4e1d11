// Meter values as curves: one chart for each measurand, a line for each phase and place.

import { hasText, t } from "../lib/text.js";

// What is asked for most often comes first.
const ORDER = ["Power.Active.Import", "Energy.Active.Import.Register", "Current.Import", "SoC", "Voltage"];
/** @type {Record<string, [number, string]>} */
const UNITS = { kWh: [1000, "Wh"], kW: [1000, "W"], kvar: [1000, "var"], kvarh: [1000, "varh"], kVA: [1000, "VA"] };
const PLACE = "Outlet";
const REGISTER = "Energy.Active.Import.Register";

/** @param {string} measurand */
export const measurandName = (measurand) => (hasText(`measurand.${measurand}`) ? t(`measurand.${measurand}`) : measurand);

/**
 * @typedef {{measurand: string, unit: string, series: import("./curve.js").Series[]}} Measured
 * @param {any[]} values as REST gives them
 * @param {number} meterStart the register is shown from here on
 * @returns {Measured[]}
 */
export function measuredCurves(values, meterStart) {
  /** @type {Map<string, {measurand: string, unit: string, lines: Map<string, [number, number | null][]>}>} */
  const charts = new Map();
  for (const { timestamp, measurand, value, unit, phase, location, format } of values) {
    if (value === null || format === "SignedData") continue;
    const [factor, spelled] = UNITS[unit] ?? [1, unit ?? (measurand === "SoC" ? "Percent" : measurand.startsWith("Energy") ? "Wh" : "")];
    const chart = charts.get(measurand) ?? { measurand, unit: spelled, lines: new Map() };
    charts.set(measurand, chart);
    const place = location && location !== PLACE ? location : "";
    const name = [phase, place].filter(Boolean).join(", ") || measurandName(measurand);
    const line = chart.lines.get(name) ?? [];
    chart.lines.set(name, line);
    // A phase has a register of its own, which nobody read at the start.
    const zero = measurand === REGISTER && !phase ? meterStart : 0;
    const read = value * factor - zero;
    // Too great to be told in the unit of the chart: a gap.
    line.push([Date.parse(timestamp), Number.isFinite(read) ? read : null]);
  }
  const rank = (/** @type {string} */ measurand) => (ORDER.indexOf(measurand) + ORDER.length + 1) % (ORDER.length + 1);
  return [...charts.values()]
    .sort((a, b) => rank(a.measurand) - rank(b.measurand) || a.measurand.localeCompare(b.measurand))
    .map(({ measurand, unit, lines }) => ({
      measurand,
      unit,
      series: [...lines].sort(([a], [b]) => a.localeCompare(b)).map(([name, points]) => ({ name, points: points.sort(([a], [b]) => a - b) })),
    }));
}
