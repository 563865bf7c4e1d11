// A tariff as a form for what tariffs commonly have, with its JSON beside it for all the rest.

import { weekdayName } from "../lib/places.js";
import { t } from "../lib/text.js";
import { html, useMemo, useRef, useState } from "../lib/view.js";
import { CheckField, Field, NumberField, TextField, useFieldProblem, useProblemsBelow } from "./form.js";
import { RawJson } from "./raw_json.js";
import { DAYS, DIMENSIONS, dimensionName, ruleName, whenWords } from "./tariff_words.js";

/** @typedef {import("./tariff_words.js").Tariff} Tariff @typedef {import("./tariff_words.js").Element} Element */

// Restrictions that have fields; others are kept as the JSON has them.
const FIELDS = ["start_time", "end_time", "day_of_week", "min_kwh", "max_kwh", "min_duration", "max_duration"];
const MINUTE = 60;
const ELEMENTS_AT_MOST = 100;

/** What a new tariff begins with. @returns {Tariff} */
export const newTariff = () => ({ currency: "EUR", elements: [{ price_components: [] }] });

/** An object with a field, or without it where there is nothing to say. @param {Record<string, any>} of @param {string} name @param {any} value */
function having(of, name, value) {
  const { [name]: _, ...rest } = of;
  return value === null || value === undefined || value === "" || value.length === 0 ? rest : { ...rest, [name]: value };
}

/** @param {any} one */
const isObject = (one) => one !== null && typeof one === "object" && !Array.isArray(one);
/** Whether the fields can show it. @param {any} tariff */
const isReadable = (tariff) =>
  isObject(tariff) && Array.isArray(tariff.elements) && tariff.elements.every((/** @type {any} */ one) => isObject(one) && Array.isArray(one.price_components) && one.price_components.every(isObject));

/**
 * Fields of a `<Form>`. `onTariff` gets null while the JSON is none.
 * @param {{name: string, onName: (name: string) => void, tariff: Tariff | null, onTariff: (tariff: Tariff | null) => void}} props
 */
export function TariffFields({ name, onName, tariff, onTariff }) {
  // What the fields show while the JSON beside them is none.
  const last = useRef(/** @type {Tariff} */ (tariff ?? newTariff()));
  if (tariff && isReadable(tariff)) last.current = tariff;
  const shown = last.current;
  const problems = useProblemsBelow("tariff");
  const currencies = useMemo(() => Intl.supportedValuesOf("currency"), []);
  const set = (/** @type {string} */ field, /** @type {any} */ value) => onTariff(/** @type {Tariff} */ (having(shown, field, value)));
  const setElements = (/** @type {Element[]} */ elements) => onTariff({ ...shown, elements });
  return html`<div class="command-form"><div>
    <${TextField} label=${t("tariff.name")} name="name" required maxLength=${255} value=${name} onChange=${onName} />
    <${TextField} label=${t("tariff.currency")} name="tariff.currency" required maxLength=${3} list=${currencies} value=${shown.currency}
      onChange=${(/** @type {string} */ code) => onTariff({ ...shown, currency: code.toUpperCase() })} />
    <${Elements} elements=${shown.elements} onChange=${setElements} />
    <fieldset><legend>${t("tariff.limits")}</legend>
      <p class="hint">${t("tariff.limits_hint")}</p>
      ${["min_price", "max_price"].map((limit) => html`<${Limit} key=${limit} name=${limit} price=${shown[limit]} onChange=${(/** @type {any} */ price) => set(limit, price)} />`)}
    </fieldset></div>
    <div><${RawJson} isWrong=${problems.length > 0} value=${tariff} onChange=${onTariff} />
      ${problems.length > 0 && html`<ul class="wrong">${problems.map(([field, message]) => html`<li key=${field}><code>${field}</code>: ${message}</li>`)}</ul>`}</div></div>`;
}

/** @param {{name: string, price: any, onChange: (price: any) => void}} props */
function Limit({ name, price = {}, onChange }) {
  const wrong = useFieldProblem(`tariff.${name}`);
  const set = (/** @type {string} */ field) => (/** @type {number | null} */ amount) => {
    const next = having(price ?? {}, field, amount);
    onChange(Object.keys(next).length > 0 ? next : null);
  };
  return html`<div class="pair">
    <${NumberField} label=${t(`tariff.${name}_excl`)} name=${`tariff.${name}.excl_vat`} min=${0} step="any" value=${price?.excl_vat} onChange=${set("excl_vat")} />
    <${NumberField} label=${t(`tariff.${name}_incl`)} name=${`tariff.${name}.incl_vat`} min=${0} step="any" value=${price?.incl_vat} onChange=${set("incl_vat")} />
  </div>${wrong && html`<small class="wrong">${wrong}</small>`}`;
}

/** @param {{elements: Element[], onChange: (elements: Element[]) => void}} props */
function Elements({ elements, onChange }) {
  const wrong = useFieldProblem("tariff.elements");
  // A rule that moves takes its fields along.
  const order = useRef(/** @type {number[]} */ ([]));
  const next = useRef(0);
  while (order.current.length < elements.length) order.current.push((next.current += 1));
  const keys = order.current.slice(0, elements.length);
  // Most tariffs have one rate.
  const vat = elements.flatMap((one) => one.price_components).find((one) => typeof one.vat === "number")?.vat;
  const swap = (/** @type {number} */ n) => {
    order.current = keys.with(n, keys[n + 1]).with(n + 1, keys[n]);
    onChange(elements.with(n, elements[n + 1]).with(n + 1, elements[n]));
  };
  const without = (/** @type {number} */ n) => {
    order.current = keys.filter((_, at) => at !== n);
    onChange(elements.filter((_, at) => at !== n));
  };
  const add = () => {
    order.current = keys;
    onChange([...elements, { price_components: [], restrictions: {} }]);
  };
  return html`
    ${wrong && html`<p class="wrong">${wrong}</p>`}
    <p class="hint">${t("tariff.rules_hint")}</p>
    ${elements.map((element, n) => html`<fieldset key=${keys[n]}><legend>${ruleName(n)}</legend>
      <${ElementFields} element=${element} vat=${vat} path=${`tariff.elements[${n}]`} onChange=${(/** @type {Element} */ next) => onChange(elements.with(n, next))} />
      ${elements.length > 1 && html`<div class="actions">
        ${n > 0 && html`<button type="button" onClick=${() => swap(n - 1)}>${t("tariff.earlier", { n: n + 1 })}</button>`}
        ${n < elements.length - 1 && html`<button type="button" onClick=${() => swap(n)}>${t("tariff.later", { n: n + 1 })}</button>`}
        <button type="button" onClick=${() => without(n)}>${t("tariff.without_rule", { n: n + 1 })}</button></div>`}
    </fieldset>`)}
    <div class="actions"><button type="button" disabled=${elements.length >= ELEMENTS_AT_MOST} onClick=${add}>${t("tariff.add_rule")}</button></div>`;
}

/** @param {{element: Element, vat?: number | null, path: string, onChange: (element: Element) => void}} props `vat`: what a new price begins with */
function ElementFields({ element, vat, path, onChange }) {
  const problems = [useFieldProblem(path), useFieldProblem(`${path}.price_components`), useFieldProblem(`${path}.restrictions`)].filter(Boolean);
  const when = element.restrictions ?? {};
  const [isOpen] = useState(Object.keys(when).length > 0 || element.restrictions !== undefined);
  const others = Object.keys(when).filter((name) => !FIELDS.includes(name));
  const restrict = (/** @type {string} */ name, /** @type {any} */ value) => {
    const next = having(when, name, value);
    onChange(/** @type {Element} */ (having(element, "restrictions", Object.keys(next).length > 0 ? next : null)));
  };
  return html`
    ${problems.map((one) => html`<small key=${one} class="wrong">${one}</small>`)}
    ${DIMENSIONS.map((type) => html`<${PriceFields} key=${type} type=${type} element=${element} vat=${vat} path=${path}
      onChange=${(/** @type {any[]} */ components) => onChange({ ...element, price_components: components })} />`)}
    <details open=${isOpen}><summary>${t("tariff.holds", { when: whenWords(when) || t("tariff.when.always") })}</summary>
      <${WhenFields} when=${when} path=${`${path}.restrictions`} restrict=${restrict} />
      ${others.length > 0 && html`<p class="hint">${t("tariff.others", { names: others.join(", ") })}</p>`}
    </details>`;
}

/** One price of a rule; without a price there is none. @param {{type: string, element: Element, vat?: number | null, path: string, onChange: (components: any[]) => void}} props */
function PriceFields({ type, element, vat, path, onChange }) {
  const components = element.price_components;
  const n = components.findIndex((one) => one.type === type);
  const component = components[n];
  const at = n < 0 ? `${path}.price_components.${type}` : `${path}.price_components[${n}]`;
  // Whoever empties the price to write another has not given up its VAT and its step.
  const before = useRef(component);
  if (component) before.current = component;
  const setPrice = (/** @type {number | null} */ price) => {
    if (price === null) onChange(components.filter((one) => one.type !== type));
    else if (component) onChange(components.with(n, { ...component, price }));
    else onChange([...components, before.current ? { ...before.current, price } : { type, price, ...(vat === undefined ? {} : { vat }), step_size: 1 }]);
  };
  const set = (/** @type {string} */ name) => (/** @type {number | null} */ value) => onChange(components.with(n, /** @type {any} */ (having(component, name, value))));
  const what = dimensionName(type);
  return html`<div class="hours">
    <${NumberField} label=${t(`tariff.field.${type}`)} name=${`${at}.price`} min=${0} step="any" value=${component?.price} onChange=${setPrice} />
    <${NumberField} label=${html`<span class="visually-hidden">${what}: </span>${t("tariff.field.vat")}`} name=${`${at}.vat`} min=${0} max=${100} step="any" disabled=${!component} value=${component?.vat} onChange=${set("vat")} />
    ${type === "FLAT" ? html`<span></span>` : html`<${NumberField} label=${html`<span class="visually-hidden">${what}: </span>${t(type === "ENERGY" ? "tariff.field.step_energy" : "tariff.field.step_time")}`}
      name=${`${at}.step_size`} min=${0} required=${Boolean(component)} disabled=${!component} value=${component?.step_size} onChange=${set("step_size")} />`}
  </div>`;
}

/** @param {{when: Record<string, any>, path: string, restrict: (name: string, value: any) => void}} props */
function WhenFields({ when, path, restrict }) {
  const wrongDays = useFieldProblem(`${path}.day_of_week`);
  const days = Array.isArray(when.day_of_week) ? when.day_of_week : [];
  const clock = (/** @type {string} */ name) => html`<${Field} label=${t(`tariff.field.${name}`)} name=${`${path}.${name}`}>${(/** @type {any} */ tied) => html`<input ...${tied} type="time"
    value=${when[name] ?? ""} onInput=${(/** @type {any} */ e) => restrict(name, e.currentTarget.value)} />`}<//>`;
  const number = (/** @type {string} */ name) => html`<${NumberField} label=${t(`tariff.field.${name}`)} name=${`${path}.${name}`} min=${0} step="any"
    value=${when[name]} onChange=${(/** @type {number | null} */ value) => restrict(name, value)} />`;
  const minutes = (/** @type {string} */ name) => html`<${MinutesField} label=${t(`tariff.field.${name}`)} name=${`${path}.${name}`}
    seconds=${when[name]} onChange=${(/** @type {number | null} */ seconds) => restrict(name, seconds)} />`;
  const chosen = (/** @type {string} */ day, /** @type {boolean} */ yes) => restrict("day_of_week", DAYS.filter((one) => (one === day ? yes : days.includes(one))));
  return html`<div class="when">
    <div class="pair">${clock("start_time")}${clock("end_time")}</div>
    <div role="group" aria-label=${t("tariff.field.day_of_week")} class="days">${DAYS.map((day, n) => html`<${CheckField} key=${day} label=${weekdayName(n + 1)} value=${days.includes(day)} onChange=${(/** @type {boolean} */ yes) => chosen(day, yes)} />`)}</div>
    ${wrongDays && html`<small class="wrong">${wrongDays}</small>`}
    <div class="pair">${number("min_kwh")}${number("max_kwh")}</div>
    <div class="pair">${minutes("min_duration")}${minutes("max_duration")}</div>
  </div>`;
}

/** Minutes of what a tariff has in seconds. @param {{label: string, name: string, seconds: any, onChange: (seconds: number | null) => void}} props */
function MinutesField({ label, name, seconds, onChange }) {
  const said = useRef(/** @type {number | null} */ (null));
  const inSeconds = (/** @type {number} */ minutes) => Math.round(minutes * MINUTE);
  const change = (/** @type {number | null} */ minutes) => {
    said.current = minutes;
    onChange(minutes === null ? null : inSeconds(minutes));
  };
  // What is typed stays as it is: "0.33" on the way to "0.333" are 20 seconds already.
  const isTyped = said.current !== null && inSeconds(said.current) === seconds;
  const value = isTyped ? said.current : typeof seconds === "number" ? Math.round((seconds / MINUTE) * 100) / 100 : null;
  return html`<${NumberField} label=${label} name=${name} min=${0} step="any" value=${value} onChange=${change} />`;
}
