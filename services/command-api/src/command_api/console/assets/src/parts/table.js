// Tables: sorted, selected, and drawn only as far as they are seen.

import { t } from "../lib/text.js";
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib/view.js";
import { BusyButton } from "./busy_button.js";
import { focusIn, ledTo, placeIn } from "./row_keys.js";

// Beyond, only what is seen is drawn.
const DRAWN_AT_MOST = 200;
const MARGIN = 20;
const ROW_PX = 37;

/**
 * @typedef {{key: string, title: string, show: (row: any) => any, sort?: (row: any) => string | number | null | undefined,
 *   number?: boolean, wide?: boolean}} Column
 * @typedef {{by: string, descending: boolean}} Order
 */

/**
 * `rows` in the order that is wanted. Where `still` is true, rows stay where they are, and new ones
 * come last, so that nothing moves under the pointer.
 * @param {any[]} rows @param {Column[]} columns @param {Order | null} order @param {(row: any) => string} keyOf @param {boolean} still
 */
export function useSorted(rows, columns, order, keyOf, still) {
  const before = useRef(/** @type {Sorted} */ ({ question: "", rows: [], sorted: [], isInOrder: true }));
  return useMemo(() => {
    const question = JSON.stringify(order);
    const value = order ? columns.find((one) => one.key === order.by)?.sort : undefined;
    const isSame = before.current.question === question && before.current.sorted.length > 0;
    const kept = isSame ? inTheirPlaces(before.current, rows, value, keyOf, still) : null;
    if (kept) before.current = { question, rows, value, ...kept };
    else if (isSame && still) before.current = { question, rows, value, sorted: inOrderOf(before.current.sorted.map(keyOf), rows, keyOf), isInOrder: false };
    else {
      const turn = order?.descending ? -1 : 1;
      // What is nearly in order already takes one pass.
      const sorted = value
        ? (isSame ? inOrderOf(before.current.sorted.map(keyOf), rows, keyOf) : [...rows]).sort((a, b) => turn * compare(value(a), value(b)))
        : rows;
      before.current = { question, rows, value, sorted, isInOrder: true };
    }
    return before.current.sorted;
  }, [rows, columns, order?.by, order?.descending, still]);
}

/**
 * @typedef {{question: string, rows: any[], value?: Column["sort"], sorted: any[], isInOrder: boolean}} Sorted
 *   what was sorted, and by what; `isInOrder`: not only kept still
 */

/**
 * Changed rows in the places of what they were; null where the order may be another now. Most events
 * change a few of 10,000 rows, and nothing that they are sorted by.
 * @param {Sorted} before @param {any[]} rows @param {Column["sort"]} value @param {(row: any) => string} keyOf @param {boolean} still
 * @returns {{sorted: any[], isInOrder: boolean} | null}
 */
function inTheirPlaces(before, rows, value, keyOf, still) {
  if (rows.length !== before.rows.length) return null;
  let isInOrder = before.isInOrder && before.value === value;
  const changed = new Map();
  for (let n = 0; n < rows.length; n += 1) {
    const [was, is] = [before.rows[n], rows[n]];
    if (was === is) continue;
    if (keyOf(was) !== keyOf(is)) return null;
    if (value && value(was) !== value(is)) isInOrder = false;
    changed.set(was, is);
  }
  if (!isInOrder && !still) return null;
  return { sorted: changed.size > 0 ? before.sorted.map((row) => changed.get(row) ?? row) : before.sorted, isInOrder };
}

/** `rows` in the order of `keys`, others last. @param {string[]} keys @param {any[]} rows @param {(row: any) => string} keyOf */
function inOrderOf(keys, rows, keyOf) {
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));
  const kept = [];
  for (const key of keys) {
    const row = byKey.get(key);
    if (row === undefined) continue;
    kept.push(row);
    byKey.delete(key);
  }
  return [...kept, ...byKey.values()];
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Nothing comes last. @param {any} a @param {any} b */
function compare(a, b) {
  const [none, other] = [a === null || a === undefined || a === "", b === null || b === undefined || b === ""];
  if (none || other) return Number(none) - Number(other);
  return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(String(a), String(b));
}

/**
 * @param {{label: string, columns: Column[], rows: any[], keyOf: (row: any) => string, order?: Order | null,
 *   onOrder?: (order: Order) => void, selected?: Set<string>, onSelect?: (selected: Set<string>) => void,
 *   empty?: any, rowClass?: (row: any) => string, nameOf?: (row: any) => string}} props
 *   `selected` and `onSelect`: rows can be chosen; `nameOf` says a row's name to who can't see it
 */
export function Table({ label, columns, rows, keyOf, order = null, onOrder, selected, onSelect, empty, rowClass, nameOf = keyOf }) {
  const [isStill, setStill] = useState(false);
  // The row that has the focus, and what of it is to get it.
  const [held, hold] = useState(/** @type {string | null} */ (null));
  const wanted = useRef(/** @type {{n: number, step: number} | null} */ (null));
  // Where in that row the focus is, and whether the table is being drawn: rows that are moved then
  // lose the focus, though nobody has left them.
  const place = useRef(0);
  const isDrawing = useRef(false);
  isDrawing.current = true;
  // One that has gone holds nothing any more, wherever its focus went.
  const isHeld = held !== null && rows.some((row) => keyOf(row) === held);
  useEffect(() => {
    if (held !== null && !isHeld) hold(null);
  }, [held, isHeld]);
  const sorted = useSorted(rows, columns, onOrder ? order : null, keyOf, isStill || isHeld);
  const body = useRef(/** @type {HTMLElement | null} */ (null));
  const [from, until] = useSeen(body, sorted.length);
  // It stays in the page wherever one scrolls to: the focus would go with it.
  const at = held !== null && until - from < sorted.length ? sorted.findIndex((row) => keyOf(row) === held) : -1;
  const parts = drawnParts(from, until, at, sorted.length);
  const rowOf = (/** @type {EventTarget | null} */ target) => {
    const index = target instanceof Element && target.closest("tr[aria-rowindex]")?.getAttribute("aria-rowindex");
    return index ? sorted[Number(index) - 2] : undefined;
  };
  const focused = (/** @type {FocusEvent} */ event) => {
    const row = rowOf(event.target);
    const drawn = event.target instanceof Element ? event.target.closest("tr") : null;
    if (drawn && event.target instanceof Element) place.current = placeIn(drawn, event.target);
    hold(row === undefined ? null : keyOf(row));
  };
  const left = (/** @type {FocusEvent} */ event) => {
    if (isDrawing.current) return;
    if (!(event.relatedTarget instanceof Node && body.current?.contains(event.relatedTarget))) hold(null);
  };
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const led = ledTo(event, sorted.length);
    if (!led) return;
    event.preventDefault();
    const key = keyOf(sorted[led.row]);
    if (key === held) return;
    wanted.current = led;
    hold(key);
  };
  useLayoutEffect(() => {
    isDrawing.current = false;
    const isLost = document.activeElement === null || document.activeElement === document.body;
    if (held === null || (wanted.current === null && !isLost)) return;
    const index = sorted.findIndex((row) => keyOf(row) === held);
    const drawn = body.current?.querySelector(`tr[aria-rowindex="${index + 2}"]`);
    if (wanted.current === null) {
      focusIn(drawn, place.current, { preventScroll: true });
      return;
    }
    if (!focusIn(drawn, wanted.current.n)) {
      // Nothing in that row can have it: the next one that way, or it stays where it is.
      const next = sorted[index + wanted.current.step];
      const stays = next === undefined ? rowOf(document.activeElement) : next;
      hold(stays === undefined ? null : keyOf(stays));
      if (next !== undefined) return;
    }
    wanted.current = null;
  });
  const choosing = useRef(/** @type {(key: string, yes: boolean) => void} */ (() => undefined));
  choosing.current = (key, yes) => {
    const next = new Set(selected);
    if (yes) next.add(key);
    else next.delete(key);
    onSelect?.(next);
  };
  const isAll = rows.length > 0 && selected !== undefined && selected.size >= rows.length && rows.every((row) => selected.has(keyOf(row)));
  const span = columns.length + (onSelect ? 1 : 0);
  return html`<div class="table" role="group" aria-label=${label} tabindex="0" onPointerEnter=${() => setStill(true)} onPointerLeave=${() => setStill(false)}>
    <table aria-rowcount=${sorted.length + 1}>
      <thead><tr>
        ${onSelect && html`<th class="select"><input type="checkbox" aria-label=${t("table.select_all")} checked=${isAll}
          onChange=${() => onSelect(isAll ? new Set() : new Set(rows.map(keyOf)))} /></th>`}
        ${columns.map((column) => html`<th key=${column.key} scope="col" class=${column.number ? "number" : ""}
          aria-sort=${order?.by === column.key ? (order.descending ? "descending" : "ascending") : null}>
          ${column.sort && onOrder
            ? html`<button type="button" class="sort" onClick=${() => onOrder({ by: column.key, descending: order?.by === column.key && !order.descending })}>${column.title}<span aria-hidden="true">${order?.by === column.key ? (order.descending ? " ▼" : " ▲") : ""}</span></button>`
            : column.title}</th>`)}
      </tr></thead>
      <tbody ref=${body} onfocusin=${focused} onfocusout=${left} onKeyDown=${pressed}>
        ${parts.flatMap(({ isDrawn, first, end }, part) => (isDrawn
          ? sorted.slice(first, end).map((row, n) => {
            const key = keyOf(row);
            return html`<${Row} key=${`row ${key}`} row=${row} id=${key} index=${first + n + 2} columns=${columns} style=${rowClass?.(row) ?? ""}
              name=${onSelect && nameOf(row)} isSelected=${selected?.has(key) ?? false} choosing=${choosing} />`;
          })
          : [html`<tr key=${`space ${part}`} aria-hidden="true" class="space"><td colspan=${span} style=${{ height: `${(end - first) * ROW_PX}px` }}></td></tr>`]))}
        ${sorted.length === 0 && html`<tr key="empty"><td colspan=${span} class="none">${empty ?? t("table.empty")}</td></tr>`}
      </tbody>
    </table></div>`;
}

/**
 * What a table is made of, from above: rows, and the space of others; `at` is drawn in any case.
 * @param {number} from @param {number} until @param {number} at @param {number} total
 */
function drawnParts(from, until, at, total) {
  const parts = [{ isDrawn: true, first: from, end: until }];
  if (at >= 0 && at < from) parts.unshift({ isDrawn: true, first: at, end: at + 1 });
  if (at >= until) parts.push({ isDrawn: true, first: at, end: at + 1 });
  let end = 0;
  const all = [];
  for (const part of [...parts, { isDrawn: true, first: total, end: total }]) {
    if (part.first > end) all.push({ isDrawn: false, first: end, end: part.first });
    if (part.end > part.first) all.push(part);
    end = part.end;
  }
  return all;
}

/**
 * One row, drawn anew where it, or what is shown of it, has changed.
 * @param {{row: any, id: string, index: number, columns: Column[], style: string, name: string | undefined, isSelected: boolean,
 *   choosing: {current: (key: string, yes: boolean) => void}}} props `name`: where it can be chosen
 */
const Row = ({ row, id, index, columns, style, name, isSelected, choosing }) =>
  useMemo(() => html`<tr aria-rowindex=${index} class=${style}>
    ${name !== undefined && html`<td class="select"><input type="checkbox" aria-label=${t("table.select", { name })} checked=${isSelected}
      onChange=${(/** @type {any} */ e) => choosing.current(id, e.currentTarget.checked)} /></td>`}
    ${columns.map((column) => html`<td key=${column.key} class=${column.number ? "number" : column.wide ? "wide" : ""}>${column.show(row) ?? "–"}</td>`)}
  </tr>`, [row, index, columns, style, name, isSelected]);

/**
 * Which rows are seen, with a margin; all where there are few.
 * @param {{current: HTMLElement | null}} body @param {number} total
 * @returns {[number, number]}
 */
function useSeen(body, total) {
  const isLong = total > DRAWN_AT_MOST;
  const [range, setRange] = useState(/** @type {[number, number]} */ ([0, DRAWN_AT_MOST]));
  const look = () => {
    const top = body.current?.getBoundingClientRect().top ?? 0;
    const first = Math.max(0, Math.floor(-top / ROW_PX) - MARGIN);
    const last = first + Math.ceil(innerHeight / ROW_PX) + 2 * MARGIN;
    setRange((before) => (before[0] === first && before[1] === last ? before : [first, last]));
  };
  useEffect(() => {
    if (!isLong) return undefined;
    let frame = 0;
    const soon = () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(look);
    };
    addEventListener("scroll", soon, { passive: true, capture: true });
    addEventListener("resize", soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", soon, { capture: true });
      removeEventListener("resize", soon);
    };
  }, [isLong]);
  useLayoutEffect(() => {
    if (isLong) look();
  }, [isLong, total]);
  return isLong ? [Math.min(range[0], Math.max(0, total - DRAWN_AT_MOST / 4)), Math.min(range[1], total)] : [0, total];
}

/** The rest of a list of REST. @param {{of: {hasMore: boolean, more: () => void, fetching: boolean, moreProblem: any}}} props */
export const More = ({ of: pages }) =>
  html`${pages.moreProblem && html`<p role="alert" class="problem">${pages.moreProblem.message}</p>`}
  ${pages.hasMore && html`<${BusyButton} style="more" isBusy=${pages.fetching} onClick=${pages.more}>${t("table.more")}<//>`}`;
