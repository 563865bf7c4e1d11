// The columns of lists of stations.

import { to } from "../lib/router.js";
import { t, word } from "../lib/text.js";
import { power } from "../lib/units.js";
import { html } from "../lib/view.js";
import { ConnectorStates, worstOf } from "./connector_states.js";
import { Ago, Moment, Presence, State } from "./shown.js";

/**
 * All that a list of stations can show.
 * @param {Map<string, any>} sites @param {import("./fleet.js").Sessions} sessions
 * @returns {import("./columns.js").ChosenColumn[]}
 */
export const stationColumns = (sites, sessions) => [
  { key: "station_id", title: t("stations.id"), isFixed: true, sort: (row) => row.station_id,
    show: (row) => html`<a href=${to`stations/${row.station_id}`}>${row.station_id}</a>` },
  { key: "display_name", title: t("stations.display_name"), sort: (row) => row.display_name, show: (row) => row.display_name },
  { key: "online", title: t("stations.presence"), sort: (row) => (row.online_unconfirmed ? 1 : row.online ? 0 : 2),
    show: (row) => html`<${Presence} online=${row.online} unconfirmed=${row.online_unconfirmed} />` },
  { key: "connectors", title: t("stations.connectors"), sort: worstOf, show: (row) => html`<${ConnectorStates} station=${row} />` },
  { key: "sessions", title: t("stations.sessions"), sort: (row) => powerOf(sessions.get(row.station_id)),
    show: (row) => html`<${SessionLinks} of=${sessions.get(row.station_id)} />` },
  { key: "site", title: t("stations.site"), sort: (row) => sites.get(row.site_id)?.name ?? row.site_id,
    show: (row) => row.site_id && html`<a href=${to`sites/${row.site_id}`}>${sites.get(row.site_id)?.name ?? row.site_id}</a>` },
  { key: "tags", title: t("stations.tags"), sort: (row) => row.tags?.join(", "), show: (row) => row.tags?.join(", ") || null },
  { key: "registration", title: t("stations.registration"), sort: (row) => row.registration_status, show: (row) => html`<${State} of=${row.registration_status} />` },
  { key: "vendor", title: t("stations.vendor"), sort: (row) => row.vendor, show: (row) => row.vendor },
  { key: "model", title: t("stations.model"), sort: (row) => row.model, show: (row) => row.model },
  { key: "firmware", title: t("stations.firmware"), sort: (row) => row.firmware_version, show: (row) => row.firmware_version },
  { key: "serial", title: t("stations.serial"), sort: (row) => row.serial_number, show: (row) => row.serial_number },
  { key: "version", title: t("stations.version"), sort: (row) => row.ocpp_version, show: (row) => row.ocpp_version && word(row.ocpp_version) },
  { key: "profile", title: t("stations.profile"), number: true, sort: (row) => row.security_profile, show: (row) => row.security_profile },
  { key: "address", title: t("stations.address"), sort: (row) => row.connection?.remote_address, show: (row) => row.connection?.remote_address },
  { key: "last_seen", title: t("stations.last_seen"), sort: (row) => time(row.last_seen_at), show: (row) => html`<${Ago} at=${row.last_seen_at} />` },
  { key: "last_boot", title: t("stations.last_boot"), sort: (row) => time(row.last_boot_at), show: (row) => html`<${Ago} at=${row.last_boot_at} />` },
  { key: "created", title: t("stations.created"), sort: (row) => time(row.created_at), show: (row) => html`<${Moment} at=${row.created_at} />` },
];

/** @param {string | null} at */
const time = (at) => (at ? Date.parse(at) : null);
/** @param {any[] | undefined} sessions */
const powerOf = (sessions) => sessions?.reduce((sum, one) => sum + (one.live?.power_w ?? 0), 0);

/** @param {{of: any[] | undefined}} props */
function SessionLinks({ of: sessions }) {
  if (!sessions) return html`<span class="none">–</span>`;
  return sessions.map((one, n) => html`${n > 0 && ", "}<a key=${one.transaction_id} href=${to`transactions/${one.transaction_id}`}>${
    one.live?.power_w === null || one.live?.power_w === undefined ? `#${one.transaction_id}` : power(one.live.power_w)
  }<span class="visually-hidden"> ${t("stations.session", { id: one.transaction_id })}</span></a>`);
}
