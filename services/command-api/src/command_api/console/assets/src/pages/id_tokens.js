// Who may charge: cards and other id tokens.

import { get, post } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useState } from "../lib/view.js";
import { Dialog } from "../parts/dialog.js";
import { choices, Filters } from "../parts/filters.js";
import { Form, TextField } from "../parts/form.js";
import { TOKEN_STATUSES, TokenFields, tokenOf } from "../parts/id_token_fields.js";
import { Loaded } from "../parts/loaded.js";
import { notify } from "../parts/notices.js";
import { Page } from "../parts/page.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

export default function IdTokens() {
  const [{ q, status }] = useQuery();
  const pages = usePages(({ cursor }, signal) => get("/id-tokens", { q, status, cursor, limit: 100 }, signal), [q, status], reloadOn(["id_token"]));
  const [isMaking, setMaking] = useState(false);
  return html`<${Page} title=${t("id_tokens.title")} actions=${can("admin") && html`<button type="button" class="primary" onClick=${() => setMaking(true)}>${t("id_tokens.new")}</button>`}>
    <${Filters} filters=${[
      { name: "q", label: t("id_tokens.search") },
      { name: "status", label: t("id_token.status"), kind: "choice", options: choices(TOKEN_STATUSES, word) },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("id_tokens.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.id_token} empty=${t(q || status ? "id_tokens.none_fit" : "id_tokens.empty")}
      columns=${[
        { key: "id_token", title: t("id_token.title"), show: (/** @type {any} */ one) => html`<a href=${to`id-tokens/${one.id_token}`}>${one.id_token}</a>` },
        { key: "status", title: t("id_token.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
        { key: "group", title: t("id_token.group"), show: (/** @type {any} */ one) => one.group_id },
        { key: "expires", title: t("id_token.expires"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.expires_at} />` },
        { key: "concurrent", title: t("id_token.concurrent"), number: true, show: (/** @type {any} */ one) => (one.max_concurrent === null ? t("id_token.no_bound") : count(one.max_concurrent)) },
        { key: "updated", title: t("id_token.updated"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.updated_at} />` },
      ]} /><${More} of=${pages} />`}<//>
    ${isMaking && html`<${Make} onClose=${() => setMaking(false)} onMade=${pages.reload} />`}
  <//>`;
}

/** @param {{onClose: () => void, onMade: () => void}} props */
function Make({ onClose, onMade }) {
  const [id, setId] = useState("");
  const [value, setValue] = useState(tokenOf());
  const make = async () => {
    await post("/id-tokens", { id_token: id, ...value });
    notify(t("id_tokens.made", { id }), { href: to`id-tokens/${id}` });
    onMade();
    onClose();
  };
  return html`<${Dialog} title=${t("id_tokens.new")} onClose=${onClose}>
    <${Form} onSubmit=${make} submit=${t("id_tokens.submit")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <${TextField} label=${t("id_token.title")} name="id_token" hint=${t("id_tokens.id_hint")} required maxLength=${255} value=${id} onChange=${setId} />
      <${TokenFields} value=${value} onChange=${setValue} />
    <//>
  <//>`;
}
