// Filters of a list: kept in the address.

import { useQuery } from "../lib/router.js";
import { inputValue, fromInput } from "../lib/times.js";
import { t } from "../lib/text.js";
import { html, useEffect, useRef, useState } from "../lib/view.js";

const TYPING_MS = 250;

/**
 * @typedef {{name: string, label: string, kind?: "text" | "choice" | "time", options?: {value: string, text: string}[], empty?: string}} Filter
 *   `options` of a text are offered while it is typed; `empty`: what no choice means, where it is not any
 */

/** @param {{filters: Filter[], children?: any}} props */
export function Filters({ filters, children }) {
  const [query, change] = useQuery();
  const isAny = filters.some(({ name }) => query[name]);
  return html`<form class="filters" role="search" aria-label=${t("filters")} onSubmit=${(/** @type {Event} */ e) => e.preventDefault()}>
    ${filters.map((filter) => html`<label key=${filter.name}>${filter.label}
      ${filter.kind === "choice"
        ? html`<select value=${query[filter.name] ?? ""} onChange=${(/** @type {any} */ e) => change({ [filter.name]: e.currentTarget.value })}>
            <option value="">${filter.empty ?? t("filters.any")}</option>
            ${filter.options?.map((one) => html`<option key=${one.value} value=${one.value} selected=${one.value === query[filter.name]}>${one.text}</option>`)}</select>`
        : filter.kind === "time"
          ? html`<input type="datetime-local" value=${query[filter.name] ? inputValue(query[filter.name]) : ""}
              onChange=${(/** @type {any} */ e) => change({ [filter.name]: fromInput(e.currentTarget.value) })} />`
          : html`<${Typed} value=${query[filter.name] ?? ""} options=${filter.options} onChange=${(/** @type {string} */ value) => change({ [filter.name]: value })} />`}
    </label>`)}
    ${children}
    ${isAny && html`<button type="button" class="quiet" onClick=${() => change(Object.fromEntries(filters.map(({ name }) => [name, null])))}>${t("filters.clear")}</button>`}
  </form>`;
}

let lists = 0;

/**
 * A field that speaks when the viewer pauses.
 * @param {{value: string, onChange: (value: string) => void, options?: {value: string, text: string}[]}} props
 */
function Typed({ value, onChange, options }) {
  const list = useRef("");
  if (!list.current) list.current = `filter-${(lists += 1)}`;
  const [text, setText] = useState(value);
  const said = useRef(value);
  useEffect(() => {
    if (value !== said.current) {
      said.current = value;
      setText(value);
    }
  }, [value]);
  useEffect(() => {
    if (text === said.current) return undefined;
    const timer = setTimeout(() => {
      said.current = text.trim();
      onChange(said.current);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<input type="search" value=${text} maxlength="255" spellcheck=${false} autocomplete="off" list=${options ? list.current : null}
    onInput=${(/** @type {any} */ e) => setText(e.currentTarget.value)} />
    ${options && html`<datalist id=${list.current}>${options.map((one) => html`<option key=${one.value} value=${one.value}>${one.text}</option>`)}</datalist>`}`;
}

/** Options of a choice from words of the suite. @param {string[]} words @param {(one: string) => string} text */
export const choices = (words, text) => words.map((value) => ({ value, text: text(value) }));
