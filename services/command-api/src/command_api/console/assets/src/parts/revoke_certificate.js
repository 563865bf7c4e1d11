// A certificate of a station is put on the revocation list.

import { at, post } from "../lib/api.js";
import { t, word } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Dialog } from "./dialog.js";
import { Form, SelectField } from "./form.js";
import { notify } from "./notices.js";

const REASONS = ["unspecified", "key_compromise", "affiliation_changed", "superseded", "cessation_of_operation", "privilege_withdrawn"];

/** @param {{certificate: any, onClose: () => void, onDone: () => void}} props */
export function RevokeCertificate({ certificate, onClose, onDone }) {
  const [reason, setReason] = useState(REASONS[0]);
  const revoke = async () => {
    await post(at`/certificates/${certificate.certificate_id}/revoke`, { reason });
    notify(t("station_certificates.revoked"));
    onDone();
    onClose();
  };
  return html`<${Dialog} title=${t("station_certificates.revoke_title", { serial: certificate.serial_number })} onClose=${onClose}>
    <${Form} danger onSubmit=${revoke} submit=${t("station_certificates.revoke")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <p>${t("station_certificates.revoke_text")}</p>
      <${SelectField} label=${t("station_certificates.reason")} name="reason" value=${reason} onChange=${setReason} options=${REASONS.map((value) => ({ value, text: word(value) }))} />
    <//>
  <//>`;
}
