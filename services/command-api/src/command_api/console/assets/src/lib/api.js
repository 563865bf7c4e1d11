// REST: every request of the console goes through here.

import { acting, sessionEnded } from "./session.js";

const ROOT = new URL("../api/v1", document.baseURI);
const DEADLINE_MS = 70_000;

/** What REST refuses (RFC 9457), or that it does not answer (`status` 0). */
export class Problem extends Error {
  /** @param {number} status @param {any} document_ @param {Headers} [headers] */
  constructor(status, document_, headers) {
    super(document_.detail || document_.title || `HTTP ${status}`);
    this.status = status;
    this.title = document_.title ?? "";
    this.code = document_.code ?? "";
    /** @type {{field?: string, message?: string}[]} */
    this.errors = document_.errors ?? [];
    this.outcome = document_.outcome;
    this.retryAfter = Number(headers?.get("Retry-After")) || null;
  }
}

/**
 * A path with every value encoded: at`/stations/${id}/messages`.
 * @param {TemplateStringsArray} strings @param {...unknown} values
 */
export function at(strings, ...values) {
  return strings.reduce((path, part, n) => path + encodeURIComponent(String(values[n - 1])) + part);
}

/**
 * Parameters without those that say nothing; a list says its parameter again and again.
 * @param {Record<string, unknown>} [query]
 */
export function parameters(query = {}) {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") made.append(name, String(one));
    }
  }
  const text = made.toString();
  return text && `?${text}`;
}

/** The address of a path of REST, for links. @param {string} path @param {Record<string, unknown>} [query] */
export const address = (path, query) => `${ROOT.href}${path}${parameters(query)}`;

/** Headers that say for which tenant is asked. @returns {Record<string, string>} */
function tenantHeaders() {
  const tenant = acting.peek();
  return tenant === null ? {} : { "X-Tenant": tenant };
}

/**
 * @typedef {{query?: Record<string, unknown>, body?: unknown, form?: Record<string, string>,
 *   headers?: Record<string, string>, signal?: AbortSignal, open?: boolean, stream?: boolean}} Options
 *   `open`: what is asked without a session; a 401 is then an answer like others. `stream`: the
 *   answer has no end, and so no deadline.
 */

/**
 * Ask REST, and return the response whatever it says. Where the session has ended, the viewer logs
 * in again first, and the request is repeated.
 * @param {string} method @param {string} path @param {Options} [options]
 * @returns {Promise<Response>}
 */
export async function ask(method, path, options = {}) {
  for (;;) {
    const response = await once(method, path, options);
    if (response.status !== 401 || options.open) return response;
    await sessionEnded(options.signal);
  }
}

/** @param {string} method @param {string} path @param {Options} options */
async function once(method, path, options) {
  /** @type {Record<string, string>} */
  const headers = { "X-Requested-With": "csms-console", ...(options.open ? {} : tenantHeaders()), ...options.headers };
  /** @type {BodyInit | undefined} */
  let body;
  if (options.form) body = new URLSearchParams(options.form);
  else if (options.body !== undefined) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(options.body);
  }
  const signals = [...(options.stream ? [] : [AbortSignal.timeout(DEADLINE_MS)]), ...(options.signal ? [options.signal] : [])];
  try {
    return await fetch(address(path, options.query), {
      method, headers, body, credentials: "same-origin", cache: "no-store", signal: AbortSignal.any(signals),
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, { title: "no answer", code: "no_answer", detail: "The suite does not answer." });
  }
}

/**
 * Ask REST for a document.
 * @param {string} method @param {string} path @param {Options} [options]
 * @returns {Promise<any>} null where the answer has no content
 * @throws {Problem}
 */
export async function request(method, path, options) {
  const response = await ask(method, path, options);
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204) return null;
  return response.json();
}

/** @param {Response} response */
export async function problemOf(response) {
  let document_;
  try {
    document_ = await response.json();
  } catch {
    document_ = { title: response.statusText, detail: `HTTP ${response.status} ${response.statusText}` };
  }
  return new Problem(response.status, document_, response.headers);
}

/** @param {string} path @param {Record<string, unknown>} [query] @param {AbortSignal} [signal] */
export const get = (path, query, signal) => request("GET", path, { query, signal });
/** @param {string} path @param {unknown} [body] @param {Options} [options] */
export const post = (path, body, options) => request("POST", path, { body, ...options });
/** @param {string} path @param {unknown} [body] */
export const put = (path, body) => request("PUT", path, { body });
/** @param {string} path @param {unknown} body */
export const patch = (path, body) => request("PATCH", path, { body });
/** @param {string} path */
export const remove = (path) => request("DELETE", path);

/** A key for `Idempotency-Key`: what is sent again with it is done once. */
export const idempotencyKey = () =>
  crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");

/**
 * Save what a path answers as a file, for the tenant that is acted for.
 * @param {string} path @param {string} name @param {Record<string, unknown>} [query]
 */
export async function download(path, name, query) {
  const response = await ask("GET", path, { query });
  if (!response.ok) throw await problemOf(response);
  save(name, await response.blob());
}

/** @param {string} name @param {Blob} content */
export function save(name, content) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Every item of a list, page by page, newest pages last; `atMost` bounds it.
 * @param {string} path @param {Record<string, unknown>} query
 * @param {{signal?: AbortSignal, atMost?: number, onPage?: (items: any[]) => void}} [options]
 */
export async function everything(path, query, { signal, atMost = 20_000, onPage } = {}) {
  const items = [];
  let cursor = null;
  do {
    const page = await get(path, { ...query, limit: 500, cursor }, signal);
    items.push(...page.items);
    cursor = page.next_cursor;
    onPage?.(items);
  } while (cursor !== null && items.length < atMost);
  return items;
}
