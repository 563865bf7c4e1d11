// Sends a command to a station: content, confirmation, and what becomes of it.

import { at, idempotencyKey, post } from "../lib/api.js";
import { to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useRef, useState } from "../lib/view.js";
import { consequence } from "./command_actions.js";
import { CommandForm } from "./command_form.js";
import { Answer, CommandState, meaning, useCommand } from "./command_state.js";
import { confirm } from "./dialog.js";
import { Form, NumberField, SelectField } from "./form.js";
import { Loaded } from "./loaded.js";
import { StillRunning } from "./still_running.js";

const HOLDS_S = [0, 3600, 86_400, 604_800];
// REST takes at most seven days from its own now.
const MARGIN_S = 60;
const TIMEOUT_S = 30;

/**
 * @param {{station: {station_id: string, online: boolean, ocpp_version?: string | null}, action: string, initial?: Record<string, any>}} props
 *   `initial`: what is filled in already
 */
export function SendCommand({ station, action, initial = {} }) {
  const [payload, setPayload] = useState(/** @type {Record<string, any> | null} */ (initial));
  const [hold, setHold] = useState("0");
  const [timeout, setTimeout_] = useState(/** @type {number | null} */ (TIMEOUT_S));
  const [sent, setSent] = useState(/** @type {string[]} */ ([]));
  const attempt = useRef({ question: "", key: "", until: /** @type {string | null} */ (null) });
  const version = station.ocpp_version ?? "ocpp16";
  const send = async () => {
    if (payload === null) return;
    const hurts = consequence(action, payload);
    if (hurts && !(await confirm({ title: t("send.confirm", { action, station: station.station_id }), text: t(hurts), action: t("send.submit", { action }), danger: true }))) return;
    const question = JSON.stringify([payload, hold, timeout]);
    if (attempt.current.question !== question) {
      const seconds = Number(hold);
      attempt.current = { question, key: idempotencyKey(), until: seconds ? new Date(Date.now() + (seconds - MARGIN_S) * 1000).toISOString() : null };
    }
    const { key, until } = attempt.current;
    // What was not answered is asked again with its key, and done once. How it ends is told below.
    const command = await post(at`/stations/${station.station_id}/commands/${action}`, payload, {
      query: { wait: 0, timeout, hold_until: until },
      headers: { "Idempotency-Key": key },
    });
    attempt.current.question = "";
    setSent((before) => [command.command_id, ...before]);
  };
  return html`
    <${Form} onSubmit=${send} submit=${t("send.submit", { action })} disabled=${payload === null}>
      ${!station.online && html`<p>${t("send.offline")}</p>`}
      <${CommandForm} action=${action} version=${version} value=${payload} onChange=${setPayload} />
      <div class="columns">
        <${SelectField} label=${t("send.hold")} name="hold_until" hint=${t("send.hold_hint")} value=${hold} onChange=${setHold}
          options=${HOLDS_S.map((seconds) => ({ value: String(seconds), text: t(`send.hold.${seconds}`) }))} />
        <${NumberField} label=${t("send.timeout")} name="timeout" hint=${t("send.timeout_hint")} value=${timeout} onChange=${setTimeout_} min=${1} max=${300} step="any" required />
      </div>
    <//>
    ${sent.length > 0 && html`<section class="became" aria-label=${t("send.sent")} aria-live="polite"><h3>${t("send.sent")}</h3>
      ${sent.map((id) => html`<${Progress} key=${id} id=${id} />`)}</section>`}`;
}

/** @param {{id: string}} props */
function Progress({ id }) {
  const live = useCommand(id);
  return html`<${Loaded} of=${live}>${(/** @type {any} */ command) => html`<div class="sent">
    <p><b>${command.action}</b> <${CommandState} of=${command} /> ${meaning(command)} <a href=${to`commands/${id}`}>${t("send.to_command")}</a>
      ${command.transaction_id !== null && html` · <a href=${to`transactions/${command.transaction_id}`}>${t("command.transaction")}: ${command.transaction_id}</a>`}</p>
    ${(command.response || command.error) && html`<${Answer} of=${command} />`}
    <${StillRunning} of=${command} /></div>`}<//>`;
}
