// One user: what they may do, their password, where they are logged in.

import { at, get, patch, remove } from "../lib/api.js";
import { useLive } from "../lib/live.js";
import { navigate } from "../lib/router.js";
import { me } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { AccessFields, accessOf, RoleOf, ScopeOf } from "../parts/access.js";
import { BrowserSessions } from "../parts/browser_sessions.js";
import { confirm } from "../parts/dialog.js";
import { Form, TextField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Moment } from "../parts/shown.js";

/** @param {{params: {username: string}}} props */
export default function User({ params: { username } }) {
  const user = useLive((signal) => get(at`/users/${username}`, {}, signal), [username]);
  const [turn, setTurn] = useState(0);
  const viewer = me.peek();
  const isOwn = viewer?.username === username;
  // Only their like change or delete platform administrators.
  const mayChange = user.data !== null && (!user.data.platform || Boolean(viewer?.is_platform));
  const changed = (/** @type {any} */ next) => {
    user.change(() => next);
    setTurn((n) => n + 1);
  };
  const erase = async () => {
    if (!(await confirm({ title: t("user.delete_title", { name: username }), text: t("user.delete_text"), action: t("user.delete"), danger: true, typed: username }))) return;
    try {
      await remove(at`/users/${username}`);
      notify(t("user.deleted", { name: username }));
      navigate("users");
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  return html`<${Page} title=${username} crumbs=${[{ href: "users", text: t("users.title") }]}
      actions=${mayChange && !isOwn && html`<button type="button" onClick=${erase}>${t("action.delete")}</button>`}>
    <${Loaded} of=${user}>${(/** @type {any} */ data) => html`
      <${Section} title=${t("user.facts")}><${Facts} rows=${[
        [t("access.role"), html`<${RoleOf} of=${data} />`],
        [t("access.scope"), html`<${ScopeOf} of=${data.scope} />`],
        [t("user.tenant"), data.tenant_id],
        [t("users.created"), html`<${Moment} at=${data.created_at} />`],
        [t("users.updated"), html`<${Moment} at=${data.updated_at} />`],
        [t("audit.title"), html`<a href=${`audit?actor=${encodeURIComponent(username)}`}>${t("user.did")}</a>`],
      ]} /><//>
      ${mayChange && html`<div class="columns">
        <${Section} title=${t("user.access")}>${isOwn ? html`<p>${t("user.own")} <a href="account">${t("account.title")}</a></p>` : html`<${ChangeAccess} key=${data.updated_at} user=${data} onChanged=${changed} />`}<//>
        ${!isOwn && html`<${Section} title=${t("user.password")}><${ResetPassword} username=${username} onChanged=${changed} /><//>`}
      </div>`}
      <${BrowserSessions} username=${username} turn=${turn} />`}<//>
  <//>`;
}

/** @param {{user: any, onChanged: (user: any) => void}} props */
function ChangeAccess({ user, onChanged }) {
  const [access, setAccess] = useState(accessOf(user));
  const save = async () => {
    const now = /** @type {Record<string, unknown>} */ (accessOf(user));
    const changes = Object.fromEntries(Object.entries(access).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(now[name])));
    if (Object.keys(changes).length === 0) return;
    onChanged(await patch(at`/users/${user.username}`, changes));
    notify(t("user.changed"));
  };
  return html`<${Form} onSubmit=${save} submit=${t("action.save")}>
    <p class="hint">${t("user.access_hint")}</p>
    <${AccessFields} value=${access} onChange=${setAccess} /><//>`;
}

/** @param {{username: string, onChanged: (user: any) => void}} props */
function ResetPassword({ username, onChanged }) {
  const [password, setPassword] = useState("");
  const save = async () => {
    onChanged(await patch(at`/users/${username}`, { password }));
    setPassword("");
    notify(t("user.password_set", { name: username }));
  };
  return html`<${Form} onSubmit=${save} submit=${t("user.set_password")}>
    <p class="hint">${t("user.password_text")}</p>
    <${TextField} label=${t("user.new_password")} name="password" type="password" autocomplete="new-password" hint=${t("users.password_hint")} required value=${password} onChange=${setPassword} /><//>`;
}
