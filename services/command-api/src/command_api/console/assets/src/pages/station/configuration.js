// What is known of a station's configuration, and changes of it.

import { at, everything, get, post } from "../../lib/api.js";
import { reloadOn, useLive } from "../../lib/live.js";
import { to, useQuery } from "../../lib/router.js";
import { can, me } from "../../lib/session.js";
import { t } from "../../lib/text.js";
import { html, useMemo, useState } from "../../lib/view.js";
import { BusyButton } from "../../parts/busy_button.js";
import { CommandState } from "../../parts/command_state.js";
import { driftOf } from "../../parts/configuration_drift.js";
import { Dialog } from "../../parts/dialog.js";
import { Filters } from "../../parts/filters.js";
import { Form, TextField } from "../../parts/form.js";
import { Loaded } from "../../parts/loaded.js";
import { notify, notifyProblem } from "../../parts/notices.js";
import { Section } from "../../parts/page.js";
import { Moment, State } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { Table } from "../../parts/table.js";

const TELLING = new Set(["GetConfiguration", "ChangeConfiguration"]);

/** @param {{params: {station_id: string}}} props */
export default function Configuration({ params: { station_id: id } }) {
  const [isBusy, setBusy] = useState(false);
  const refresh = async () => {
    setBusy(true);
    try {
      const { command_ids: ordered } = await post(at`/stations/${id}/configuration/refresh`);
      notify(t("configuration.ordered", { n: ordered.length }), { href: ordered.length === 1 ? to`commands/${ordered[0]}` : to`stations/${id}/commands` });
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setBusy(false);
    }
  };
  const actions = can("operator") && html`<${BusyButton} isBusy=${isBusy} onClick=${refresh}>${t("configuration.refresh")}<//>`;
  return html`<${StationFrame} id=${id} tab="configuration" actions=${actions}>${(/** @type {any} */ station) => html`<${Keys} station=${station} />`}<//>`;
}

/** @param {{station: any}} props */
function Keys({ station }) {
  const id = station.station_id;
  const [{ q = "" }] = useQuery();
  const [changing, setChanging] = useState(/** @type {{key: string, value: string} | null} */ (null));
  const concerns = (/** @type {any} */ event) => event.data?.station_id === id && (event.type !== "command.completed" || TELLING.has(event.data.action));
  const live = useLive(
    async (signal) => (await get(at`/stations/${id}/configuration`, {}, signal)).items,
    [id],
    reloadOn(["configuration.changed", "command.completed", "station.booted"], concerns),
  );
  // Templates are nobody's who is limited to some stations.
  const templates = useLive(async (signal) => (me.peek()?.scope ? [] : everything("/configuration-templates", {}, { signal })), []);
  const mayChange = can("operator");
  const columns = useMemo(() => [
    { key: "key", title: t("configuration.key"), show: (/** @type {any} */ one) => html`<code>${one.key}</code>` },
    { key: "value", title: t("configuration.value"), wide: true, show: (/** @type {any} */ one) => (one.known ? html`<code>${one.value ?? t("configuration.no_value")}</code>` : html`<span class="none">${t("configuration.not_known")}</span>`) },
    { key: "state", title: t("configuration.state"), show: (/** @type {any} */ one) => (one.reboot_required ? html`<${State} of="reboot_required" tone="busy" />` : one.last_change ? html`<${State} of=${one.last_change} />` : "–") },
    { key: "changed", title: t("configuration.changed"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.last_change_at} />` },
    { key: "known", title: t("configuration.known_at"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.known_at} />` },
    { key: "change", title: t("configuration.change_title"), show: (/** @type {any} */ one) => (one.readonly
      ? t("configuration.read_only")
      : mayChange && one.known ? html`<button type="button" class="quiet" onClick=${() => setChanging({ key: one.key, value: one.value ?? "" })} aria-label=${t("configuration.change_key", { key: one.key })}>${t("configuration.change")}</button>` : "") },
  ], [mayChange]);
  return html`<${Loaded} of=${live}>${(/** @type {any[]} */ items) => html`
    ${items.some((one) => one.reboot_required) && html`<p><${State} of="reboot_required" tone="busy" /> ${t("configuration.reboot_text")}
      ${mayChange && html` <a href=${to`stations/${id}/commands/Reset`}>${t("state.reset")}</a>`}</p>`}
    <${Wanted} templates=${templates} station=${station} items=${items} />
    <${Section} title=${t("configuration.known")} actions=${mayChange && html`<button type="button" onClick=${() => setChanging({ key: "", value: "" })}>${t("configuration.other_key")}</button>`}>
      <${Filters} filters=${[{ name: "q", label: t("configuration.find") }]} />
      <${Table} label=${t("configuration.known")} columns=${columns} keyOf=${(/** @type {any} */ one) => one.key}
        rows=${items.filter((one) => one.key.toLowerCase().includes(q.toLowerCase()))} empty=${t(items.length === 0 ? "configuration.empty" : "configuration.empty_filtered")} />
    <//>
    ${changing && html`<${Change} id=${id} begun=${changing} onClose=${() => setChanging(null)} />`}`}<//>`;
}

/** @param {{templates: any, station: any, items: any[]}} props */
function Wanted({ templates, station, items }) {
  return html`<${Loaded} of=${templates}>${(/** @type {any[]} */ all) => {
    const drift = driftOf(all, station, items);
    if (drift.length === 0) return null;
    const columns = [
      { key: "template", title: t("configuration.template"), show: (/** @type {any} */ one) => html`<a href=${to`templates/${one.template.template_id}`}>${one.template.name}</a>` },
      { key: "key", title: t("configuration.key"), show: (/** @type {any} */ one) => html`<code>${one.key}</code>` },
      { key: "wanted", title: t("configuration.wanted"), show: (/** @type {any} */ one) => html`<code>${one.wanted}</code>` },
      { key: "value", title: t("configuration.value"), show: (/** @type {any} */ one) => html`<code>${one.value ?? "–"}</code>` },
      { key: "state", title: t("configuration.state"), show: (/** @type {any} */ one) => html`<${State} of=${one.state} tone="busy" />` },
    ];
    return html`<${Section} title=${t("configuration.drift")}>
      <p class="hint">${t("configuration.drift_text")}</p>
      <${Table} label=${t("configuration.drift")} columns=${columns} rows=${drift} keyOf=${(/** @type {any} */ one) => `${one.template.template_id} ${one.key}`} />
    <//>`;
  }}<//>`;
}

/** @param {{id: string, begun: {key: string, value: string}, onClose: () => void}} props */
function Change({ id, begun, onClose }) {
  const [key, setKey] = useState(begun.key);
  const [value, setValue] = useState(begun.value);
  const [done, setDone] = useState(/** @type {any} */ (null));
  const send = async () => {
    const command = await post(at`/stations/${id}/commands/ChangeConfiguration`, { key, value }, { query: { wait: 30 } });
    if (command.accepted && command.response?.status === "Accepted") {
      notify(t("configuration.done", { key, value }));
      onClose();
    } else setDone(command);
  };
  return html`<${Dialog} title=${begun.key ? t("configuration.change_key", { key: begun.key }) : t("configuration.other_key")} onClose=${onClose}>
    <${Form} onSubmit=${send} submit=${t("configuration.submit")} actions=${html`<button type="button" onClick=${onClose}>${t(done ? "action.close" : "action.cancel")}</button>`}>
      ${!begun.key && html`<${TextField} label=${t("configuration.key")} name="key" value=${key} onChange=${setKey} required maxLength=${50} />`}
      <${TextField} label=${t("configuration.value")} name="value" value=${value} onChange=${setValue} maxLength=${500} hint=${t("configuration.value_hint")} />
      ${done && html`<p role="status"><${CommandState} of=${done} /> ${done.response?.status ?? done.error?.description ?? ""}
        ${" "}<a href=${to`commands/${done.command_id}`}>${t("configuration.to_command")}</a></p>`}
    <//>
  <//>`;
}
