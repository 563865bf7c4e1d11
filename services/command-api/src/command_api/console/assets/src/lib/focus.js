// Whoever has no pointer is where the focus is: it is never lost.

const REACHED = 'a[href], button, input, select, textarea, summary, [tabindex="0"]';

/**
 * Where an element is: itself, then what it is in, each with its place among its siblings.
 * @typedef {{element: Element, n: number}[]} Place
 */

/** @type {Place} */
let last = [];

/** @param {Element | null} element @returns {Place} */
export function placeOf(element) {
  /** @type {Place} */
  const place = [];
  for (let one = element; one && one !== document.body; one = one.parentElement)
    place.push({ element: one, n: one.parentElement ? [...one.parentElement.children].indexOf(one) : 0 });
  return place;
}

/** @param {Element} element */
const isReachable = (element) => element.matches(REACHED) && !element.matches(":disabled") && element.checkVisibility();

/** @param {Element} element @returns {HTMLElement[]} */
const reachable = (element) =>
  [element, ...element.querySelectorAll(REACHED)].filter((one) => one instanceof HTMLElement && isReachable(one)).map((one) => /** @type {HTMLElement} */ (one));

const isLost = () => !document.activeElement || document.activeElement === document.body;

/**
 * Give the focus to what was somewhere, or to what has taken its place: what comes next there, else
 * what comes before it, else the same around it.
 * @param {Place} place
 */
export function focusAt(place) {
  const own = place[0]?.element;
  if (own instanceof HTMLElement && own.isConnected && !own.matches(":disabled")) own.focus({ preventScroll: true });
  for (let level = 1; level < place.length && isLost(); level += 1) {
    const around = place[level].element;
    if (!around.isConnected) continue;
    const { n } = place[level - 1];
    const parts = [...around.children];
    const next = parts.slice(n).flatMap(reachable)[0] ?? parts.slice(0, n).flatMap(reachable).at(-1);
    next?.focus({ preventScroll: true });
    if (isLost() && around instanceof HTMLElement) around.focus({ preventScroll: true });
  }
  if (isLost()) document.getElementById("main")?.focus({ preventScroll: true });
}

/** Find the focus another place where what has it goes, or can't be used any more. */
export function keepFocus() {
  document.addEventListener("focusin", ({ target }) => {
    last = placeOf(/** @type {Element} */ (target));
  });
  // Whoever points beside it gives it up.
  document.addEventListener("pointerdown", ({ target }) => {
    if (!last[0]?.element.contains(/** @type {Node} */ (target))) last = [];
  }, { capture: true });
  let isAsked = false;
  let isMoved = false;
  const look = () => {
    isAsked = false;
    const own = last[0]?.element;
    // One that is there still, and was all the while, has given it up to the browser's own bar, say.
    if (own && isLost() && (isMoved || !(own.isConnected && isReachable(own)))) focusAt(last);
    isMoved = false;
  };
  new MutationObserver((records) => {
    if (last.length === 0) return;
    const own = last[0].element;
    // What comes and goes before it changes its place.
    if (own === document.activeElement) last = placeOf(own);
    // One that is moved loses it, too.
    else isMoved ||= records.some(({ removedNodes }) => [...removedNodes].some((one) => one.contains(own)));
    if (isAsked) return;
    isAsked = true;
    // A page that is drawn anew takes it to its title before.
    requestAnimationFrame(() => setTimeout(look));
  }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ["disabled", "open"] });
}
