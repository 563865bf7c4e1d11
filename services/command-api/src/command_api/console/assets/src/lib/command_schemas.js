// What each command holds: the schemas by which REST checks it, from its own description.

import { ask, problemOf } from "./api.js";

/**
 * @typedef {{type?: string, enum?: string[], properties?: Record<string, Schema>, required?: string[], items?: Schema,
 *   format?: string, minimum?: number, maximum?: number, maxLength?: number, minLength?: number, multipleOf?: number,
 *   minItems?: number, maxItems?: number, title?: string, description?: string, oneOf?: Schema[]}} Schema
 * @typedef {{schema: Schema, example: Record<string, any>}} Described
 */

// The versions whose commands REST describes, and where.
const PATHS = { ocpp16: "/api/v1/stations/{station_id}/commands/" };
export const VERSIONS = Object.keys(PATHS);

/** Read once, when the first form needs it. @type {Promise<any> | null} */
let reading = null;

/** @returns {Promise<any>} */
async function read() {
  const response = await ask("GET", "/../../openapi.json");
  if (!response.ok) throw await problemOf(response);
  return response.json();
}

/** @type {Map<string, Described>} */
const known = new Map();

/**
 * What an action of a version holds; null where it has no such action.
 * @param {string} version @param {string} action
 * @returns {Promise<Described | null>}
 */
export async function described(version, action) {
  const key = `${version} ${action}`;
  const before = known.get(key);
  if (before) return before;
  const prefix = /** @type {Record<string, string>} */ (PATHS)[version];
  if (!prefix) return null;
  reading ??= read();
  let description;
  try {
    description = await reading;
  } catch (problem) {
    // Asked for anew by the next form.
    reading = null;
    throw problem;
  }
  const body = description.paths[prefix + action]?.post?.requestBody.content["application/json"];
  if (!body) return null;
  const found = { schema: resolved(body.schema, description.components.schemas), example: body.example };
  known.set(key, found);
  return found;
}

/** A schema with every type that it refers to in its place. @param {any} node @param {Record<string, any>} components @returns {any} */
function resolved(node, components) {
  if (Array.isArray(node)) return node.map((one) => resolved(one, components));
  if (node === null || typeof node !== "object") return node;
  if (typeof node.$ref === "string") return resolved(components[node.$ref.split("/").pop() ?? ""], components);
  return Object.fromEntries(Object.entries(node).map(([name, child]) => [name, resolved(child, components)]));
}
