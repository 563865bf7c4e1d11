// A map of places: outlines of countries below, labelled markers above; those too near are one.

import { countryOutlines, projected, WORLD } from "../lib/world.js";
import { t } from "../lib/text.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/view.js";

const HEIGHT = 480;
// Pixels for a unit of the plane, at most: about a city across the map.
const NEAREST = 900;
const STEP = 1.6;
const PAN_PX = 90;
const MARGIN_PX = 70;
// Markers nearer than this would lie on each other.
const [NEAR_X, NEAR_Y] = [150, 30];
// The width of a long label.
const LABEL_PX = 230;
// A single place is shown with the land around it.
const LEAST_SPAN = 14;

/**
 * @typedef {{id: string, longitude: number, latitude: number, href: string, text: string}} Place
 * @typedef {(ids: string[]) => {figures: string, tone: string}} Describe how places do, together; `tone` says by colour what `figures` says in words
 * @typedef {{x: number, y: number, scale: number}} View the middle, and pixels for a unit
 */

/** A view with all points in it. @param {[number, number][]} points @param {number} width @returns {View} */
function fitted(points, width) {
  if (points.length === 0) return { x: WORLD / 2, y: WORLD * 0.42, scale: width / WORLD };
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min(
    Math.max(1, width - 2 * MARGIN_PX) / Math.max(right - left, LEAST_SPAN),
    (HEIGHT - 2 * MARGIN_PX) / Math.max(bottom - top, LEAST_SPAN / 2),
  );
  return bounded({ x: (left + right) / 2, y: (top + bottom) / 2, scale }, width);
}

/** @param {View} view @param {number} width @returns {View} */
function bounded({ x, y, scale }, width) {
  return {
    x: Math.max(0, Math.min(WORLD, x)), y: Math.max(0, Math.min(WORLD, y)), scale: Math.max(width / WORLD, Math.min(NEAREST, scale)),
  };
}

/**
 * Places as they are drawn: `{x, y, places}` in pixels, those too near to each other as one.
 * @param {{place: Place, point: [number, number]}[]} located @param {View} view @param {number} width
 */
function grouped(located, view, width) {
  /** @type {{x: number, y: number, places: {place: Place, point: [number, number]}[]}[]} */
  const groups = [];
  for (const one of located) {
    const x = (one.point[0] - view.x) * view.scale + width / 2;
    const y = (one.point[1] - view.y) * view.scale + HEIGHT / 2;
    if (x < 0 || y < 0 || x > width || y > HEIGHT) continue;
    const near = groups.find((group) => Math.abs(group.x - x) < NEAR_X && Math.abs(group.y - y) < NEAR_Y);
    if (near) near.places.push(one);
    else groups.push({ x, y, places: [one] });
  }
  return groups;
}

/** @param {{label: string, places: Place[], describe: Describe, focus?: Place[]}} props `focus`: what the map is fitted to, where not to all */
export function WorldMap({ label, places, describe, focus = [] }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [width, setWidth] = useState(800);
  const [lands, setLands] = useState(/** @type {string[] | null} */ (null));
  const [problem, setProblem] = useState(false);
  // Null: fitted, whatever comes.
  const [moved, setMoved] = useState(/** @type {View | null} */ (null));
  const drag = useRef(/** @type {{x: number, y: number, view: View} | null} */ (null));
  const located = places.map((place) => ({ place, point: projected(place.longitude, place.latitude) }));
  const sought = focus.length > 0 ? focus : places;
  const view = moved ?? fitted(sought.map((place) => projected(place.longitude, place.latitude)), width);

  useEffect(() => {
    let isWanted = true;
    countryOutlines().then((found) => isWanted && setLands(found), () => isWanted && setProblem(true));
    return () => {
      isWanted = false;
    };
  }, []);
  useLayoutEffect(() => {
    if (!box.current) return undefined;
    const watch = new ResizeObserver(([entry]) => setWidth(Math.max(1, Math.round(entry.contentRect.width))));
    watch.observe(box.current);
    return () => watch.disconnect();
  }, []);

  const showAll = () => setMoved(focus.length > 0 ? fitted(located.map(({ point }) => point), width) : null);
  const show = (/** @type {View} */ next) => setMoved(bounded(next, width));
  const pan = (/** @type {number} */ x, /** @type {number} */ y) => show({ ...view, x: view.x + (x * PAN_PX) / view.scale, y: view.y + (y * PAN_PX) / view.scale });
  /** The place at (x, y), in pixels from the middle, stays there. @param {number} by @param {number} [x] @param {number} [y] */
  const zoom = (by, x = 0, y = 0) => {
    const { scale } = bounded({ ...view, scale: view.scale * by }, width);
    show({ x: view.x + x / view.scale - x / scale, y: view.y + y / view.scale - y / scale, scale });
    return scale !== view.scale;
  };
  const keys = (/** @type {KeyboardEvent} */ event) => {
    /** @type {Record<string, () => unknown>} */
    const moves = {
      ArrowLeft: () => pan(-1, 0), ArrowRight: () => pan(1, 0), ArrowUp: () => pan(0, -1), ArrowDown: () => pan(0, 1),
      "+": () => zoom(STEP), "=": () => zoom(STEP), "-": () => zoom(1 / STEP), 0: showAll,
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move();
  };
  const wheel = (/** @type {WheelEvent} */ event) => {
    const at = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
    // At its limit the page scrolls.
    if (zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event.clientX - at.left - width / 2, event.clientY - at.top - HEIGHT / 2)) event.preventDefault();
  };
  const grab = (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0 || (event.target instanceof Element && event.target.closest("a, button"))) return;
    drag.current = { x: event.clientX, y: event.clientY, view };
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
  };
  const pull = (/** @type {PointerEvent} */ event) => {
    const from = drag.current;
    if (from) show({ ...from.view, x: from.view.x - (event.clientX - from.x) / view.scale, y: from.view.y - (event.clientY - from.y) / view.scale });
  };
  const release = () => {
    drag.current = null;
  };

  return html`<div class="map">
    <div class="actions" role="group" aria-label=${t("world_map.move")}>
      <button type="button" aria-label=${t("world_map.in")} title=${t("world_map.in")} onClick=${() => zoom(STEP)}>+</button>
      <button type="button" aria-label=${t("world_map.out")} title=${t("world_map.out")} onClick=${() => zoom(1 / STEP)}>−</button>
      <button type="button" aria-label=${t("world_map.west")} title=${t("world_map.west")} onClick=${() => pan(-1, 0)}>←</button>
      <button type="button" aria-label=${t("world_map.north")} title=${t("world_map.north")} onClick=${() => pan(0, -1)}>↑</button>
      <button type="button" aria-label=${t("world_map.south")} title=${t("world_map.south")} onClick=${() => pan(0, 1)}>↓</button>
      <button type="button" aria-label=${t("world_map.east")} title=${t("world_map.east")} onClick=${() => pan(1, 0)}>→</button>
      <button type="button" onClick=${showAll}>${t("world_map.fit")}</button>
    </div>
    ${problem && html`<p class="hint">${t("world_map.no_outlines")}</p>`}
    <div class="ground" ref=${box} role="group" aria-label=${label} aria-describedby="map-keys" tabindex="0" style=${{ height: `${HEIGHT}px` }}
        onKeyDown=${keys} onWheel=${wheel} onPointerDown=${grab} onPointerMove=${pull} onPointerUp=${release} onPointerCancel=${release}>
      <svg width=${width} height=${HEIGHT} aria-hidden="true">
        <g transform=${`translate(${width / 2 - view.x * view.scale} ${HEIGHT / 2 - view.y * view.scale}) scale(${view.scale})`}>
          ${lands && html`<${Lands} of=${lands} />`}</g>
      </svg>
      ${grouped(located, view, width).map((group) => html`<${Marker} key=${group.places[0].place.id} of=${group} describe=${describe} isRight=${group.x > width / 2 && group.x > width - LABEL_PX}
        onOpen=${() => setMoved(bounded({ ...fitted(group.places.map(({ point }) => point), width), scale: view.scale * STEP * STEP }, width))} />`)}
    </div>
    <p class="hint" id="map-keys">${t("world_map.keys")}</p>
  </div>`;
}

/** Drawn once: what moves is around it. @param {{of: string[]}} props */
function Lands({ of: lands }) {
  const drawn = useRef(/** @type {any} */ (null));
  drawn.current ??= lands.map((path, n) => html`<path key=${n} d=${path} />`);
  return drawn.current;
}

/**
 * @param {{of: {x: number, y: number, places: {place: Place}[]}, describe: Describe, isRight: boolean, onOpen: () => void}} props
 *   `isRight`: at the right edge, where the text stands on the left of its place
 */
function Marker({ of: group, describe, isRight, onOpen }) {
  const { figures, tone } = describe(group.places.map(({ place }) => place.id));
  const first = group.places[0].place;
  const place = { class: `marker ${tone} ${isRight ? "left" : ""}`, style: { left: `${group.x}px`, top: `${group.y}px` } };
  if (group.places.length === 1) return html`<a ...${place} href=${first.href}><b>${first.text}</b> ${figures}</a>`;
  return html`<button type="button" ...${place} onClick=${onOpen} title=${group.places.slice(0, 20).map((one) => one.place.text).join(", ")}>
    <b>${t("world_map.together", { n: group.places.length })}</b> ${figures}</button>`;
}
