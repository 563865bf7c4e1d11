// One tenant: what it may have, whether its stations get in, and acting for it.

import { at, get, patch } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { navigate } from "../lib/router.js";
import { actFor } from "../lib/session.js";
import { countryName } from "../lib/places.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useState } from "../lib/view.js";
import { confirm } from "../parts/dialog.js";
import { Form } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Moment, State } from "../parts/shown.js";
import { TenantFields, tenantOf } from "../parts/tenant_fields.js";

const OWN = "default";

/** @param {{params: {tenant_id: string}}} props */
export default function Tenant({ params: { tenant_id } }) {
  const live = useLive((signal) => get(at`/tenants/${tenant_id}`, {}, signal), [tenant_id], reloadOn(["tenant"], (event) => event.data?.tenant_id === tenant_id));
  const [isEditing, setEditing] = useState(false);
  const tenant = live.data;
  const isOwn = tenant_id === OWN;
  const act = () => {
    navigate("./");
    actFor(tenant_id);
  };
  const set = async (/** @type {string} */ status) => {
    const isSuspending = status === "suspended";
    if (isSuspending && !(await confirm({ title: t("tenant.suspend_title", { name: tenant.name }), text: t("tenant.suspend_text"), action: t("tenant.suspend"), danger: true, typed: tenant_id }))) return;
    try {
      const changed = await patch(at`/tenants/${tenant_id}`, { status });
      live.change(() => changed);
      notify(t(isSuspending ? "tenant.suspended" : "tenant.resumed", { name: tenant.name }));
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const actions = tenant && html`
    ${!isOwn && html`<button type="button" class="primary" onClick=${act}>${t("tenant.act")}</button>`}
    ${!isEditing && html`<button type="button" onClick=${() => setEditing(true)}>${t("action.edit")}</button>`}
    ${!isOwn && (tenant.status === "suspended"
      ? html`<button type="button" onClick=${() => set("active")}>${t("tenant.resume")}</button>`
      : html`<button type="button" onClick=${() => set("suspended")}>${t("tenant.suspend")}</button>`)}`;
  return html`<${Page} title=${tenant?.name ?? tenant_id} crumbs=${[{ href: "tenants", text: t("tenants.title") }]} actions=${actions} subtitle=${tenant && html`<${State} of=${tenant.status} />`}>
    <${Loaded} of=${live}>${(/** @type {any} */ data) => isEditing
      ? html`<${Edit} tenant=${data} onEnd=${(/** @type {any} */ changed) => {
          if (changed) live.change(() => changed);
          setEditing(false);
        }} />`
      : html`<${Section} title=${t("tenant.facts")}><${Facts} rows=${[
          [t("tenant.id"), data.tenant_id],
          [t("tenant.max_stations"), data.max_stations === null ? t("tenant.unbounded") : count(data.max_stations)],
          [t("tenant.max_requests"), data.max_requests_per_s === null ? t("tenant.unbounded") : count(data.max_requests_per_s)],
          [t("tenant.time_zone"), data.time_zone],
          [t("tenant.country"), countryName(data.country_code) || null],
          [t("tenant.party_id"), data.party_id],
          [t("tenant.created"), html`<${Moment} at=${data.created_at} />`],
          [t("tenant.updated"), html`<${Moment} at=${data.updated_at} />`],
        ]} />${!isOwn && html`<p class="hint">${t("tenant.act_text")}</p>`}<//>`}<//>
  <//>`;
}

/** @param {{tenant: any, onEnd: (changed: any) => void}} props */
function Edit({ tenant, onEnd }) {
  const [value, setValue] = useState(tenantOf(tenant));
  const save = async () => {
    const changed = await patch(at`/tenants/${tenant.tenant_id}`, value);
    notify(t("tenant.saved"));
    onEnd(changed);
  };
  return html`<${Section} title=${t("tenant.edit")}><${Form} onSubmit=${save} submit=${t("action.save")} actions=${html`<button type="button" onClick=${() => onEnd(null)}>${t("action.cancel")}</button>`}>
    <${TenantFields} value=${value} onChange=${setValue} /><//><//>`;
}
