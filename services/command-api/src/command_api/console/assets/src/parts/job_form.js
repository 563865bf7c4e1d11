// Orders of firmware, diagnostics and logs.

import { at, idempotencyKey, post } from "../lib/api.js";
import { to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useRef, useState } from "../lib/view.js";
import { confirm, Dialog } from "./dialog.js";
import { AreaField, Form, NumberField, SelectField, TextField, TimeField } from "./form.js";
import { notify } from "./notices.js";

export const KINDS = ["firmware", "diagnostics", "log"];
const LOGS = ["SecurityLog", "DiagnosticsLog"];

/** @param {{station: any, kind: string, onClose: () => void}} props */
export function JobForm({ station, kind, onClose }) {
  const id = station.station_id;
  const [body, setBody] = useState(/** @type {Record<string, any>} */ (kind === "log" ? { log_type: LOGS[0] } : {}));
  const attempt = useRef({ question: "", key: "" });
  const change = (/** @type {string} */ name) => (/** @type {any} */ value) => setBody((before) => ({ ...before, [name]: value === "" ? null : value }));
  const tied = (/** @type {string} */ name) => ({ name, value: body[name], onChange: change(name) });
  const isSigned = Boolean(body.signature || body.signing_certificate);
  const order = async () => {
    if (kind === "firmware" && !(await confirm({ title: t("jobs.confirm", { station: id }), text: t("jobs.confirm_text"), action: t("jobs.order.firmware"), danger: true }))) return;
    const question = JSON.stringify(body);
    if (attempt.current.question !== question) attempt.current = { question, key: idempotencyKey() };
    const said = Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null));
    const job = await post(`${at`/stations/${id}`}/${kind}-jobs`, said, { headers: { "Idempotency-Key": attempt.current.key } });
    notify(t("jobs.ordered"), { href: to`jobs/${job.job_id}` });
    onClose();
  };
  return html`<${Dialog} title=${t(`jobs.order.${kind}`)} onClose=${onClose}>
    <${Form} onSubmit=${order} submit=${t(`jobs.order.${kind}`)} danger=${kind === "firmware"} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      ${!station.online && html`<p class="hint">${t("jobs.offline")}</p>`}
      ${kind === "log" && html`<${SelectField} label=${t("jobs.log_type")} ...${tied("log_type")} options=${LOGS.map((value) => ({ value, text: t(`jobs.log.${value}`) }))} />`}
      <${TextField} label=${t(kind === "firmware" ? "jobs.location" : "jobs.upload_location")} ...${tied("location")} required=${kind === "firmware"} maxLength=${512}
        hint=${t(kind === "firmware" ? "jobs.location_hint" : "jobs.upload_location_hint")} />
      ${kind === "firmware"
        ? html`<${TimeField} label=${t("jobs.retrieve_at")} ...${tied("retrieve_at")} hint=${t("jobs.retrieve_at_hint")} />`
        : html`<${TimeField} label=${t("jobs.from")} ...${tied("from")} /><${TimeField} label=${t("jobs.to")} ...${tied("to")} />`}
      <details><summary>${t("jobs.more")}</summary><div class="form">
        ${kind === "firmware" && html`
          <${AreaField} label=${t("jobs.signing_certificate")} ...${tied("signing_certificate")} maxLength=${5500} hint=${t("jobs.signature_hint")} />
          <${AreaField} label=${t("jobs.signature")} ...${tied("signature")} maxLength=${800} rows=${2} />
          ${isSigned && html`<${TimeField} label=${t("jobs.install_at")} ...${tied("install_at")} />`}`}
        <${NumberField} label=${t("jobs.retries")} ...${tied("retries")} min=${0} max=${100} />
        <${NumberField} label=${t("jobs.retry_interval")} unit="s" ...${tied("retry_interval")} min=${0} max=${86_400} />
        <${NumberField} label=${t("jobs.timeout")} unit="s" ...${tied("timeout_s")} min=${60} max=${2_592_000} hint=${t("jobs.timeout_hint")} />
        <${TimeField} label=${t("jobs.hold_until")} ...${tied("hold_until")} hint=${t("jobs.hold_until_hint")} />
      </div></details>
    <//>
  <//>`;
}
