// What an operator sees first: what needs attention, then the fleet in figures.

import { get } from "../lib/api.js";
import { RELOAD, useEvery, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { hasText, t, word } from "../lib/text.js";
import { localTime } from "../lib/times.js";
import { count, energy, power } from "../lib/units.js";
import { html, useMemo } from "../lib/view.js";
import { Bars, Parts } from "../parts/bars.js";
import { Loaded } from "../parts/loaded.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Ago, Moment, State } from "../parts/shown.js";

const TOGETHER_MS = 4000;
// Hours and days pass without events, too.
const ANEW_MS = 60_000;

/**
 * Where each kind is listed, and where one of it is shown.
 * @type {Record<string, {list: string, one: (id: string) => string | null, name?: boolean, isUrgent?: boolean}>}
 *   `name`: its id says something to people
 */
const KINDS = {
  stations_faulted: { list: "stations?status=Faulted", one: (id) => to`stations/${id}`, name: true, isUrgent: true },
  stations_offline: { list: "stations?online=false&registration_status=accepted", one: (id) => to`stations/${id}`, name: true },
  refusals: { list: "refusals", one: (id) => to`stations/${id}/refusals`, name: true },
  quarantine: { list: "quarantine", one: () => null },
  parked: { list: "parked?replayed=false", one: () => null },
  commands_failed: { list: "commands", one: (id) => to`commands/${id}` },
  rollouts_stopped: { list: "rollouts", one: (id) => to`rollouts/${id}` },
  security_events: { list: "security-events?critical=true", one: () => null, isUrgent: true },
  system: { list: "system-events?level=error", one: () => null, isUrgent: true },
};
/** By what is most of interest; what a connector's status is called in lists. */
const CONNECTORS = [
  ["charging", "Charging"], ["preparing", "Preparing"], ["suspended", null], ["finishing", "Finishing"],
  ["reserved", "Reserved"], ["available", "Available"], ["unavailable", "Unavailable"], ["faulted", "Faulted"],
];

export default function Overview() {
  const overview = useLive((signal) => get("/overview", {}, signal), [], () => RELOAD, { everyMs: TOGETHER_MS });
  useEvery(ANEW_MS, overview.reload);
  return html`<${Page} title=${t("overview.title")} subtitle=${overview.data && html`<span class="none">${t("overview.as_of")} <${Moment} at=${overview.data.time} short /></span>`}>
    <${Loaded} of=${overview}>${(/** @type {any} */ data) => html`
      ${data.away.length > 0 && html`<div class="problem" role="status"><p>${t("overview.away", { services: data.away.join(", ") })}</p></div>`}
      <${Section} title=${t("overview.attention")}><${Attention} of=${data} /><//>
      <${Figures} of=${data} />
      <div class="columns">
        <${Section} title=${t("overview.energy")}>${data.energy_by_hour ? html`<${Energy} hours=${data.energy_by_hour} />` : html`<${NotKnown} />`}<//>
        <${Section} title=${t("overview.connectors")}>${data.connectors ? html`<${Connectors} of=${data.connectors} />` : html`<${NotKnown} />`}<//>
      </div>`}<//>
  <//>`;
}

const NotKnown = () => html`<p class="none">${t("overview.not_known")}</p>`;

/** @param {{of: any}} props */
function Attention({ of: { attention, away, stations } }) {
  if (attention.length === 0)
    return html`<p>${away.length > 0 ? t("overview.nothing_known") : html`<${State} of=${t("overview.all_well")} tone="good" />`}
      ${stations?.total === 0 && html` ${t("overview.no_stations")} <a href="stations">${t("stations.title")}</a>`}</p>`;
  return html`<ul class="attention">${attention.map((/** @type {any} */ one) => html`<${Kind} key=${one.kind} of=${one} />`)}</ul>`;
}

/** @param {{of: {kind: string, count: number, count_is_bound: boolean, since: string, examples: {id: string, at: string, text: string}[]}}} props */
function Kind({ of: one }) {
  const known = KINDS[one.kind];
  // A newer suite may tell of kinds that are not known here.
  const name = hasText(`attention.${one.kind}`) ? t(`attention.${one.kind}`, { n: one.count }) : word(one.kind);
  return html`<li class=${known?.isUrgent ? "urgent" : ""}>
    <b>${count(one.count)}${one.count_is_bound ? "+" : ""}</b>
    <div>${known ? html`<a href=${known.list}>${name}</a>` : name} <span class="none">· ${t(one.count === 1 ? "overview.at" : "overview.since")} <${Ago} at=${one.since} /></span></div>
    <div class="examples">${one.examples.map((example) => html`<span key=${example.id}><${Example} of=${example} known=${known} /></span>`)}</div>
  </li>`;
}

/** @param {{of: {id: string, at: string, text: string}, known: typeof KINDS[string] | undefined}} props */
function Example({ of: { id, text }, known }) {
  const href = known?.one(id) ?? null;
  const name = known?.name ? id : text || id;
  return html`${href ? html`<a href=${href}>${name}</a>` : name}${known?.name && text && text !== id ? ` ${text}` : ""}`;
}

/** @param {{of: any}} props */
const Figures = ({ of: { stations, connectors, sessions, bills } }) => html`<${Section} title=${t("overview.now")}>
  <div class="overview"><div class="figures">
    <${Figure} href="stations?online=true" value=${stations && t("overview.of", { n: count(stations.online), all: count(stations.total) })} name=${t("overview.online")} />
    <${Figure} href="stations?status=Charging" value=${connectors && count(connectors.charging)} name=${t("overview.charging")} />
    <${Figure} href="transactions?status=active" value=${sessions && count(sessions.active)} name=${t("overview.active")} />
    <${Figure} value=${sessions && power(sessions.power_w)} name=${t("overview.power")} />
    <${Figure} value=${sessions && energy(sessions.energy_today_wh)} name=${t("overview.today")} />
    <${Figure} href=${sessions && `transactions?from=${encodeURIComponent(sessions.today_from)}`} value=${sessions && count(sessions.started_today)} name=${t("overview.started_today")} />
    <${Figure} href="bills" value=${bills && `${count(bills.held)}${bills.held_is_bound ? "+" : ""}`} name=${t("overview.held")} />
  </div></div>
  ${stations && (stations.unconfirmed > 0 || stations.pending > 0 || stations.rejected > 0) && html`<div class="overview also"><${Facts} rows=${[
    stations.unconfirmed > 0 && [t("overview.unconfirmed"), count(stations.unconfirmed)],
    stations.pending > 0 && [t("overview.pending"), html`<a href="stations?registration_status=pending">${count(stations.pending)}</a>`],
    stations.rejected > 0 && [t("overview.rejected"), html`<a href="stations?registration_status=rejected">${count(stations.rejected)}</a>`],
  ]} /></div>`}
<//>`;

/** @param {{value: any, name: string, href?: string | null}} props */
const Figure = ({ value, name, href }) => {
  const content = html`<b>${value ?? "–"}</b><span>${name}</span>`;
  return href ? html`<a class="figure" href=${href}>${content}</a>` : html`<div class="figure">${content}</div>`;
};

/** @param {{hours: {hour: string, energy_wh: number, sessions: number}[]}} props */
function Energy({ hours }) {
  const bars = useMemo(() => hours.map(({ hour, energy_wh, sessions }, n) => ({
    key: hour, title: hourOf(hour), value: energy_wh, shown: energy(energy_wh), sessions, isOpen: n === hours.length - 1,
  })), [hours]);
  return html`<${Bars} label=${t("overview.energy")} bars=${bars} greatest=${energy} columns=${[
      { key: "hour", title: t("overview.hour"), show: (/** @type {any} */ bar) => html`<${Moment} at=${bar.key} />` },
      { key: "energy", title: t("transactions.energy"), number: true, show: (/** @type {any} */ bar) => bar.shown },
      { key: "sessions", title: t("overview.sessions"), number: true, show: (/** @type {any} */ bar) => count(bar.sessions) },
    ]} /><p class="hint">${t("overview.energy_hint")}</p>`;
}

/** An hour as its bar names it. @param {string} at */
const hourOf = (at) => localTime(at).replace(/:\d\d(?=$| )/, "");

/** @param {{of: Record<string, number>}} props */
const Connectors = ({ of: counts }) => html`<${Parts} label=${t("overview.connectors")} nameTitle=${t("overview.connector_status")} valueTitle=${t("overview.connectors")}
  parts=${CONNECTORS.map(([key, status]) => {
    const name = t(`overview.connector.${key}`);
    return { key, value: counts[/** @type {string} */ (key)] ?? 0, name: status ? html`<a href=${`stations?status=${status}`}>${name}</a>` : name };
  })} />`;
