// A chart over time, with the same numbers in a table below it.

import { local, localTime, rfc3339 } from "../lib/times.js";
import { t } from "../lib/text.js";
import { quantity } from "../lib/units.js";
import { html, useEffect, useRef, useState } from "../lib/view.js";
import { Moment } from "./shown.js";
import { Table } from "./table.js";

const HEIGHT_PX = 220;
const COLOURS = ["--accent", "--busy", "--good", "--bad"];
// Told apart without their colours, too.
const DASHES = [[], [6, 4], [2, 3], [10, 3, 2, 3]];

/**
 * `points`: milliseconds and values in the order of time; null is a gap. `stepped`: a value holds
 * until the next one.
 * @typedef {{name: string, points: [number, number | null][], stepped?: boolean}} Series
 */

/** @param {{series: Series[], unit: string, label: string, empty?: string}} props */
export function Curve({ series, unit, label, empty }) {
  const shown = series.filter((one) => one.points.length > 0);
  const [isOpen, setOpen] = useState(false);
  if (shown.length === 0) return html`<p class="none">${empty ?? t("curve.empty")}</p>`;
  return html`<div class="curve">
    <${Drawing} series=${shown} unit=${unit} label=${label} />
    <details onToggle=${(/** @type {any} */ e) => setOpen(e.currentTarget.open)}><summary>${t("curve.table")}</summary>
      ${isOpen && html`<${Numbers} series=${shown} unit=${unit} label=${label} />`}</details>
  </div>`;
}

/** @param {{series: Series[], unit: string, label: string}} props */
function Drawing({ series, unit, label }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const [uPlot, setPlot] = useState(/** @type {any} */ (null));
  const chart = useRef(/** @type {any} */ (null));
  const [isDark, setDark] = useState(dark.matches);
  useEffect(() => {
    let isWanted = true;
    import("../../vendor/uplot.js").then((module) => isWanted && setPlot(() => module.default), console.error);
    const turned = () => setDark(dark.matches);
    dark.addEventListener("change", turned);
    return () => {
      isWanted = false;
      dark.removeEventListener("change", turned);
    };
  }, []);
  const shape = JSON.stringify(series.map(({ name, stepped }) => [name, stepped]));
  useEffect(() => {
    const element = place.current;
    if (!uPlot || !element) return undefined;
    const made = new uPlot(options(uPlot, element, series, unit), aligned(series), element);
    chart.current = made;
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT_PX }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      made.destroy();
      chart.current = null;
    };
  }, [uPlot, shape, unit, isDark]);
  useEffect(() => {
    chart.current?.setData(aligned(series));
  }, [series]);
  return html`<div class="drawing" role="img" aria-label=${`${label}. ${t("curve.in_table")}`} ref=${place}></div>`;
}

const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {any} uPlot @param {HTMLElement} element @param {Series[]} series @param {string} unit */
function options(uPlot, element, series, unit) {
  const style = getComputedStyle(element);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: `12px ${style.fontFamily}` };
  return {
    width: element.clientWidth,
    height: HEIGHT_PX,
    scales: { y: { range: (/** @type {any} */ _, /** @type {number} */ low, /** @type {number} */ high) => bounds(low, high) } },
    axes: [
      { ...axis, space: 90, values: (/** @type {any} */ _, /** @type {number[]} */ ticks, /** @type {any} */ __, /** @type {any} */ ___, /** @type {number} */ step) => ticks.map((tick) => tickTime(tick, step)) },
      { ...axis, size: 90, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map((tick) => quantity(tick, unit)) },
    ],
    series: [
      { label: t("curve.time"), value: (/** @type {any} */ _, /** @type {number | null} */ s) => (s === null ? "–" : local(s * 1000)) },
      ...series.map((one, n) => ({
        label: one.name,
        stroke: colour(COLOURS[n % COLOURS.length]),
        dash: DASHES[n % DASHES.length],
        width: 2,
        spanGaps: false,
        points: { show: one.points.length < 3 },
        paths: one.stepped ? uPlot.paths.stepped({ align: 1 }) : uPlot.paths.linear(),
        value: (/** @type {any} */ _, /** @type {number | null} */ value) => quantity(value, unit),
      })),
    ],
  };
}

const toMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const toDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });

/** As exact as the axis is. @param {number} at seconds @param {number} step seconds */
const tickTime = (at, step) => (step >= 86_400 ? toDay.format(at * 1000) : step >= 60 ? toMinute.format(at * 1000) : localTime(at * 1000));

// Near the greatest number that there is, a scale has no length that can be told.
const FARTHEST = 1e300;

/** From nothing upwards; room above. @param {number | null} low @param {number | null} high @returns {[number, number]} */
function bounds(low, high) {
  const [from, until] = [Math.max(-FARTHEST, Math.min(0, low ?? 0)), Math.min(FARTHEST, Math.max(0, high ?? 0))];
  return [from * 1.05, until === from ? from + 1 : until * 1.05];
}

/** One column of times for all series. @param {Series[]} series @returns {any} */
function aligned(series) {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => a - b);
  const columns = series.map((one) => {
    const byTime = new Map(one.points);
    // `undefined` is no point of this series, and no gap in it.
    return times.map((at) => byTime.get(at));
  });
  return [times.map((at) => at / 1000), ...columns];
}

/** @param {{series: Series[], unit: string, label: string}} props */
function Numbers({ series, unit, label }) {
  const times = [...new Set(series.flatMap((one) => one.points.map(([at]) => at)))].sort((a, b) => b - a);
  const values = series.map((one) => new Map(one.points));
  const columns = [
    { key: "at", title: t("curve.time"), show: (/** @type {number} */ at) => html`<${Moment} at=${rfc3339(at)} />` },
    ...series.map((one, n) => ({
      key: `series-${n}`, title: one.name, number: true, show: (/** @type {number} */ at) => quantity(values[n].get(at), unit),
    })),
  ];
  return html`<${Table} label=${label} columns=${columns} rows=${times} keyOf=${String} />`;
}
