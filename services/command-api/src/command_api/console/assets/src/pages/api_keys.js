// Keys of machines.

import { at, get, post, remove } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { AccessFields, accessOf, RoleOf, ScopeOf } from "../parts/access.js";
import { confirm, Dialog } from "../parts/dialog.js";
import { Form, TextField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Page } from "../parts/page.js";
import { Copy, Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

export default function ApiKeys() {
  const pages = usePages(({ cursor }, signal) => get("/api-keys", { cursor, limit: 100 }, signal), []);
  const [isMaking, setMaking] = useState(false);
  const erase = async (/** @type {any} */ one) => {
    if (!(await confirm({ title: t("api_keys.delete_title", { name: one.name }), text: t("api_keys.delete_text"), action: t("api_keys.delete"), danger: true, typed: one.name }))) return;
    try {
      await remove(at`/api-keys/${one.id}`);
      notify(t("api_keys.deleted", { name: one.name }));
      pages.reload();
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  return html`<${Page} title=${t("api_keys.title")} actions=${html`<button type="button" class="primary" onClick=${() => setMaking(true)}>${t("api_keys.new")}</button>`}>
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("api_keys.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.id} empty=${t("api_keys.empty")}
      columns=${[
        { key: "name", title: t("api_keys.name"), show: (/** @type {any} */ one) => one.name },
        { key: "role", title: t("access.role"), show: (/** @type {any} */ one) => html`<${RoleOf} of=${one} />` },
        { key: "scope", title: t("access.scope"), wide: true, show: (/** @type {any} */ one) => html`<${ScopeOf} of=${one.scope} />` },
        { key: "by", title: t("api_keys.by"), show: (/** @type {any} */ one) => one.created_by },
        { key: "created", title: t("users.created"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
        { key: "did", title: t("audit.title"), show: (/** @type {any} */ one) => html`<a href=${`audit?actor=${encodeURIComponent(`api-key:${one.id}`)}`}>${t("user.did")}<span class="visually-hidden"> ${one.name}</span></a>` },
        { key: "delete", title: t("sessions.actions"), show: (/** @type {any} */ one) => html`<button type="button" class="quiet" aria-label=${t("api_keys.delete_title", { name: one.name })} onClick=${() => erase(one)}>${t("action.delete")}</button>` },
      ]} /><${More} of=${pages} />`}<//>
    ${isMaking && html`<${Make} onClose=${() => setMaking(false)} onMade=${pages.reload} />`}
  <//>`;
}

/** @param {{onClose: () => void, onMade: () => void}} props */
function Make({ onClose, onMade }) {
  const [name, setName] = useState("");
  const [access, setAccess] = useState(accessOf());
  const [key, setKey] = useState(/** @type {string | null} */ (null));
  const make = async () => {
    const made = await post("/api-keys", { name, ...access });
    setKey(made.key);
    onMade();
  };
  if (key)
    return html`<${Dialog} title=${t("api_keys.made", { name })} onClose=${() => {}}>
      <div class="once"><p>${t("api_keys.once")}</p><p><code>${key}</code> <${Copy} text=${key} /></p></div>
      <div class="actions"><button type="button" class="primary" onClick=${onClose}>${t("api_keys.kept")}</button></div><//>`;
  return html`<${Dialog} title=${t("api_keys.new")} onClose=${onClose}>
    <${Form} onSubmit=${make} submit=${t("api_keys.submit")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <${TextField} label=${t("api_keys.name")} name="name" hint=${t("api_keys.name_hint")} required maxLength=${255} value=${name} onChange=${setName} />
      <${AccessFields} value=${access} onChange=${setAccess} />
    <//>
  <//>`;
}
