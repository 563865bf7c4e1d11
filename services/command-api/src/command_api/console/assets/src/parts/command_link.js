// The way to the form of a command, begun with what is known already.

import { parameters } from "../lib/api.js";
import { to } from "../lib/router.js";

/** @param {string} station @param {string} action @param {Record<string, unknown>} [payload] */
export const commandHref = (station, action, payload) =>
  to`stations/${station}/commands/${action}` + parameters({ payload: payload && JSON.stringify(payload) });
