// Addresses: every page has its own, below the document's base.

import { signal, useValue } from "./view.js";

const BASE = new URL(document.baseURI).pathname;

/** @returns {{path: string, query: URLSearchParams}} */
function here() {
  const path = location.pathname.startsWith(BASE) ? location.pathname.slice(BASE.length) : "";
  return { path: path.replace(/\/$/, ""), query: new URLSearchParams(location.search) };
}

/** Where the viewer is; `path` without the base, its segments still encoded. */
export const place = signal(here());

/**
 * Go to another page. `replace`: without an entry in the history.
 * @param {string} href @param {{replace?: boolean}} [options]
 */
export function navigate(href, { replace = false } = {}) {
  const target = new URL(href, document.baseURI);
  history[replace ? "replaceState" : "pushState"](null, "", target.href);
  place.value = here();
}

/** An address with every value encoded: to`stations/${id}`. @param {TemplateStringsArray} strings @param {...unknown} values */
export const to = (strings, ...values) =>
  strings.reduce((path, part, n) => path + encodeURIComponent(String(values[n - 1])) + part);

/** Follow links of the console without loading the document anew. */
export function followLinks() {
  addEventListener("popstate", () => {
    place.value = here();
  });
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (!link.pathname.startsWith(BASE)) return;
    event.preventDefault();
    if (link.href !== location.href) navigate(link.href);
  });
}

/**
 * The parameters of the address, and how to change them; an empty value goes.
 * @returns {[Record<string, string>, (changes: Record<string, string | null>, options?: {push?: boolean}) => void]}
 */
export function useQuery() {
  const { query } = useValue(place);
  return [Object.fromEntries(query), changeQuery];
}

/** @param {Record<string, string | null>} changes @param {{push?: boolean}} [options] */
function changeQuery(changes, { push = false } = {}) {
  const url = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  navigate(url.href, { replace: !push });
}

/**
 * The first route that fits: segments of a pattern are literal, or `:name`.
 * @template {{path: string}} R
 * @param {R[]} routes @param {string} path
 * @returns {{route: R, params: Record<string, string>} | null}
 */
export function match(routes, path) {
  const parts = path === "" ? [] : path.split("/");
  for (const route of routes) {
    const wanted = route.path === "" ? [] : route.path.split("/");
    if (wanted.length !== parts.length) continue;
    /** @type {Record<string, string>} */
    const params = {};
    const fits = wanted.every((part, n) => {
      if (!part.startsWith(":")) return part === parts[n];
      try {
        params[part.slice(1)] = decodeURIComponent(parts[n]);
      } catch {
        return false;
      }
      return true;
    });
    if (fits) return { route, params };
  }
  return null;
}
