// What stations and the suite noticed of attacks, doors and clocks.

import { get } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

const NAMES = ["station_id", "type", "critical", "source", "from", "to"];

export default function SecurityEvents() {
  const [query] = useQuery();
  const wanted = Object.fromEntries(NAMES.map((name) => [name, query[name]]));
  const pages = usePages(({ cursor }, signal) => get("/security-events", { ...wanted, cursor, limit: 100 }, signal), [wanted],
    reloadOn(["security.event_reported", "security.event_detected"]));
  return html`<${Page} title=${t("security_events.title")}>
    <${Filters} filters=${[
      { name: "station_id", label: t("security_events.station") },
      { name: "critical", label: t("security_events.critical"), kind: "choice", options: choices(["true", "false"], (one) => t(`security_events.critical.${one}`)) },
      { name: "type", label: t("security_events.type") },
      { name: "source", label: t("security_events.source"), kind: "choice", options: choices(["station", "suite"], (one) => t(`security_events.source.${one}`)) },
      { name: "from", label: t("security_events.from"), kind: "time" },
      { name: "to", label: t("security_events.to"), kind: "time" },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("security_events.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.security_event_id} empty=${t("security_events.empty")}
      columns=${[
        { key: "at", title: t("security_events.at"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.occurred_at ?? one.received_at} />` },
        { key: "critical", title: t("security_events.critical"), show: (/** @type {any} */ one) => (one.critical ? html`<${State} of="critical" />` : "–") },
        { key: "type", title: t("security_events.type"), show: (/** @type {any} */ one) => one.type },
        { key: "station", title: t("security_events.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a>` },
        { key: "source", title: t("security_events.source"), show: (/** @type {any} */ one) => t(`security_events.source.${one.source}`) },
        { key: "detail", title: t("security_events.detail"), wide: true, show: (/** @type {any} */ one) => one.detail },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
