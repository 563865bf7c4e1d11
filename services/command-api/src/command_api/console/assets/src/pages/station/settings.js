// What administrators set of a station.

import { at, get, patch, put, remove } from "../../lib/api.js";
import { useLive } from "../../lib/live.js";
import { navigate } from "../../lib/router.js";
import { acting, me } from "../../lib/session.js";
import { t, word } from "../../lib/text.js";
import { html, useState } from "../../lib/view.js";
import { confirm } from "../../parts/dialog.js";
import { CheckField, Form, NumberField, SelectField, TextField } from "../../parts/form.js";
import { Loaded } from "../../parts/loaded.js";
import { notify, notifyProblem } from "../../parts/notices.js";
import { Section } from "../../parts/page.js";
import { PasswordForm } from "../../parts/password_form.js";
import { descriptionOf, StationFields } from "../../parts/station_fields.js";
import { StationFrame } from "../../parts/station_frame.js";

const REGISTRATIONS = ["accepted", "pending", "rejected"];
const POLICIES = ["accept", "pending", "reject"];
const PROFILES = ["0", "1", "2", "3"];

/** @param {{params: {station_id: string}}} props */
export default function Settings({ params: { station_id: id } }) {
  return html`<${StationFrame} id=${id} tab="settings">${(/** @type {any} */ station, /** @type {() => void} */ reload) => html`
    <div class="columns">
      <${Section} title=${t("settings.description")}><${Description} station=${station} onSaved=${reload} /><//>
      <${Section} title=${t("settings.rules")}><${Rules} station=${station} onSaved=${reload} /><//>
      <${Section} title=${t("settings.password")}><${PasswordForm} station=${station} onChanged=${reload} /><//>
      <${Section} title=${t("settings.hardware")}><${Hardware} station=${station} /><//>
      ${isPlatform() && html`<${Section} title=${t("settings.tenant")}><${Tenant} station=${station} /><//>`}
      <${Section} title=${t("settings.delete")}><${Delete} station=${station} /><//>
    </div>`}<//>`;
}

/** Whether the viewer administers the whole deployment, for whichever tenant they act. */
const isPlatform = () => Boolean(me.peek()?.is_platform);

/** What differs from what was. @param {Record<string, any>} now @param {Record<string, any>} before */
const changes = (now, before) => Object.fromEntries(Object.entries(now).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));

/** @param {{station: any, onSaved: () => void}} props */
function Description({ station, onSaved }) {
  const [before, setBefore] = useState(() => descriptionOf(station));
  const [value, setValue] = useState(before);
  const changed = changes(value, before);
  const save = async () => {
    const saved = await patch(at`/stations/${station.station_id}`, changed);
    setBefore(descriptionOf(saved));
    setValue(descriptionOf(saved));
    notify(t("settings.saved"));
    onSaved();
  };
  return html`<${Form} onSubmit=${save} submit=${t("action.save")} disabled=${Object.keys(changed).length === 0}>
    <${StationFields} value=${value} onChange=${setValue} /><//>`;
}

/** @param {any} station */
const rulesOf = (station) => ({
  registration_status: station.registration_status,
  boot_policy: station.boot_policy,
  security_profile: station.security_profile,
  registered_serial_number: station.registered_serial_number,
  heartbeat_interval: station.heartbeat_interval,
  strict: station.strict,
  exempt_from_limits: station.exempt_from_limits,
});

/** @param {{station: any, onSaved: () => void}} props */
function Rules({ station, onSaved }) {
  const [before, setBefore] = useState(() => rulesOf(station));
  const [value, setValue] = useState(before);
  const changed = changes(value, before);
  const set = (/** @type {string} */ name) => (/** @type {any} */ said) => setValue((now) => ({ ...now, [name]: said === "" ? null : said }));
  const save = async () => {
    const hurts = changed.registration_status === "rejected" ? "settings.hurts_rejected" : changed.security_profile > before.security_profile ? "settings.hurts_profile" : null;
    if (hurts && !(await confirm({ title: t("settings.hurts_title", { station: station.station_id }), text: t(hurts), action: t("action.save"), danger: true }))) return;
    const saved = await patch(at`/stations/${station.station_id}`, changed);
    setBefore(rulesOf(saved));
    setValue(rulesOf(saved));
    notify(t("settings.saved"));
    onSaved();
  };
  return html`<${Form} onSubmit=${save} submit=${t("action.save")} disabled=${Object.keys(changed).length === 0}>
    <${SelectField} label=${t("settings.registration")} name="registration_status" hint=${t("settings.registration_hint")} value=${value.registration_status} onChange=${set("registration_status")}
      options=${REGISTRATIONS.map((one) => ({ value: one, text: word(one) }))} />
    <${SelectField} label=${t("settings.boot_policy")} name="boot_policy" hint=${t("settings.boot_policy_hint")} value=${value.boot_policy} onChange=${set("boot_policy")} empty=${t("settings.as_everywhere")}
      options=${POLICIES.map((one) => ({ value: one, text: t(`settings.boot_policy.${one}`) }))} />
    <${SelectField} label=${t("settings.security_profile")} name="security_profile" hint=${t("settings.security_profile_hint")} value=${String(value.security_profile)}
      onChange=${(/** @type {string} */ said) => set("security_profile")(Number(said))} options=${PROFILES.map((one) => ({ value: one, text: t(`settings.security_profile.${one}`) }))} />
    <${TextField} label=${t("settings.serial_number")} name="registered_serial_number" hint=${t("settings.serial_number_hint")} value=${value.registered_serial_number} onChange=${set("registered_serial_number")} />
    <${NumberField} label=${t("settings.heartbeat")} name="heartbeat_interval" unit="s" min=${1} max=${86_400} hint=${t("settings.heartbeat_hint")} value=${value.heartbeat_interval} onChange=${set("heartbeat_interval")} />
    <${CheckField} label=${t("settings.strict")} hint=${t("settings.strict_hint")} value=${value.strict} onChange=${set("strict")} />
    <${CheckField} label=${t("settings.exempt")} hint=${t("settings.exempt_hint")} value=${value.exempt_from_limits} onChange=${set("exempt_from_limits")} />
  <//>`;
}

/** @param {{station: any}} props */
function Hardware({ station }) {
  const known = station.connectors.map((/** @type {any} */ one) => one.connector_id).filter((/** @type {number} */ one) => one > 0);
  const [connector, setConnector] = useState(/** @type {number | null} */ (known[0] ?? 1));
  return html`<div class="form">
    <${NumberField} label=${t("state.connector")} min=${1} value=${connector} onChange=${setConnector} hint=${t("settings.hardware_hint")} />
    ${connector !== null && connector > 0 && html`<${ConnectorHardware} key=${connector} id=${station.station_id} connector=${connector} />`}
  </div>`;
}

/** @param {{id: string, connector: number}} props */
function ConnectorHardware({ id, connector }) {
  const path = at`/stations/${id}/connectors/${connector}/hardware`;
  const live = useLive(async (signal) => {
    try {
      return await get(path, {}, signal);
    } catch (problem) {
      // Nothing was said of it yet.
      if (problem.status === 404) return { plug_type: null, max_power_w: null };
      throw problem;
    }
  }, [id, connector]);
  return html`<${Loaded} of=${live}>${(/** @type {any} */ found) => html`<${HardwareForm} path=${path} found=${found} />`}<//>`;
}

const PLUGS = ["IEC_62196_T2", "IEC_62196_T2_COMBO", "IEC_62196_T1", "IEC_62196_T1_COMBO", "CHADEMO", "SAE_J3400", "TESLA_S", "MCS", "GBT_AC", "GBT_DC", "DOMESTIC_F", "DOMESTIC_G", "DOMESTIC_J", "IEC_60309_2_single_16", "IEC_60309_2_three_16", "IEC_60309_2_three_32", "IEC_60309_2_three_64"];

/** @param {{path: string, found: any}} props */
function HardwareForm({ path, found }) {
  const [plug, setPlug] = useState(found.plug_type ?? "");
  const [watts, setWatts] = useState(/** @type {number | null} */ (found.max_power_w));
  const save = async () => {
    await put(path, { plug_type: plug || null, max_power_w: watts });
    notify(t("settings.saved"));
  };
  return html`<${Form} onSubmit=${save} submit=${t("action.save")}>
    <${TextField} label=${t("settings.plug")} name="plug_type" hint=${t("settings.plug_hint")} list=${PLUGS} value=${plug} onChange=${setPlug} />
    <${NumberField} label=${t("settings.max_power")} name="max_power_w" unit="W" min=${1} value=${watts} onChange=${setWatts} />
  <//>`;
}

/** @param {{station: any}} props */
function Tenant({ station }) {
  const [tenant, setTenant] = useState("");
  const give = async () => {
    const isSure = await confirm({
      title: t("settings.give_title", { station: station.station_id, tenant }), text: t("settings.give_text"), action: t("settings.give"), danger: true, typed: station.station_id,
    });
    if (!isSure) return;
    await put(at`/stations/${station.station_id}/tenant`, { tenant_id: tenant });
    notify(t("settings.given", { station: station.station_id, tenant }));
    if (tenant !== (acting.peek() ?? me.peek()?.tenant_id)) navigate("stations");
  };
  return html`<${Form} danger onSubmit=${give} submit=${t("settings.give")}>
    <p class="hint">${t("settings.give_text")}</p>
    <${TextField} label=${t("settings.tenant_id")} name="tenant_id" value=${tenant} onChange=${setTenant} required />
  <//>`;
}

/** @param {{station: any}} props */
function Delete({ station }) {
  const id = station.station_id;
  const drop = async () => {
    if (!(await confirm({ title: t("settings.delete_title", { station: id }), text: t("settings.delete_text"), action: t("settings.delete"), danger: true, typed: id }))) return;
    try {
      await remove(at`/stations/${id}`);
      notify(t("settings.deleted", { station: id }));
      navigate("stations");
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  return html`<p>${t("settings.delete_text")}</p><div class="actions"><button type="button" class="danger" onClick=${drop}>${t("settings.delete")}</button></div>`;
}
