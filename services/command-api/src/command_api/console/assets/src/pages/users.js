// Who may log in.

import { get, post } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { AccessFields, accessOf, RoleOf, ScopeOf } from "../parts/access.js";
import { Dialog } from "../parts/dialog.js";
import { Form, TextField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify } from "../parts/notices.js";
import { Page } from "../parts/page.js";
import { Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

export default function Users() {
  const pages = usePages(({ cursor }, signal) => get("/users", { cursor, limit: 100 }, signal), []);
  const [isMaking, setMaking] = useState(false);
  return html`<${Page} title=${t("users.title")} actions=${html`<button type="button" class="primary" onClick=${() => setMaking(true)}>${t("users.new")}</button>`}>
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("users.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.username}
      columns=${[
        { key: "username", title: t("users.name"), show: (/** @type {any} */ one) => html`<a href=${to`users/${one.username}`}>${one.username}</a>` },
        { key: "role", title: t("access.role"), show: (/** @type {any} */ one) => html`<${RoleOf} of=${one} />` },
        { key: "scope", title: t("access.scope"), wide: true, show: (/** @type {any} */ one) => html`<${ScopeOf} of=${one.scope} />` },
        { key: "created", title: t("users.created"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
        { key: "updated", title: t("users.updated"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.updated_at} />` },
      ]} /><${More} of=${pages} />`}<//>
    ${isMaking && html`<${Make} onClose=${() => setMaking(false)} onMade=${pages.reload} />`}
  <//>`;
}

/** @param {{onClose: () => void, onMade: () => void}} props */
function Make({ onClose, onMade }) {
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [access, setAccess] = useState(accessOf());
  const make = async () => {
    await post("/users", { username, password, ...access });
    notify(t("users.made", { name: username }), { href: to`users/${username}` });
    onMade();
    onClose();
  };
  return html`<${Dialog} title=${t("users.new")} onClose=${onClose}>
    <${Form} onSubmit=${make} submit=${t("users.submit")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <${TextField} label=${t("users.name")} name="username" hint=${t("users.name_hint")} required maxLength=${255} value=${username} onChange=${setUsername} />
      <${TextField} label=${t("users.password")} name="password" type="password" autocomplete="new-password" hint=${t("users.password_hint")} required value=${password} onChange=${setPassword} />
      <${AccessFields} value=${access} onChange=${setAccess} />
    <//>
  <//>`;
}
