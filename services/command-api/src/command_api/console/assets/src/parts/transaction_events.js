// Works events into transactions that are shown.

/** @typedef {import("../lib/stream.js").StreamEvent} StreamEvent */

const ENDS = ["transaction.stopped", "transaction.corrected"];
/** What an event of a bill says of its state; a credit is followed by a bill anew. @type {Record<string, string>} */
const BILLED = { "bill.issued": "final", "bill.held": "review", "bill.released": "final" };

/** A cost as lists show it. @param {string} status @param {any} data of an event */
const costOf = (status, { currency, total_excl_vat, total_incl_vat }) => ({ final: status === "final", status, currency, total_excl_vat, total_incl_vat });

/**
 * A transaction after an event of its own; the same where it changes nothing.
 * @param {any} transaction @param {StreamEvent} event
 */
export function after(transaction, { type, data }) {
  if (type === "transaction.updated" && transaction.stopped_at === null) {
    const { energy_wh, power_w, soc_percent, measured_at } = data;
    return { ...transaction, live: { energy_wh, power_w, soc_percent, measured_at } };
  }
  if (ENDS.includes(type)) {
    const { stopped_at, meter_stop, energy_wh, reason, stop_id_token, flags } = data;
    return { ...transaction, status: "completed", stopped_at, meter_stop, energy_wh, stop_reason: reason, stop_id_token, flags, live: null };
  }
  if (type === "transaction.cost_changed" && transaction.stopped_at === null) return { ...transaction, cost: costOf("running", data) };
  if (type in BILLED) return { ...transaction, cost: costOf(BILLED[type], data) };
  return transaction;
}

/** A transaction as the event of its start tells of it. @param {StreamEvent} event */
export const begun = ({ data }) => ({
  ...data, stopped_at: null, meter_stop: null, energy_wh: null, stop_reason: null, live: null, flags: [], cost: null,
});

/**
 * A list, newest first, after events; `fits` says whether a new one belongs there.
 * @param {any[]} items @param {StreamEvent[]} events @param {(transaction: any) => boolean} fits
 */
export function afterAll(items, events, fits) {
  let next = items;
  const places = new Map(items.map((one, n) => [one.transaction_id, n]));
  for (const event of events) {
    if (!event.type.startsWith("transaction.") && !event.type.startsWith("bill.")) continue;
    const n = places.get(event.data.transaction_id);
    if (n !== undefined) {
      const changed = after(next[n], event);
      if (changed !== next[n]) next = next.with(n, changed);
    } else if (event.type === "transaction.started" && fits(event.data)) {
      // What its connector had before was not stopped.
      next = [begun(event), ...next.map((one) =>
        one.status === "active" && one.station_id === event.data.station_id && one.connector_id === event.data.connector_id ? { ...one, status: "stop_missing" } : one)];
      places.clear();
      next.forEach((one, at) => places.set(one.transaction_id, at));
    }
  }
  return next;
}
