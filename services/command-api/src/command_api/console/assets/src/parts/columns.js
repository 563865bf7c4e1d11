// Which columns of a table are shown: in the address, and remembered by the browser.

import { useQuery } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useEffect, useMemo, useRef } from "../lib/view.js";

/**
 * @typedef {import("./table.js").Column & {isFixed?: boolean}} ChosenColumn `isFixed`: always shown
 */

/** @param {string} name @returns {string[] | null} */
function remembered(name) {
  try {
    const kept = JSON.parse(localStorage.getItem(name) ?? "null");
    return Array.isArray(kept) ? kept : null;
  } catch {
    return null;
  }
}

/**
 * The keys of the columns to show.
 * @param {string} name under which they are remembered @param {string[]} usual
 * @returns {[string[], (keys: string[]) => void]}
 */
export function useChosenColumns(name, usual) {
  const [query, change] = useQuery();
  const said = query.columns;
  const keys = useMemo(() => said?.split(",") ?? remembered(name) ?? usual, [said, name]);
  const choose = (/** @type {string[]} */ next) => {
    localStorage.setItem(name, JSON.stringify(next));
    change({ columns: next.join(",") });
  };
  return [keys, choose];
}

/** @param {{columns: ChosenColumn[], keys: string[], onChoose: (keys: string[]) => void}} props */
export function ColumnChoice({ columns, keys, onChoose }) {
  const details = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  useEffect(() => {
    const close = (/** @type {Event} */ event) => {
      if (details.current?.open && event.target instanceof Node && !details.current.contains(event.target)) details.current.open = false;
    };
    addEventListener("pointerdown", close);
    return () => removeEventListener("pointerdown", close);
  }, []);
  const escape = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Escape" || !details.current) return;
    details.current.open = false;
    details.current.querySelector("summary")?.focus();
  };
  const offered = columns.filter((one) => !one.isFixed);
  const toggle = (/** @type {string} */ key, /** @type {boolean} */ yes) =>
    onChoose(offered.map((one) => one.key).filter((one) => (one === key ? yes : keys.includes(one))));
  return html`<details class="choice" ref=${details} onKeyDown=${escape}>
    <summary class="button">${t("columns.title")}</summary>
    <fieldset><legend class="visually-hidden">${t("columns.title")}</legend>
      ${offered.map((one) => html`<label key=${one.key}><input type="checkbox" checked=${keys.includes(one.key)}
        onChange=${(/** @type {any} */ e) => toggle(one.key, e.currentTarget.checked)} /> ${one.title}</label>`)}
    </fieldset></details>`;
}
