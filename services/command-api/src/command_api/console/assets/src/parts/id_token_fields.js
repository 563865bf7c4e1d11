// An id token as a form.

import { t, word } from "../lib/text.js";
import { html } from "../lib/view.js";
import { CheckField, NumberField, SelectField, TextField, TimeField } from "./form.js";

export const TOKEN_STATUSES = ["accepted", "blocked", "expired", "invalid"];

/** A token as REST takes it. @param {any} [token] @returns {any} */
export const tokenOf = (token = {}) => ({
  status: token.status ?? "accepted",
  expires_at: token.expires_at ?? null,
  group_id: token.group_id ?? null,
  max_concurrent: token.max_concurrent === undefined ? 1 : token.max_concurrent,
});

/** Fields of a `<Form>`. @param {{value: any, onChange: (value: any) => void}} props */
export function TokenFields({ value, onChange }) {
  const set = (/** @type {string} */ name) => (/** @type {any} */ said) => onChange({ ...value, [name]: said === "" ? null : said });
  return html`
    <${SelectField} label=${t("id_token.status")} name="status" value=${value.status} onChange=${set("status")} options=${TOKEN_STATUSES.map((one) => ({ value: one, text: word(one) }))} />
    <${TimeField} label=${t("id_token.expires")} name="expires_at" hint=${t("id_token.expires_hint")} value=${value.expires_at} onChange=${set("expires_at")} />
    <${TextField} label=${t("id_token.group")} name="group_id" hint=${t("id_token.group_hint")} maxLength=${255} value=${value.group_id} onChange=${set("group_id")} />
    <${CheckField} label=${t("id_token.unlimited")} value=${value.max_concurrent === null} onChange=${(/** @type {boolean} */ yes) => onChange({ ...value, max_concurrent: yes ? null : 1 })} />
    ${value.max_concurrent !== null && html`<${NumberField} label=${t("id_token.concurrent")} name="max_concurrent" required min=${1} value=${value.max_concurrent || null}
      onChange=${(/** @type {number | null} */ n) => onChange({ ...value, max_concurrent: n ?? 0 })} />`}`;
}
