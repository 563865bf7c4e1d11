// What else can be tried where a command should have ended a transaction, and did not.

import { get } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useEffect, useState } from "../lib/view.js";
import { commandHref } from "./command_link.js";
import { isOpen } from "./command_state.js";

const ENDING = ["RemoteStopTransaction", "UnlockConnector", "Reset"];
// A station that accepts needs a moment to end the transaction.
const PATIENCE_MS = 15_000;
const CHANGES = ["transaction.started", "transaction.stopped", "transaction.corrected"];

/** @param {{of: any}} props */
export const StillRunning = ({ of: command }) =>
  ENDING.includes(command.action) && !isOpen(command) && can("operator") ? html`<${Running} key=${command.command_id} command=${command} />` : null;

/** Whether a command was to end a transaction. @param {any} command @param {any} transaction */
function isMeant({ payload, created_at }, { transaction_id, connector_id, received_at }) {
  if (Date.parse(received_at) > Date.parse(created_at)) return false;
  if (payload.transactionId !== undefined) return payload.transactionId === transaction_id;
  return payload.connectorId === undefined || payload.connectorId === connector_id;
}

/** @param {{command: any}} props */
function Running({ command }) {
  const { station_id, action, accepted, completed_at } = command;
  const live = useLive(
    async (signal) => (await get("/transactions", { station_id, status: "active", limit: 100 }, signal)).items,
    [station_id],
    reloadOn(CHANGES, (event) => event.data?.station_id === station_id),
  );
  const left = accepted ? Date.parse(completed_at) + PATIENCE_MS - Date.now() : 0;
  const [isDue, setDue] = useState(left <= 0);
  useEffect(() => {
    const timer = setTimeout(() => setDue(true), Math.max(0, left));
    return () => clearTimeout(timer);
  }, []);
  const running = (live.data ?? []).filter((/** @type {any} */ one) => isMeant(command, one));
  if (!isDue) return null;
  return running.map((/** @type {any} */ one) => html`<div key=${one.transaction_id}>
    <p>${t("still_running.text", { id: one.transaction_id, connector: one.connector_id })}</p>
    <ul>
      ${action !== "RemoteStopTransaction" && html`<li><a href=${commandHref(station_id, "RemoteStopTransaction", { transactionId: one.transaction_id })}>${t("still_running.stop")}</a></li>`}
      ${action !== "UnlockConnector" && one.connector_id > 0 && html`<li><a href=${commandHref(station_id, "UnlockConnector", { connectorId: one.connector_id })}>${t("still_running.unlock", { connector: one.connector_id })}</a></li>`}
      ${action !== "Reset" && html`<li><a href=${commandHref(station_id, "Reset", { type: "Soft" })}>${t("still_running.reset")}</a></li>`}
      <li><a href=${to`transactions/${one.transaction_id}`}>${t(can("admin") ? "still_running.close" : "still_running.look", { id: one.transaction_id })}</a></li>
    </ul></div>`);
}
