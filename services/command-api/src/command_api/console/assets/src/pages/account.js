// One's own account.

import { get, put } from "../lib/api.js";
import { useLive } from "../lib/live.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { RoleOf, ScopeOf } from "../parts/access.js";
import { BrowserSessions } from "../parts/browser_sessions.js";
import { Form, TextField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Moment } from "../parts/shown.js";

export default function Account() {
  const user = useLive((signal) => get("/users/me", {}, signal), []);
  const [turn, setTurn] = useState(0);
  return html`<${Page} title=${t("account.title")}>
    <${Loaded} of=${user}>${(/** @type {any} */ data) => html`
      <${Section} title=${t("account.who")}><${Facts} rows=${[
        [t("users.name"), data.username],
        [t("access.role"), html`<${RoleOf} of=${data} />`],
        [t("access.scope"), html`<${ScopeOf} of=${data.scope} />`],
        [t("user.tenant"), data.tenant_id],
        [t("users.created"), html`<${Moment} at=${data.created_at} />`],
      ]} /><//>
      <${Section} title=${t("account.password")}><${OwnPassword} onChanged=${() => setTurn((n) => n + 1)} /><//>
      <${BrowserSessions} username=${data.username} turn=${turn} />`}<//>
  <//>`;
}

/** @param {{onChanged: () => void}} props */
function OwnPassword({ onChanged }) {
  const [current, setCurrent] = useState("");
  const [next, setNext] = useState("");
  const [again, setAgain] = useState("");
  const isDifferent = again !== "" && again !== next;
  const save = async () => {
    await put("/users/me/password", { current_password: current, new_password: next });
    setCurrent("");
    setNext("");
    setAgain("");
    notify(t("account.changed"));
    onChanged();
  };
  return html`<${Form} onSubmit=${save} submit=${t("account.change")} disabled=${again !== next}>
    <${TextField} label=${t("account.current")} name="current_password" type="password" autocomplete="current-password" required value=${current} onChange=${setCurrent} />
    <${TextField} label=${t("account.new")} name="new_password" type="password" autocomplete="new-password" hint=${t("users.password_hint")} required value=${next} onChange=${setNext} />
    <${TextField} label=${t("account.again")} type="password" autocomplete="new-password" required value=${again} onChange=${setAgain} hint=${isDifferent ? t("account.different") : t("account.others_end")} /><//>`;
}
