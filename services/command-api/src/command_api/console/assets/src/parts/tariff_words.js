// A tariff in words: what costs how much, and when.

import { weekdayName } from "../lib/places.js";
import { hasText, t, word } from "../lib/text.js";
import { decimal, duration, money } from "../lib/units.js";
import { html } from "../lib/view.js";
import { Facts } from "./page.js";
import { Moment } from "./shown.js";
import { Table } from "./table.js";

/**
 * @typedef {{type: string, price: number, vat?: number | null, step_size: number}} PriceComponent
 * @typedef {{price_components: PriceComponent[], restrictions?: Record<string, any> | null}} Element
 * @typedef {{currency: string, elements: Element[], min_price?: any, max_price?: any, [name: string]: any}} Tariff
 *   as OCPI 2.2.1 has it
 */

/** What is priced, in the order in which it is shown. */
export const DIMENSIONS = ["ENERGY", "TIME", "PARKING_TIME", "FLAT"];
export const DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"];

/** @param {string} type */
export const dimensionName = (type) => (hasText(`dimension.${type}`) ? t(`dimension.${type}`) : word(type));
/** A rule of a tariff as people count them. @param {number | null | undefined} element */
export const ruleName = (element) => (element === null || element === undefined ? null : t("tariff.rule", { n: element + 1 }));

/** @param {PriceComponent} component @param {string} currency */
const priceWords = (component, currency) => t(`tariff.price.${component.type}`, { price: money(component.price, currency) });

/** What every so much is counted by. @param {PriceComponent} component */
function stepWords({ type, step_size: step }) {
  if (type === "FLAT") return null;
  if (!step || step === 1) return t("tariff.exact");
  return type === "ENERGY" ? decimal(step, "Wh") : duration(step);
}

/** Days of the week, neighbours as from and to. @param {string[]} days */
export function dayWords(days) {
  const chosen = DAYS.map((day, n) => (days.includes(day) ? n + 1 : 0)).filter(Boolean);
  /** @type {number[][]} */
  const runs = [];
  for (const n of chosen) {
    const last = runs[runs.length - 1];
    if (last && last[last.length - 1] === n - 1) last.push(n);
    else runs.push([n]);
  }
  return runs.map((run) => (run.length > 2
    ? t("tariff.when.days", { from: weekdayName(run[0]), to: weekdayName(run[run.length - 1]) })
    : run.map(weekdayName).join(", "))).join(", ");
}

/** From one bound to another. @param {string} key @param {any} least @param {any} most @param {(value: any) => string} show */
function between(key, least, most, show) {
  const [from, to] = [least ?? null, most ?? null];
  if (from === null && to === null) return null;
  if (from === null) return t(`tariff.when.${key}_below`, { to: show(to) });
  if (to === null) return t(`tariff.when.${key}_from`, { from: show(from) });
  return t(`tariff.when.${key}_between`, { from: show(from), to: show(to) });
}

/** @param {Record<string, any>} when */
function clockWords({ start_time: from, end_time: to }) {
  if (from && to) return t(to > from ? "tariff.when.clock_between" : from === to ? "tariff.when.clock_whole" : "tariff.when.clock_over_midnight", { from, to });
  return between("clock", from, to, String);
}

/** When an element holds; empty: always. @param {Record<string, any> | null | undefined} restrictions @returns {string} */
export function whenWords(restrictions) {
  const when = restrictions ?? {};
  return [
    when.reservation && (hasText(`tariff.when.${when.reservation}`) ? t(`tariff.when.${when.reservation}`) : word(String(when.reservation))),
    Array.isArray(when.day_of_week) && dayWords(when.day_of_week),
    clockWords(when),
    between("date", when.start_date, when.end_date, String),
    between("energy", when.min_kwh, when.max_kwh, (kwh) => decimal(kwh, "kWh")),
    between("duration", when.min_duration, when.max_duration, duration),
    between("power", when.min_power, when.max_power, (kw) => decimal(kw, "kW")),
    between("current", when.min_current, when.max_current, (a) => decimal(a, "A")),
  ].filter(Boolean).join(", ");
}

/** An amount without VAT, and with it where that is said. @param {any} price @param {string} currency */
const limitWords = (price, currency) =>
  price.incl_vat === undefined || price.incl_vat === null
    ? t("tariff.limit_excl", { excl: money(price.excl_vat, currency) })
    : t("tariff.limit_both", { excl: money(price.excl_vat, currency), incl: money(price.incl_vat, currency) });

/** Prices in one line: what holds first, of each kind. @param {Tariff} tariff */
export function shortWords(tariff) {
  const first = DIMENSIONS.map((type) => (tariff.elements ?? []).flatMap((one) => one.price_components ?? []).find((one) => one.type === type));
  return first.filter((one) => one !== undefined).map((one) => priceWords(one, tariff.currency)).join(" · ");
}

/**
 * Every price, by what is priced, in the order in which they are looked for.
 * @param {Tariff} tariff
 */
function pricesOf(tariff) {
  return DIMENSIONS.flatMap((type) => {
    let isTaken = false;
    let isFirst = true;
    return (tariff.elements ?? []).flatMap((element, n) => {
      const component = element.price_components.find((one) => one.type === type);
      if (!component) return [];
      const said = whenWords(element.restrictions);
      const when = isTaken ? t("tariff.when.never") : said || t(isFirst ? "tariff.when.always" : "tariff.when.otherwise");
      isTaken ||= said === "";
      isFirst = false;
      return [{ key: `${type} ${n}`, type, n, component, when }];
    });
  });
}

/** A tariff in words. @param {{tariff: Tariff}} props */
export function TariffInWords({ tariff }) {
  const prices = pricesOf(tariff);
  const unpriced = DIMENSIONS.filter((type) => !prices.some((one) => one.type === type));
  const { currency } = tariff;
  return html`
    <${Table} label=${t("tariff.prices")} rows=${prices} keyOf=${(/** @type {any} */ one) => one.key} columns=${[
      { key: "type", title: t("tariff.what"), show: (/** @type {any} */ one) => dimensionName(one.type) },
      { key: "price", title: t("tariff.price"), show: (/** @type {any} */ one) => html`<b>${priceWords(one.component, currency)}</b>` },
      { key: "when", title: t("tariff.when"), wide: true, show: (/** @type {any} */ one) => one.when },
      { key: "vat", title: t("tariff.vat"), number: true, show: (/** @type {any} */ one) => (one.component.vat === undefined || one.component.vat === null ? t("tariff.no_vat") : decimal(one.component.vat, "%")) },
      { key: "step", title: t("tariff.step"), number: true, show: (/** @type {any} */ one) => stepWords(one.component) },
      { key: "rule", title: t("tariff.by_rule"), show: (/** @type {any} */ one) => ruleName(one.n) },
    ]} />
    <p class="hint">${t("tariff.first_counts")}${unpriced.length > 0 && ` ${t("tariff.unpriced", { what: unpriced.map(dimensionName).join(", ") })}`}</p>
    <${Facts} rows=${[
      tariff.min_price && [t("tariff.min_price"), limitWords(tariff.min_price, currency)],
      tariff.max_price && [t("tariff.max_price"), limitWords(tariff.max_price, currency)],
      tariff.type && [t("tariff.type"), hasText(`tariff.type.${tariff.type}`) ? t(`tariff.type.${tariff.type}`) : word(tariff.type)],
      tariff.start_date_time && [t("tariff.valid_from"), html`<${Moment} at=${tariff.start_date_time} />`],
      tariff.end_date_time && [t("tariff.valid_to"), html`<${Moment} at=${tariff.end_date_time} />`],
    ]} />`;
}
