// The operators who share this deployment.

import { get, idempotencyKey, post } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useRef, useState } from "../lib/view.js";
import { Dialog } from "../parts/dialog.js";
import { Filters } from "../parts/filters.js";
import { Form, TextField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify } from "../parts/notices.js";
import { Page } from "../parts/page.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";
import { TenantFields, tenantOf } from "../parts/tenant_fields.js";

export default function Tenants() {
  const [{ q }] = useQuery();
  const pages = usePages(({ cursor }, signal) => get("/tenants", { q, cursor, limit: 100 }, signal), [q], reloadOn(["tenant"]));
  const [isMaking, setMaking] = useState(false);
  return html`<${Page} title=${t("tenants.title")} actions=${html`<button type="button" class="primary" onClick=${() => setMaking(true)}>${t("tenants.new")}</button>`}>
    <${Filters} filters=${[{ name: "q", label: t("tenants.search") }]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("tenants.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.tenant_id} empty=${t("tenants.empty")}
      columns=${[
        { key: "name", title: t("tenant.name"), show: (/** @type {any} */ one) => html`<a href=${to`tenants/${one.tenant_id}`}>${one.name}</a>` },
        { key: "id", title: t("tenant.id"), show: (/** @type {any} */ one) => one.tenant_id },
        { key: "status", title: t("tenant.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
        { key: "max_stations", title: t("tenant.max_stations"), number: true, show: (/** @type {any} */ one) => count(one.max_stations) },
        { key: "max_requests", title: t("tenant.max_requests"), number: true, show: (/** @type {any} */ one) => count(one.max_requests_per_s) },
        { key: "zone", title: t("tenant.time_zone"), show: (/** @type {any} */ one) => one.time_zone },
        { key: "created", title: t("tenant.created"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
      ]} /><${More} of=${pages} />`}<//>
    ${isMaking && html`<${Make} onClose=${() => setMaking(false)} onMade=${pages.reload} />`}
  <//>`;
}

/** @param {{onClose: () => void, onMade: () => void}} props */
function Make({ onClose, onMade }) {
  const [id, setId] = useState("");
  const [value, setValue] = useState(tenantOf());
  const attempt = useRef({ question: "", key: "" });
  const make = async () => {
    const body = { tenant_id: id, ...value };
    const question = JSON.stringify(body);
    if (attempt.current.question !== question) attempt.current = { question, key: idempotencyKey() };
    await post("/tenants", body, { headers: { "Idempotency-Key": attempt.current.key } });
    notify(t("tenants.made", { name: value.name }), { href: to`tenants/${id}` });
    onMade();
    onClose();
  };
  return html`<${Dialog} title=${t("tenants.new")} onClose=${onClose}>
    <${Form} onSubmit=${make} submit=${t("tenants.submit")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <${TextField} label=${t("tenant.id")} name="tenant_id" hint=${t("tenant.id_hint")} required maxLength=${40} pattern="[a-z0-9]+(-[a-z0-9]+)*" value=${id} onChange=${setId} />
      <${TenantFields} value=${value} onChange=${setValue} />
    <//>
  <//>`;
}
