// The states of a station's connectors, in one line.

import { html } from "../lib/view.js";
import { State } from "./shown.js";

/** From what needs somebody to what does not. */
export const CONNECTOR_STATUSES = [
  "Faulted", "Unavailable", "SuspendedEVSE", "SuspendedEV", "Finishing", "Preparing", "Charging", "Reserved", "Available",
];

/** Connectors that cars are plugged into: 0 is the station itself. @param {any} station @returns {any[]} */
export const connectorsOf = (station) => station.connectors.filter((/** @type {any} */ one) => one.connector_id > 0);

/** The worst comes first. @param {any} station @returns {number | null} */
export function worstOf(station) {
  const ranks = connectorsOf(station).map((one) => CONNECTOR_STATUSES.indexOf(one.status));
  return ranks.length > 0 ? Math.min(...ranks) : null;
}

/** @param {{station: any}} props */
export function ConnectorStates({ station }) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const { status } of connectorsOf(station)) counts.set(status, (counts.get(status) ?? 0) + 1);
  if (counts.size === 0) return html`<span class="none">–</span>`;
  return html`<span class="states">${[...counts].map(([status, n]) => html`<span key=${status}><${State} of=${status} />${n > 1 ? html` ×${n}` : ""}</span>`)}</span>`;
}
