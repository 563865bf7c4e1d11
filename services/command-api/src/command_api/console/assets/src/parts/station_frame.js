// What all pages about one station have around them: its name, whether it is there, the way to the others.

import { at, get } from "../lib/api.js";
import { RELOAD, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { ProblemNotice, Loading } from "./loaded.js";
import { Page, Tabs } from "./page.js";
import { Presence, State } from "./shown.js";

/** @type {[string, string, string?][]} key, path below the station's, the least role */
const TABS = [
  ["state", ""],
  ["timeline", "timeline"],
  ["messages", "messages"],
  ["commands", "commands"],
  ["configuration", "configuration"],
  ["jobs", "jobs"],
  ["reservations", "reservations"],
  ["local_list", "local-list"],
  ["charging", "charging"],
  ["certificates", "certificates"],
  ["refusals", "refusals"],
  ["settings", "settings", "admin"],
];
// Of a station's events, those that say nothing about what is shown of itself.
const ELSEWHERE = new Set(["transaction.updated", "transaction.corrected", "connector.out_of_service", "quarantine.added"]);
const ELSEWHERE_DOMAINS = new Set(["job", "reservation", "charging_profile", "certificate", "meter_values"]);
// Commands that change what a station is said to be.
const TELLING = new Set(["ChangeAvailability", "ChangeConfiguration"]);

/** @param {string} id */
export const stationHref = (id) => to`stations/${id}`;

/** The station, kept as it is now. @param {string} id */
function useStation(id) {
  return useLive((signal) => get(at`/stations/${id}`, {}, signal), [id], (station, events) => {
    let changed = station;
    for (const event of events) {
      const { data } = event;
      if (data?.station_id !== id || ELSEWHERE.has(event.type) || ELSEWHERE_DOMAINS.has(event.type.split(".")[0])) continue;
      if (event.type === "configuration.changed") {
        // The end of a change of its password.
        if (data.configuration_key === "AuthorizationKey") return RELOAD;
      } else if (event.type === "command.completed") {
        if (TELLING.has(data.action)) return RELOAD;
      } else if (event.type === "connector.status_changed") {
        if (!changed.connectors.some((/** @type {any} */ one) => one.connector_id === data.connector_id)) return RELOAD;
        changed = withConnector(changed, data.connector_id, {
          status: data.status, error_code: data.error_code, info: data.info, vendor_error_code: data.vendor_error_code, updated_at: event.time,
        });
      } else if (event.type === "transaction.started") {
        changed = withConnector(changed, data.connector_id, { transaction_id: data.transaction_id });
      } else if (event.type === "transaction.stopped") {
        const connector = changed.connectors.find((/** @type {any} */ one) => one.transaction_id === data.transaction_id);
        if (connector) changed = withConnector(changed, connector.connector_id, { transaction_id: null });
      } else return RELOAD;
    }
    return changed;
  });
}

/** @param {any} station @param {number} connector @param {Record<string, unknown>} change */
const withConnector = (station, connector, change) => ({
  ...station,
  connectors: station.connectors.map((/** @type {any} */ one) => (one.connector_id === connector ? { ...one, ...change } : one)),
});

/**
 * `children` gets the station, and how to have it read anew. Where there is no such station (any
 * more), `without` is shown below the message, if there is something left to show.
 * @param {{id: string, tab: string, actions?: any, without?: any, children: (station: any, reload: () => void) => any}} props
 */
export function StationFrame({ id, tab, actions, without, children }) {
  const live = useStation(id);
  const station = live.data;
  const show = Array.isArray(children) ? children[0] : children;
  const tabs = TABS.filter(([, , role]) => !role || can(role)).map(([key, path]) => ({
    href: path ? `${stationHref(id)}/${path}` : stationHref(id), text: t(`station.tab.${key}`), current: key === tab,
  }));
  const crumbs = [{ href: "stations", text: t("station.all") }];
  const subtitle = station && html`<${Presence} online=${station.online} unconfirmed=${station.online_unconfirmed} />
    ${station.registration_status !== "accepted" && html`<${State} of=${station.registration_status} />`}
    ${station.display_name && html`<code>${id}</code>`}`;
  return html`<${Page} title=${station?.display_name || id} subtitle=${subtitle} crumbs=${crumbs} actions=${actions}>
    <${Tabs} label=${t("station.tabs")} tabs=${tabs} />
    ${live.problem && html`<${ProblemNotice} problem=${live.problem} onRetry=${live.reload} />`}
    ${station ? show(station, live.reload) : live.problem ? without : html`<${Loading} />`}
  <//>`;
}
