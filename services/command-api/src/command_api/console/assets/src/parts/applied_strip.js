// Which rule of a tariff held when: a strip of time, and the same as a table.

import { inZone, spanInZone, toldZone } from "../lib/times.js";
import { hasText, t, word } from "../lib/text.js";
import { decimal, duration } from "../lib/units.js";
import { html } from "../lib/view.js";
import { useWidth } from "./bars.js";
import { Table } from "./table.js";
import { dimensionName, ruleName } from "./tariff_words.js";

/** @typedef {{from: string, to: string, kind: string, energy_kwh: string, hours: string, elements: Record<string, number>}} Period */

const ROW = 24;
const BELOW = 18;
const LABEL = 90;
// What is paid while a time is used so.
/** @type {Record<string, string[]>} */
const USED = { CHARGING: ["ENERGY", "TIME"], PARKING: ["PARKING_TIME"], RESERVATION: ["TIME"] };
// A fee is for a session: the lines of the cost say which.
const ROWS = ["ENERGY", "TIME", "PARKING_TIME"];

/** @param {string} kind */
const kindName = (kind) => (hasText(`period.${kind}`) ? t(`period.${kind}`) : word(kind));
/** Rules that price something in a period. @param {Period} period @returns {[string, number][]} */
const usedOf = ({ kind, elements }) => (USED[kind] ?? ROWS).filter((type) => type in elements).map((type) => [type, elements[type]]);

/** @param {{periods: Period[], zone: string | null}} props */
export function AppliedStrip({ periods, zone }) {
  const [place, width] = useWidth();
  if (periods.length === 0) return null;
  const begins = Date.parse(periods[0].from);
  const ends = Date.parse(periods[periods.length - 1].to);
  const rows = ROWS.filter((type) => periods.some((one) => usedOf(one).some(([used]) => used === type)));
  const room = Math.max(0, width - LABEL);
  const x = (/** @type {string} */ at) => LABEL + (ends === begins ? 0 : ((Date.parse(at) - begins) / (ends - begins)) * room);
  const height = ROW * (rows.length + 1) + BELOW;
  const box = (/** @type {Period} */ one, /** @type {number} */ n, /** @type {number} */ row, /** @type {string} */ style, /** @type {string} */ text) => {
    const wide = Math.max(1, x(one.to) - x(one.from));
    return html`<g key=${`${row} ${n}`}><rect class=${style} x=${x(one.from)} width=${wide} y=${row * ROW + 2} height=${ROW - 4} />
      ${wide > 8 * text.length + 4 && html`<text x=${x(one.from) + wide / 2} y=${row * ROW + ROW / 2 + 4} text-anchor="middle">${text}</text>`}</g>`;
  };
  return html`<div ref=${place} class="strip">
    <p class="hint">${t("applied.zone", { zone: toldZone(zone) })}</p>
    <svg role="img" aria-label=${t("applied.label")} width=${width} height=${height}>
      <text x="0" y=${ROW / 2 + 4}>${t("applied.kind")}</text>
      ${periods.map((one, n) => box(one, n, 0, one.kind.toLowerCase(), kindName(one.kind)))}
      ${rows.map((type, row) => html`<text key=${type} x="0" y=${(row + 1) * ROW + ROW / 2 + 4}>${dimensionName(type)}</text>
        ${periods.map((one, n) => usedOf(one).filter(([used]) => used === type).map(([, element]) => box(one, n, row + 1, `rule rule-${element % 4}`, String(element + 1))))}`)}
      <text x=${LABEL} y=${height - 4}>${inZone(periods[0].from, zone)}</text>
      ${room > 260 && html`<text x=${width} y=${height - 4} text-anchor="end">${inZone(periods[periods.length - 1].to, zone)}</text>`}
    </svg>
    <${Table} label=${t("applied.title")} rows=${periods.map((one, n) => ({ ...one, n }))} keyOf=${(/** @type {any} */ one) => String(one.n)} columns=${[
      { key: "when", title: t("tariff.when"), show: (/** @type {Period} */ one) => spanInZone(one.from, one.to, zone) },
      { key: "kind", title: t("applied.kind"), show: (/** @type {Period} */ one) => kindName(one.kind) },
      { key: "energy", title: t("transactions.energy"), number: true, show: (/** @type {Period} */ one) => decimal(one.energy_kwh, "kWh") },
      { key: "lasted", title: t("transactions.lasted"), number: true, show: (/** @type {Period} */ one) => duration((Date.parse(one.to) - Date.parse(one.from)) / 1000) },
      { key: "rules", title: t("applied.rules"), wide: true, show: (/** @type {Period} */ one) => usedOf(one).map(([type, element]) => `${dimensionName(type)}: ${ruleName(element)}`).join(", ") || t("applied.free") },
    ]} />
  </div>`;
}
