// Smart charging at one station: the profiles that it holds, and what they add up to.

import { at, get } from "../../lib/api.js";
import { reloadOn, useLive, usePages } from "../../lib/live.js";
import { to, useQuery } from "../../lib/router.js";
import { can } from "../../lib/session.js";
import { t, word } from "../../lib/text.js";
import { rfc3339 } from "../../lib/times.js";
import { count, duration, quantity } from "../../lib/units.js";
import { html, useMemo, useState } from "../../lib/view.js";
import { commandHref } from "../../parts/command_link.js";
import { Curve } from "../../parts/curve.js";
import { Dialog } from "../../parts/dialog.js";
import { choices, Filters } from "../../parts/filters.js";
import { Loaded } from "../../parts/loaded.js";
import { Section } from "../../parts/page.js";
import { Json, Moment, State } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { More, Table } from "../../parts/table.js";

const STATES = ["waiting", "installed", "replaced", "cleared", "ended", "unused"];
const HOUR_S = 3600;
const SPANS = [1, 4, 12, 24, 48].map((hours) => hours * HOUR_S);

/** @param {{params: {station_id: string}}} props */
export default function Charging({ params: { station_id: id } }) {
  const actions = can("operator") && html`
    <a class="button" href=${commandHref(id, "ClearChargingProfile")}>${t("charging.clear")}</a>
    <a class="button primary" href=${commandHref(id, "SetChargingProfile")}>${t("charging.set")}</a>`;
  return html`<${StationFrame} id=${id} tab="charging" actions=${actions}>${(/** @type {any} */ station) => html`
    <${Schedule} station=${station} /><${Profiles} station=${station} />`}<//>`;
}

/** @param {any} station */
const connectorsOf = (station) => station.connectors.map((/** @type {any} */ one) => one.connector_id).sort((/** @type {number} */ a, /** @type {number} */ b) => a - b);
/** @param {number} connector */
const connectorText = (connector) => (connector === 0 ? t("state.whole_station") : t("charging.connector", { connector }));

/** @param {{station: any}} props */
function Schedule({ station }) {
  const id = station.station_id;
  const connectors = connectorsOf(station);
  const [query] = useQuery();
  const connector = Number(query.connector ?? connectors.find((/** @type {number} */ one) => one > 0) ?? 0);
  const span = Number(query.span ?? SPANS[3]);
  const unit = query.unit ?? "A";
  const live = useLive(
    (signal) => get(at`/stations/${id}/composite-schedule`, { connector_id: connector, duration: span, unit }, signal),
    [id, connector, span, unit],
    reloadOn(["charging_profile", "transaction.started", "transaction.stopped", "command.completed"], (event) =>
      event.data?.station_id === id && (event.type !== "command.completed" || event.data.action === "GetCompositeSchedule")),
  );
  const ask = can("operator") && html`<a class="button" href=${commandHref(id, "GetCompositeSchedule", { connectorId: connector, duration: span, chargingRateUnit: unit })}>${t("charging.ask")}</a>`;
  return html`<${Section} title=${t("charging.schedule")} actions=${ask}>
    <p class="hint">${t("charging.schedule_text")}</p>
    <form class="filters" onSubmit=${(/** @type {Event} */ e) => e.preventDefault()}>
      <${Choice} label=${t("state.connector")} name="connector" value=${String(connector)} options=${choices(connectors.map(String), (one) => connectorText(Number(one)))} />
      <${Choice} label=${t("charging.span")} name="span" value=${String(span)} options=${choices(SPANS.map(String), (one) => duration(Number(one)))} />
      <${Choice} label=${t("charging.unit")} name="unit" value=${unit} options=${choices(["A", "W"], (one) => t(`charging.unit.${one}`))} />
    </form>
    <${Loaded} of=${live}>${(/** @type {any} */ found) => html`
      <h3>${t("charging.now", { connector: connectorText(connector) })}</h3>
      <${Limits} label=${t("charging.computed")} schedules=${[{ name: t("charging.computed"), ...found.computed }]} />
      ${found.reported && html`<${Reported} reported=${found.reported} />`}`}<//>
  <//>`;
}

/** One of several in the address; unlike a filter, one always counts. @param {{label: string, name: string, value: string, options: {value: string, text: string}[]}} props */
function Choice({ label, name, value, options }) {
  const [, change] = useQuery();
  return html`<label>${label}<select onChange=${(/** @type {any} */ e) => change({ [name]: e.currentTarget.value })}>
    ${options.map((one) => html`<option key=${one.value} value=${one.value} selected=${one.value === value}>${one.text}</option>`)}</select></label>`;
}

/** @param {{reported: any}} props */
function Reported({ reported }) {
  const schedule = reported.response.chargingSchedule;
  // As the station wrote it, which may be no time.
  const start = rfc3339(reported.response.scheduleStart ?? schedule?.startSchedule ?? "") ?? reported.answered_at;
  const computed = reported.computed;
  const unit = schedule?.chargingRateUnit;
  const columns = [
    { key: "from", title: t("charging.from"), show: (/** @type {any} */ one) => html`<${Moment} at=${rfc3339(Date.parse(start) + one.start_period * 1000)} />` },
    { key: "computed", title: t("charging.computed"), number: true, show: (/** @type {any} */ one) => limitText(one.computed, unit) },
    { key: "reported", title: t("charging.reported"), number: true, show: (/** @type {any} */ one) => limitText(one.reported, unit) },
    { key: "kind", title: t("charging.difference"), wide: true, show: (/** @type {any} */ one) => html`<${State} of=${t(`charging.difference.${one.kind}`)} tone=${one.kind === "higher" ? "bad" : "busy"} />` },
  ];
  return html`<h3>${t("charging.as_reported")} <${Moment} at=${reported.answered_at} /></h3>
    ${schedule
      ? html`<${Limits} label=${t("charging.reported")} schedules=${[
          { name: t("charging.reported"), start_at: start, duration: schedule.duration ?? computed?.duration ?? HOUR_S, unit,
            periods: schedule.chargingSchedulePeriod.map((/** @type {any} */ one) => ({ start_period: one.startPeriod, limit: one.limit })) },
          ...(computed && computed.unit === unit ? [{ name: t("charging.computed"), ...computed }] : []),
        ]} />
        ${reported.differences.length > 0
          ? html`<${Table} label=${t("charging.differences")} columns=${columns} rows=${reported.differences} keyOf=${(/** @type {any} */ one) => String(one.start_period)} />`
          : html`<p>${t("charging.no_differences")}</p>`}`
      : html`<p>${t("charging.reported_none")} <a href=${to`commands/${reported.command_id}`}>${t("charging.to_answer")}</a></p>`}`;
}

/**
 * Limits over time; where there is none, the line has a gap.
 * @param {{label: string, schedules: {name: string, start_at: string, duration: number, unit: string, periods: {start_period: number, limit: number | null}[]}[]}} props
 */
function Limits({ label, schedules }) {
  if (schedules.every((one) => one.periods.every((period) => period.limit === null))) return html`<p>${t("charging.no_limit")}</p>`;
  const series = schedules.map((one) => {
    const start = Date.parse(one.start_at);
    /** @type {[number, number | null][]} */
    const points = one.periods.map((period) => [start + period.start_period * 1000, period.limit]);
    points.push([start + one.duration * 1000, one.periods.at(-1)?.limit ?? null]);
    return { name: one.name, points, stepped: true };
  });
  return html`<${Curve} series=${series} unit=${schedules[0].unit} label=${label} />`;
}

/** @param {number | null} limit @param {string} unit */
const limitText = (limit, unit) => (limit === null ? t("charging.unlimited") : quantity(limit, unit));

/** @param {{station: any}} props */
function Profiles({ station }) {
  const id = station.station_id;
  const [{ connector_id: connector, state }] = useQuery();
  const [shown, setShown] = useState(/** @type {any} */ (null));
  const pages = usePages(
    ({ cursor }, signal) => get(at`/stations/${id}/charging-profiles`, { connector_id: connector, state, cursor, limit: 100 }, signal),
    [id, connector, state],
    reloadOn(["charging_profile"], (event) => event.data?.station_id === id),
  );
  const mayClear = can("operator");
  const columns = useMemo(() => [
    { key: "id", title: t("charging.profile"), show: (/** @type {any} */ one) => html`<button type="button" class="quiet" onClick=${() => setShown(one)} aria-label=${t("charging.show_profile", { profile: one.profile_id })}>${one.profile_id}</button>` },
    { key: "purpose", title: t("charging.purpose"), show: (/** @type {any} */ one) => word(one.purpose) },
    { key: "connector", title: t("state.connector"), show: (/** @type {any} */ one) => (one.connector_id === null ? "–" : connectorText(one.connector_id)) },
    { key: "stack", title: t("charging.stack_level"), number: true, show: (/** @type {any} */ one) => count(one.stack_level) },
    { key: "state", title: t("charging.state"), show: (/** @type {any} */ one) => html`<${State} of=${one.state} />` },
    { key: "limits", title: t("charging.limits"), show: limitsOf },
    { key: "transaction", title: t("state.transaction"), show: (/** @type {any} */ one) => one.transaction_id && html`<a href=${to`transactions/${one.transaction_id}`}>${one.transaction_id}</a>` },
    { key: "sent", title: t("charging.sent"), show: (/** @type {any} */ one) => html`<a href=${to`commands/${one.command_id}`}><${Moment} at=${one.sent_at} /></a>` },
    ...(mayClear ? [{ key: "clear", title: t("state.actions"), show: (/** @type {any} */ one) => (one.state === "installed"
      ? html`<a href=${commandHref(id, "ClearChargingProfile", { id: one.profile_id })} aria-label=${t("charging.clear_profile", { profile: one.profile_id })}>${t("charging.clear_one")}</a>` : "") }] : []),
  ], [mayClear, id]);
  return html`<${Section} title=${t("charging.profiles")}>
    <${Filters} filters=${[
      { name: "connector_id", label: t("state.connector"), kind: "choice", options: choices(connectorsOf(station).map(String), (one) => connectorText(Number(one))) },
      { name: "state", label: t("charging.state"), kind: "choice", options: choices(STATES, word) },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("charging.profiles")} columns=${columns} rows=${pages.items ?? []}
      keyOf=${(/** @type {any} */ one) => `${one.command_id} ${one.profile_id}`} empty=${t(state ? "charging.empty_filtered" : "charging.empty")} />`}<//>
    <${More} of=${pages} />
    ${shown && html`<${Dialog} wide title=${t("charging.show_profile", { profile: shown.profile_id })} onClose=${() => setShown(null)}>
      <${Json} value=${shown.profile} />
      <div class="actions"><button type="button" onClick=${() => setShown(null)}>${t("action.close")}</button></div><//>`}
  <//>`;
}

/** The lowest and the highest limit of a profile. @param {any} one */
function limitsOf(one) {
  const schedule = one.profile.chargingSchedule;
  const limits = (schedule?.chargingSchedulePeriod ?? []).map((/** @type {any} */ period) => period.limit);
  if (limits.length === 0) return "–";
  const [least, most] = [Math.min(...limits), Math.max(...limits)];
  const text = (/** @type {number} */ limit) => quantity(limit, schedule.chargingRateUnit);
  return least === most ? text(least) : `${text(least)} – ${text(most)}`;
}
