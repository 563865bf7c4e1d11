// A station now: its connectors, what runs at them, and what it is.

import { get } from "../../lib/api.js";
import { RELOAD, useLive } from "../../lib/live.js";
import { to } from "../../lib/router.js";
import { can, me } from "../../lib/session.js";
import { t, word } from "../../lib/text.js";
import { count, duration, energy, percent, power } from "../../lib/units.js";
import { html, useEffect, useMemo, useState } from "../../lib/view.js";
import { commandHref } from "../../parts/command_link.js";
import { deviation } from "../../parts/deviation.js";
import { Loaded } from "../../parts/loaded.js";
import { Facts, Section } from "../../parts/page.js";
import { PowerCurve } from "../../parts/power_curve.js";
import { Advice, refusalTitle } from "../../parts/refusal_advice.js";
import { Ago, Moment, State } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { Table } from "../../parts/table.js";

/** @param {{params: {station_id: string}}} props */
export default function StationState({ params: { station_id: id } }) {
  const actions = can("operator") && html`
    <a class="button" href=${commandHref(id, "Reset", { type: "Soft" })}>${t("state.reset")}</a>
    <a class="button" href=${commandHref(id, "TriggerMessage")}>${t("state.trigger")}</a>
    <a class="button primary" href=${to`stations/${id}/commands`}>${t("state.send")}</a>`;
  const gone = html`<p><a href=${to`stations/${id}/refusals`}>${t("state.gone_refusals")}</a></p>`;
  return html`<${StationFrame} id=${id} tab="state" actions=${actions} without=${gone}>${(/** @type {any} */ station) => html`
    <${Refused} station=${station} />
    <${Connectors} station=${station} />
    <${Sessions} id=${id} />
    <${About} station=${station} />
    <${Tolerated} station=${station} />`}<//>`;
}

/** Why it was turned away last, unless it got in since. @param {{station: any}} props */
function Refused({ station }) {
  const refusal = station.last_refusal;
  if (!refusal || (station.connection && station.connection.connected_at > refusal.last_at)) return null;
  const title = refusalTitle(refusal);
  // A refusal's page is nobody's who is limited to some stations.
  const isLimited = Boolean(me.peek()?.scope);
  return html`<div class="problem">
    <p><b>${isLimited ? title : html`<a href=${to`refusals/${refusal.id}`}>${title}</a>`}</b> (<${Ago} at=${refusal.last_at} />, ${t("state.refused_times", { n: refusal.times })})</p>
    <p>${refusal.detail}</p>
    <${Advice} of=${refusal} />
    <p><a href=${to`stations/${station.station_id}/refusals`}>${t("state.refused_all")}</a></p>
  </div>`;
}

/** @param {{station: any}} props */
function Connectors({ station }) {
  const id = station.station_id;
  const mayAct = can("operator");
  const rows = useMemo(
    () => [...station.connectors].sort((/** @type {any} */ a, /** @type {any} */ b) => (a.evse_id ?? 0) - (b.evse_id ?? 0) || a.connector_id - b.connector_id),
    [station.connectors],
  );
  /** @type {import("../../parts/table.js").Column[]} */
  const columns = [
    { key: "connector", title: t("state.connector"), show: (one) => (one.connector_id === 0 ? t("state.whole_station") : connectorName(one)) },
    { key: "status", title: t("state.status"), show: (one) => html`<${State} of=${one.status} />` },
    { key: "error", title: t("state.error"), show: errorOf },
    { key: "since", title: t("state.since"), show: (one) => html`<${Ago} at=${one.updated_at} />` },
    { key: "transaction", title: t("state.transaction"), show: (one) => one.transaction_id && html`<a href=${to`transactions/${one.transaction_id}`}>${one.transaction_id}</a>` },
    { key: "availability", title: t("state.availability"), show: availabilityOf },
    { key: "hardware", title: t("state.hardware"), show: (one) => [one.plug_type && word(one.plug_type), one.max_power_w && power(one.max_power_w)].filter(Boolean).join(", ") || "–" },
    ...(mayAct ? [{ key: "actions", title: t("state.actions"), show: (/** @type {any} */ one) => html`<${ConnectorActions} id=${id} connector=${one} />` }] : []),
  ];
  return html`<${Section} title=${t("state.connectors")}>
    <${Table} label=${t("state.connectors")} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ one) => `${one.evse_id}/${one.connector_id}`}
      empty=${station.online ? t("state.no_connectors_online") : t("state.no_connectors")} />
  <//>`;
}

/** @param {any} one */
const connectorName = (one) => (one.evse_id && one.evse_id !== one.connector_id ? t("state.evse_connector", { evse: one.evse_id, connector: one.connector_id }) : String(one.connector_id));

/** @param {any} one */
function errorOf(one) {
  const said = [one.error_code === "NoError" ? null : one.error_code, one.info, one.vendor_error_code].filter(Boolean);
  return said.length === 0 ? "–" : html`<span class=${one.error_code === "NoError" ? "" : "wrong"}>${said.join(" · ")}</span>`;
}

/** @param {any} one */
const availabilityOf = (one) => (one.availability
  ? html`<${State} of=${one.availability} tone=${one.availability === "Operative" ? "good" : "bad"} /> ${one.availability_scheduled ? t("state.scheduled") : ""}`
  : "–");

/** @param {{id: string, connector: any}} props */
function ConnectorActions({ id, connector }) {
  const n = connector.connector_id;
  const turn = connector.availability === "Inoperative" ? "Operative" : "Inoperative";
  return html`<span class="links">
    ${n > 0 && (connector.transaction_id
      ? html`<a href=${commandHref(id, "RemoteStopTransaction", { transactionId: connector.transaction_id })}>${t("state.stop")}</a>`
      : html`<a href=${commandHref(id, "RemoteStartTransaction", { connectorId: n })}>${t("state.start")}</a>`)}
    ${n > 0 && html`<a href=${commandHref(id, "UnlockConnector", { connectorId: n })}>${t("state.unlock")}</a>`}
    <a href=${commandHref(id, "ChangeAvailability", { connectorId: n, type: turn })}>${t(turn === "Operative" ? "state.operative" : "state.inoperative")}</a>
  </span>`;
}

/** @param {{id: string}} props */
function Sessions({ id }) {
  const live = useLive(
    async (signal) => (await get("/transactions", { station_id: id, status: "active", limit: 100 }, signal)).items,
    [id],
    (running, events) => {
      let changed = running;
      for (const { type, data } of events) {
        if (data?.station_id !== id) continue;
        if (type === "transaction.started" || type === "transaction.stopped" || type === "transaction.corrected") return RELOAD;
        if (type === "transaction.updated")
          changed = changed.map((/** @type {any} */ one) => (one.transaction_id === data.transaction_id
            ? { ...one, live: { energy_wh: data.energy_wh, power_w: data.power_w, soc_percent: data.soc_percent, measured_at: data.measured_at } }
            : one));
      }
      return changed;
    },
  );
  return html`<${Loaded} of=${live}>${(/** @type {any[]} */ running) => running.map((one) => html`<${Session} key=${one.transaction_id} transaction=${one} />`)}<//>`;
}

/** @param {{transaction: any}} props */
function Session({ transaction: one }) {
  const title = t("state.session", { connector: one.connector_id, transaction: one.transaction_id });
  const actions = html`<a class="button" href=${to`transactions/${one.transaction_id}`}>${t("state.session_page")}</a>
    ${can("operator") && html`<a class="button" href=${commandHref(one.station_id, "RemoteStopTransaction", { transactionId: one.transaction_id })}>${t("state.stop")}</a>`}`;
  return html`<${Section} title=${title} actions=${actions}>
    <div class="figures">
      <span class="figure"><span>${t("station.power")}</span><b>${power(one.live?.power_w)}</b></span>
      <span class="figure"><span>${t("state.energy")}</span><b>${energy(one.live?.energy_wh)}</b></span>
      ${one.live?.soc_percent != null && html`<span class="figure"><span>${t("state.soc")}</span><b>${percent(one.live.soc_percent)}</b></span>`}
      <span class="figure"><span>${t("state.lasts")}</span><b><${Lasting} since=${one.started_at} /></b></span>
    </div>
    <${Facts} rows=${[
      [t("state.id_token"), html`<a href=${to`id-tokens/${one.id_token}`}>${one.id_token}</a>`],
      [t("state.started"), html`<${Moment} at=${one.started_at} />`],
      [t("state.measured"), html`<${Ago} at=${one.live?.measured_at} />`],
    ]} />
    <${PowerCurve} transaction=${one.transaction_id} label=${t("state.power_of", { transaction: one.transaction_id })} />
  <//>`;
}

/** @param {{since: string}} props */
function Lasting({ since }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  return html`${duration((now - Date.parse(since)) / 1000)}`;
}

/** @param {{station: any}} props */
function About({ station }) {
  const connection = station.connection;
  const yes = (/** @type {boolean} */ said) => t(said ? "state.yes" : "state.no");
  return html`<${Section} title=${t("state.about")}>
    <${Facts} rows=${[
      [t("state.vendor"), [station.vendor, station.model].filter(Boolean).join(" ") || null],
      [t("state.firmware"), station.firmware_version],
      [t("state.serial_number"), station.serial_number],
      [t("state.site"), station.site_id && html`<a href=${to`sites/${station.site_id}`}>${station.site_id}</a>`],
      [t("state.tags"), station.tags?.length > 0 ? station.tags.join(", ") : null],
      [t("state.registration"), html`<${State} of=${station.registration_status} />`],
      [t("state.last_seen"), html`<${Ago} at=${station.last_seen_at} />`],
      [t("state.last_boot"), html`<${Moment} at=${station.last_boot_at} />`],
      [t("state.connected"), connection ? html`<${Moment} at=${connection.connected_at} />` : null],
      [t("state.remote_address"), connection?.remote_address],
      [t("state.gateway"), connection?.gateway_id],
      [t("state.ocpp"), station.ocpp_version && word(station.ocpp_version)],
      [t("state.security_profile"), String(station.security_profile)],
      [t("state.password"), station.password_change_pending ? t("state.password_pending") : yes(station.has_password)],
      [t("state.heartbeat"), station.heartbeat_interval ? duration(station.heartbeat_interval) : t("state.default")],
      [t("state.strict"), yes(station.strict)],
      [t("state.phases"), station.phase_count && count(station.phase_count)],
      [t("state.max_current"), station.max_current_a && `${station.max_current_a} A`],
      station.iccid && ["ICCID", station.iccid],
      station.imsi && ["IMSI", station.imsi],
      station.installed_on && [t("state.installed_on"), station.installed_on],
      station.commissioned_on && [t("state.commissioned_on"), station.commissioned_on],
      [t("state.created"), html`<${Moment} at=${station.created_at} />`],
    ]} />
  <//>`;
}

/** @param {{station: any}} props */
function Tolerated({ station }) {
  const counts = Object.entries(station.tolerated ?? {}).sort((a, b) => b[1] - a[1]);
  if (counts.length === 0) return null;
  const columns = [
    { key: "name", title: t("state.deviation"), show: (/** @type {any} */ [name]) => deviation(name), wide: true },
    { key: "times", title: t("state.times"), show: (/** @type {any} */ [, times]) => count(times), number: true },
  ];
  return html`<${Section} title=${t("state.tolerated")} actions=${html`<a href=${`${to`stations/${station.station_id}/messages`}?level=warning`}>${t("state.tolerated_frames")}</a>`}>
    <p class="hint">${t("state.tolerated_text")}</p>
    <${Table} label=${t("state.tolerated")} columns=${columns} rows=${counts} keyOf=${(/** @type {any} */ [name]) => name} />
  <//>`;
}
