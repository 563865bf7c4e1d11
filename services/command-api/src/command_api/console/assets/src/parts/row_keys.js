// The keys by which a long table is walked: thousands of rows are too many for the Tab key.

const SCREEN = 20;
/** @type {Record<string, (n: number, total: number) => number>} */
const KEYS = {
  ArrowDown: (n) => n + 1,
  ArrowUp: (n) => n - 1,
  PageDown: (n) => n + SCREEN,
  PageUp: (n) => n - SCREEN,
  Home: () => 0,
  End: (_, total) => total - 1,
};
// What needs these keys itself.
const TYPED = 'input:not([type="checkbox"]), select, textarea, summary';
const REACHED = "a[href], button, input";

/**
 * The row that a key leads to, and which of what can be reached in a row has the focus; null where
 * the key is no such.
 * @param {KeyboardEvent} event @param {number} total
 * @returns {{row: number, n: number, step: number} | null} `step`: which way on from there, where there is nothing to reach
 */
export function ledTo(event, total) {
  const { target, key } = event;
  const step = Object.hasOwn(KEYS, key) ? KEYS[key] : null;
  if (!step || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return null;
  if (!(target instanceof Element) || target.matches(TYPED)) return null;
  const row = target.closest("tr[aria-rowindex]");
  if (!row) return null;
  const now = Number(row.getAttribute("aria-rowindex")) - 2;
  const to = Math.min(total - 1, Math.max(0, step(now, total)));
  return { row: to, n: placeIn(row, target), step: key === "Home" || (key !== "End" && to > now) ? 1 : -1 };
}

/** Which of what can be reached in a row it is. @param {Element} row @param {Element} target */
export const placeIn = (row, target) => [...row.querySelectorAll(REACHED)].indexOf(target);

/**
 * Give the focus to what is in a place of a row; whether there is anything.
 * @param {Element | null | undefined} row @param {number} n @param {FocusOptions} [options]
 */
export function focusIn(row, n, options) {
  const all = [...(row?.querySelectorAll(REACHED) ?? [])];
  const one = all[Math.min(Math.max(n, 0), all.length - 1)];
  if (!(one instanceof HTMLElement)) return false;
  one.focus(options);
  return true;
}
