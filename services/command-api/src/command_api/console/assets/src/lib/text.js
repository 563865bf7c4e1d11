// All text comes from the catalogue: `src/texts/LANGUAGE.js`. Another language is another such file.

import catalogue from "../texts/en.js";

const plurals = new Intl.PluralRules("en");

/**
 * The text of a key (`stations.title`), with `{name}` replaced. Where it has forms for one and for
 * many, `n` decides.
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  let found = catalogue[key];
  if (found === undefined) {
    console.error(`no text for ${key}`);
    return key;
  }
  if (typeof found === "object") found = found[plurals.select(Number(values.n))] ?? found.other;
  return found.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * A word that the suite or OCPP uses as a value, for people: its own text where the catalogue has
 * one (`word.KEY`), else the word itself, its parts apart.
 * @param {string | null | undefined} value
 * @returns {string}
 */
export function word(value) {
  if (value === null || value === undefined || value === "") return "–";
  const known = catalogue[`word.${value}`];
  if (typeof known === "string") return known;
  return /^[a-z0-9]+(_[a-z0-9]+)+$/.test(value) ? value.replaceAll("_", " ") : value;
}

/** Whether the catalogue has a text. @param {string} key */
export const hasText = (key) => key in catalogue;

/** What the catalogue has texts for below a prefix. @param {string} prefix */
export const keysBelow = (prefix) => Object.keys(catalogue).filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
