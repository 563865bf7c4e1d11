// What something costs: totals, every line, VAT, and why somebody has to look at it.

import { to } from "../lib/router.js";
import { hasText, t, word } from "../lib/text.js";
import { spanInZone } from "../lib/times.js";
import { decimal, money } from "../lib/units.js";
import { html } from "../lib/view.js";
import { AppliedStrip } from "./applied_strip.js";
import { Facts } from "./page.js";
import { Table } from "./table.js";
import { dimensionName, ruleName } from "./tariff_words.js";
import { flagName, flagText } from "./transaction_flags.js";

/** The state of a bill or of a cost, in words. @param {{of: string}} props */
export const CostState = ({ of: status }) => html`<span class=${`state ${TONES[status] ?? ""}`}>${hasText(`cost.status.${status}`) ? t(`cost.status.${status}`) : word(status)}</span>`;
/** @type {Record<string, string>} */
const TONES = { final: "good", review: "bad", running: "busy", settling: "busy" };

/** The cost of a transaction in a list. @param {{of: any}} props */
export function ShortCost({ of: cost }) {
  if (!cost) return null;
  if (cost.total_incl_vat === null) return html`<span class="none">${t(cost.status === "unpriced" ? "cost.no_tariff" : "cost.not_yet")}</span>`;
  return html`${money(cost.total_incl_vat, cost.currency)}${cost.status === "review" && html` <${CostState} of="review" />`}`;
}

/** A tariff in the version that counted. @param {{of: {tariff_id: string | null, tariff_name?: string | null, tariff_version: number | null}}} props */
export const TariffLink = ({ of: { tariff_id, tariff_name, tariff_version } }) =>
  tariff_id && html`<a href=${`${to`tariffs/${tariff_id}`}?version=${tariff_version}`}>${t("cost.tariff_version", { name: tariff_name ?? tariff_id, n: tariff_version ?? "" })}</a>`;

/** Why somebody has to look at it. @param {string} reason */
export const reasonName = (reason) => (hasText(`review.name.${reason}`) ? t(`review.name.${reason}`) : flagName(reason));
/** @param {string} reason */
const reasonText = (reason) => (hasText(`review.text.${reason}`) ? t(`review.text.${reason}`) : flagText(reason));
/** @param {{reasons: string[]}} props */
export const ExplainedReasons = ({ reasons }) =>
  html`<dl>${reasons.map((reason) => html`<dt key=${reason}><b>${reasonName(reason)}</b></dt>${reasonText(reason) && html`<dd>${reasonText(reason)}</dd>`}`)}</dl>`;

/** @param {any} line */
const lineName = (line) =>
  html`${line.reason ? t(`cost.reason.${line.reason}`) : dimensionName(line.type)}${line.of_reservation && html` <span class="none">${t("cost.of_reservation")}</span>`}`;

/** Totals, lines, VAT and when which rule held. @param {{cost: any, facts?: any[]}} props `facts`: beside the totals */
export function CostInFull({ cost, facts = [] }) {
  const { currency, time_zone: zone } = cost;
  if (cost.total_incl_vat === null) return html`<${Facts} rows=${facts} />`;
  return html`
    <${Facts} rows=${[
      [t("cost.total_incl"), html`<b class="total">${money(cost.total_incl_vat, currency)}</b>`],
      [t("cost.total_excl"), money(cost.total_excl_vat, currency)],
      [t("transactions.energy"), decimal(cost.energy_kwh, "kWh")],
      ...facts,
    ]} />
    <h3>${t("cost.lines")}</h3>
    <${Table} label=${t("cost.lines")} rows=${cost.lines.map((/** @type {any} */ one, /** @type {number} */ n) => ({ ...one, n }))} keyOf=${(/** @type {any} */ one) => String(one.n)} empty=${t("cost.no_lines")} columns=${[
      { key: "what", title: t("tariff.what"), show: lineName },
      { key: "quantity", title: t("cost.quantity"), number: true, show: (/** @type {any} */ one) => one.quantity && decimal(one.quantity, one.unit === "session" ? null : one.unit) },
      { key: "price", title: t("cost.unit_price"), number: true, show: (/** @type {any} */ one) => one.unit_price && money(one.unit_price, currency) },
      { key: "excl", title: t("cost.excl"), number: true, show: (/** @type {any} */ one) => money(one.amount_excl_vat, currency) },
      { key: "vat", title: t("tariff.vat"), number: true, show: (/** @type {any} */ one) => one.vat_percent && decimal(one.vat_percent, "%") },
      { key: "incl", title: t("cost.incl"), number: true, show: (/** @type {any} */ one) => money(one.amount_incl_vat, currency) },
      { key: "rule", title: t("tariff.by_rule"), show: (/** @type {any} */ one) => ruleName(one.element) },
      { key: "when", title: t("tariff.when"), show: (/** @type {any} */ one) => spanInZone(one.from, one.to, zone) },
    ]} />
    ${cost.vat.length > 0 && html`<h3>${t("tariff.vat")}</h3><${Table} label=${t("tariff.vat")} rows=${cost.vat} keyOf=${(/** @type {any} */ one) => one.percent} columns=${[
      { key: "percent", title: t("cost.rate"), show: (/** @type {any} */ one) => decimal(one.percent, "%") },
      { key: "base", title: t("cost.excl"), number: true, show: (/** @type {any} */ one) => money(one.amount_excl_vat, currency) },
      { key: "vat", title: t("tariff.vat"), number: true, show: (/** @type {any} */ one) => money(one.vat, currency) },
    ]} />`}
    ${cost.periods.length > 0 && html`<h3>${t("applied.title")}</h3><${AppliedStrip} periods=${cost.periods} zone=${zone} />`}`;
}
