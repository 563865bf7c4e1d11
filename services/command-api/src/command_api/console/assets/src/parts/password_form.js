// A station's password: given or generated, and shown once.

import { at, post, put } from "../lib/api.js";
import { to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { CommandState, meaning } from "./command_state.js";
import { Form, SelectField, TextField } from "./form.js";
import { Copy } from "./shown.js";

// What OCPP 1.6 stations take: 16 to 40 hexadecimal digits, an even number (security whitepaper, A00.FR.205).
const GENERATED_BYTES = 20;

/** @param {{station: any, onChanged: () => void}} props */
export function PasswordForm({ station, onChanged }) {
  const id = station.station_id;
  const [how, setHow] = useState("set");
  const [source, setSource] = useState("generated");
  const [given, setGiven] = useState("");
  const [shown, setShown] = useState(/** @type {string | null} */ (null));
  const [command, setCommand] = useState(/** @type {any} */ (null));
  const change = async () => {
    setCommand(null);
    if (how === "set") {
      const answer = await put(at`/stations/${id}/password`, source === "given" ? { password: given } : {});
      setShown(answer.password);
    } else {
      const password = source === "given" ? given : generated();
      // Shown before the answer: the station may have taken it even where no answer comes.
      setShown(password);
      setCommand(await post(at`/stations/${id}/commands/ChangeConfiguration`, { key: "AuthorizationKey", value: password }, { query: { wait: 30 } }));
    }
    setGiven("");
    onChanged();
  };
  const state = station.password_change_pending ? "password.is_pending" : station.has_password ? "password.is_set" : "password.is_none";
  return html`<p class="hint">${t(state)}</p><${Form} onSubmit=${change} submit=${t(how === "set" ? "password.set" : "password.rotate")}>
      <${SelectField} label=${t("password.how")} value=${how} onChange=${setHow} hint=${t(`password.how_hint.${how}`)}
        options=${[{ value: "set", text: t("password.how.set") }, { value: "rotate", text: t("password.how.rotate") }]} />
      <${SelectField} label=${t("password.source")} value=${source} onChange=${setSource}
        options=${[{ value: "generated", text: t("password.generated") }, { value: "given", text: t("password.given") }]} />
      ${source === "given" && html`<${TextField} label=${t("password.password")} name="password" type="password" autocomplete="new-password" value=${given} onChange=${setGiven} required />`}
    <//>
    ${shown && html`<div role="status" class="once"><p>${t("password.once")}</p><p><code>${shown}</code> <${Copy} text=${shown} />
      <button type="button" class="quiet" onClick=${() => setShown(null)}>${t("password.hide")}</button></p></div>`}
    ${command && html`<p role="status"><${CommandState} of=${command} /> ${command.response?.status ?? ""} ${meaning(command)} <a href=${to`commands/${command.command_id}`}>${t("password.to_command")}</a></p>`}`;
}

/** Hexadecimal digits. */
const generated = () => [...crypto.getRandomValues(new Uint8Array(GENERATED_BYTES))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
