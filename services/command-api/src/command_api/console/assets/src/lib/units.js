// Quantities as people read them, their units spelled.

const number_ = (digits) => new Intl.NumberFormat(undefined, { maximumFractionDigits: digits });
const whole = number_(0);
const one = number_(1);
const six = number_(6);
const three = new Intl.NumberFormat(undefined, { minimumFractionDigits: 3, maximumFractionDigits: 3 });
const NONE = "–";
// From here on a number is none that a meter or a counter can have, and its digits would fill the page.
const GREAT = 1e15;
const scientific = new Intl.NumberFormat(undefined, { notation: "scientific", maximumSignificantDigits: 3 });
const written = (/** @type {Intl.NumberFormat} */ format, /** @type {number} */ value) => (Math.abs(value) < GREAT ? format : scientific).format(value);

/** @param {number | null | undefined} value */
export const count = (value) => (value === null || value === undefined ? NONE : written(whole, value));
/** Watt-hours, as kWh. @param {number | null | undefined} wh */
export const energy = (wh) =>
  wh === null || wh === undefined ? NONE : kilowattHours(wh / 1000);
const kilowattHours = (/** @type {number} */ kwh) => `${written(Math.abs(kwh) >= 100 ? one : three, kwh)} kWh`;
/** Watts, as kW. @param {number | null | undefined} w */
export const power = (w) =>
  w === null || w === undefined ? NONE : Math.abs(w) < 1000 ? `${whole.format(w)} W` : kilowatts(w / 1000);
const kilowatts = (/** @type {number} */ kw) => `${written(one, kw)} kW`;
/** @param {number | null | undefined} value */
export const percent = (value) => (value === null || value === undefined ? NONE : `${written(one, value)} %`);
/** @param {number | null | undefined} ms */
export const latency = (ms) =>
  ms === null || ms === undefined ? NONE : ms < 1000 ? `${whole.format(ms)} ms` : `${written(one, ms / 1000)} s`;
/** @param {number | null | undefined} bytes */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return NONE;
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let at = 0;
  let value = bytes;
  while (value >= 1024 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${at === 0 ? whole.format(value) : written(one, value)} ${units[at]}`;
}
/** Seconds, in the two greatest units that there are. @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const left = Math.max(0, Math.round(seconds));
  const parts = [[Math.floor(left / 86400), "d"], [Math.floor(left / 3600) % 24, "h"],
    [Math.floor(left / 60) % 60, "min"], [left % 60, "s"]];
  const first = parts.findIndex(([n]) => Number(n) > 0);
  if (first < 0) return "0 s";
  return parts.slice(first, first + 2).filter(([n]) => Number(n) > 0).map(([n, unit]) => `${n} ${unit}`).join(" ");
}
/** A measured quantity in the unit it came with. @param {number | null | undefined} value @param {string | null | undefined} unit */
export function quantity(value, unit) {
  if (value === null || value === undefined) return NONE;
  if (unit === "W") return power(value);
  if (unit === "kW") return Math.abs(value) < 1 ? power(value * 1000) : kilowatts(value);
  if (unit === "Wh") return energy(value);
  if (unit === "kWh") return kilowattHours(value);
  if (unit === "Percent") return percent(value);
  const spelled = unit === "Celsius" || unit === "Celcius" ? "°C" : unit;
  return spelled ? `${written(one, value)} ${spelled}` : written(one, value);
}

/** @type {Map<string, Intl.NumberFormat>} */
const moneys = new Map();
/**
 * An amount, a decimal string, in its currency, with all decimals that it is written with: prices may
 * have more than the currency, and browsers give some currencies fewer than ISO 4217 does.
 * @param {string | number | null | undefined} amount @param {string | null | undefined} currency
 */
export function money(amount, currency) {
  if (amount === null || amount === undefined) return NONE;
  if (!/^[A-Za-z]{3}$/.test(currency ?? "")) return String(amount);
  const written_ = /\.(\d+)$/.exec(String(amount))?.[1].length ?? 0;
  const key = `${currency} ${written_}`;
  let format = moneys.get(key);
  if (!format) {
    const options = /** @type {const} */ ({ style: "currency", currency: String(currency) });
    const least = new Intl.NumberFormat(undefined, options).resolvedOptions().minimumFractionDigits ?? 0;
    format = new Intl.NumberFormat(undefined, { ...options, minimumFractionDigits: Math.max(least, written_) });
    moneys.set(key, format);
  }
  // As it is written: a string does not become a binary fraction on its way.
  return format.format(/** @type {any} */ (amount));
}
/** A decimal string, with all its decimals. @param {string | number | null | undefined} value @param {string | null} [unit] */
export const decimal = (value, unit) =>
  value === null || value === undefined ? NONE : [six.format(/** @type {any} */ (value)), unit].filter(Boolean).join(" ");
