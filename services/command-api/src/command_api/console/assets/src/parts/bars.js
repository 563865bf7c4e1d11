// Small charts of amounts, with the same numbers in a table beside them.

import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useLayoutEffect, useRef, useState } from "../lib/view.js";
import { Table } from "./table.js";

const HEIGHT = 150;
const ABOVE = 16;
const BELOW = 18;
const GAP = 3;
const LABEL_WIDTH = 52;

/** @typedef {{key: string, title: string, value: number, shown: string, note?: any, isOpen?: boolean}} Bar `isOpen`: it still grows */

/**
 * Bars beside each other, in the order of time.
 * @param {{label: string, bars: Bar[], greatest: (value: number) => string, columns: import("./table.js").Column[]}} props
 */
export function Bars({ label, bars, greatest, columns }) {
  const [place, width] = useWidth();
  const [isOpen, setOpen] = useState(false);
  const most = Math.max(0, ...bars.map((bar) => bar.value));
  const step = width / Math.max(1, bars.length);
  const every = Math.max(1, Math.ceil((LABEL_WIDTH * bars.length) / Math.max(1, width)));
  const tall = (/** @type {number} */ value) => (most === 0 ? 0 : ((HEIGHT - ABOVE - BELOW) * value) / most);
  const ground = HEIGHT - BELOW;
  return html`<div ref=${place} class="bars">
    <svg role="img" aria-label=${`${label}. ${t("curve.in_table")}`} width=${width} height=${HEIGHT}>
      ${most > 0 && html`<line x1="0" x2=${width} y1=${ABOVE} y2=${ABOVE} /><text x="0" y=${ABOVE - 4}>${greatest(most)}</text>`}
      <line x1="0" x2=${width} y1=${ground} y2=${ground} />
      ${bars.map((bar, n) => html`<rect key=${bar.key} class=${bar.isOpen ? "open" : ""} x=${n * step + GAP / 2} width=${Math.max(1, step - GAP)}
        y=${ground - tall(bar.value)} height=${tall(bar.value)}><title>${bar.title}: ${bar.shown}</title></rect>`)}
      ${bars.map((bar, n) => (bars.length - 1 - n) % every === 0 && (n + 1) * step >= LABEL_WIDTH && html`<text key=${bar.key} x=${(n + 1) * step - GAP / 2} y=${HEIGHT - 4} text-anchor="end">${bar.title}</text>`)}
    </svg>
    <details onToggle=${(/** @type {any} */ e) => setOpen(e.currentTarget.open)}><summary>${t("curve.table")}</summary>
      ${isOpen && html`<${Table} label=${label} columns=${columns} rows=${[...bars].reverse()} keyOf=${(/** @type {Bar} */ bar) => bar.key} />`}</details>
  </div>`;
}

/** How wide an element is. @returns {[{current: HTMLElement | null}, number]} */
export function useWidth() {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const measure = () => setWidth(Math.floor(element.clientWidth));
    const watch = new ResizeObserver(measure);
    watch.observe(element);
    measure();
    return () => watch.disconnect();
  }, []);
  return [place, width];
}

/**
 * Parts of a whole as one bar, and its key as a table.
 * @param {{label: string, parts: {key: string, name: any, value: number}[], nameTitle: string, valueTitle: string}} props
 */
export function Parts({ label, parts, nameTitle, valueTitle }) {
  const all = parts.reduce((sum, part) => sum + part.value, 0);
  let from = 0;
  return html`<div class="parts">
    <svg aria-hidden="true" width="100%" height="14">
      ${parts.map((part) => {
        const share = all === 0 ? 0 : (100 * part.value) / all;
        const at = from;
        from += share;
        return html`<rect key=${part.key} class=${part.key} x=${`${at}%`} width=${`${share}%`} height="14" />`;
      })}
    </svg>
    <${Table} label=${label} rows=${parts} keyOf=${(/** @type {any} */ part) => part.key} columns=${[
      { key: "name", title: nameTitle, show: (/** @type {any} */ part) => html`<svg class="swatch" aria-hidden="true" width="12" height="12"><rect class=${part.key} width="12" height="12" /></svg> ${part.name}` },
      { key: "value", title: valueTitle, number: true, show: (/** @type {any} */ part) => count(part.value) },
    ]} />
  </div>`;
}
