// A station that is made before it connects.

import { post } from "../lib/api.js";
import { navigate, to, useQuery } from "../lib/router.js";
import { t, word } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Form, NumberField, SelectField, TextField, CheckField } from "../parts/form.js";
import { notify } from "../parts/notices.js";
import { Page, Section } from "../parts/page.js";
import { descriptionOf, StationFields } from "../parts/station_fields.js";

const POLICIES = ["accept", "pending", "reject"];
const PROFILES = ["0", "1", "2", "3"];

export default function NewStation() {
  const [query] = useQuery();
  const [id, setId] = useState(query.station_id ?? "");
  const [description, setDescription] = useState(descriptionOf({ site_id: query.site_id }));
  const [password, setPassword] = useState("");
  const [settings, setSettings] = useState(/** @type {any} */ ({
    security_profile: "", registered_serial_number: "", boot_policy: "", heartbeat_interval: null, strict: false, exempt_from_limits: false,
  }));
  const set = (/** @type {string} */ name) => (/** @type {any} */ value) => setSettings({ ...settings, [name]: value });
  const create = async () => {
    const made = await post("/stations", {
      ...description,
      station_id: id,
      password: password || null,
      security_profile: settings.security_profile === "" ? null : Number(settings.security_profile),
      registered_serial_number: settings.registered_serial_number || null,
      boot_policy: settings.boot_policy || null,
      heartbeat_interval: settings.heartbeat_interval,
      strict: settings.strict,
      exempt_from_limits: settings.exempt_from_limits,
    });
    notify(t("station_new.done", { id: made.station_id }));
    navigate(to`stations/${made.station_id}`);
  };
  return html`<${Page} title=${t("station_new.title")} crumbs=${[{ href: "stations", text: t("stations.title") }]}>
    <${Form} onSubmit=${create} submit=${t("station_new.submit")}>
      <${Section} title=${t("station_new.identity")}><div class="form">
        <${TextField} label=${t("station_new.id")} name="station_id" hint=${t("station_new.id_hint")} required maxLength=${255} value=${id} onChange=${setId} />
        <${StationFields} value=${description} onChange=${setDescription} />
      </div><//>
      <${Section} title=${t("station_new.connection")}><div class="form">
        <${TextField} label=${t("station_new.password")} name="password" type="password" autocomplete="new-password" hint=${t("station_new.password_hint")}
          value=${password} onChange=${setPassword} />
        <${SelectField} label=${t("stations.profile")} name="security_profile" empty=${t("station_new.usual")} hint=${t("station_new.profile_hint")}
          options=${PROFILES.map((value) => ({ value, text: `${value} – ${t(`station_new.profile_${value}`)}` }))} value=${settings.security_profile} onChange=${set("security_profile")} />
        <${TextField} label=${t("station_new.serial")} name="registered_serial_number" hint=${t("station_new.serial_hint")}
          value=${settings.registered_serial_number} onChange=${set("registered_serial_number")} />
        <${SelectField} label=${t("station_new.boot_policy")} name="boot_policy" empty=${t("station_new.usual")}
          options=${POLICIES.map((value) => ({ value, text: word(value) }))} value=${settings.boot_policy} onChange=${set("boot_policy")} />
        <${NumberField} label=${t("station_new.heartbeat")} name="heartbeat_interval" unit="s" hint=${t("station_new.usual_hint")} min=${1} max=${86400}
          value=${settings.heartbeat_interval} onChange=${set("heartbeat_interval")} />
        <${CheckField} label=${t("station_new.strict")} hint=${t("station_new.strict_hint")} value=${settings.strict} onChange=${set("strict")} />
        <${CheckField} label=${t("station_new.exempt")} hint=${t("station_new.exempt_hint")} value=${settings.exempt_from_limits} onChange=${set("exempt_from_limits")} />
      </div><//>
    <//>
  <//>`;
}
