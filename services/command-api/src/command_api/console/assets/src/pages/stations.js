// The fleet: every station, as it is now.

import { navigate, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useMemo, useRef, useState } from "../lib/view.js";
import { keepChosen } from "../parts/chosen_stations.js";
import { ColumnChoice, useChosenColumns } from "../parts/columns.js";
import { CONNECTOR_STATUSES } from "../parts/connector_states.js";
import { choices, Filters } from "../parts/filters.js";
import { useFleet, useSessions, useSites } from "../parts/fleet.js";
import { Loading, ProblemNotice } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { stationColumns } from "../parts/station_columns.js";
import { Table } from "../parts/table.js";

const USUAL = ["display_name", "online", "connectors", "sessions", "site", "registration", "model", "last_seen"];
const TO_AT_MOST = 1000;
const REGISTRATIONS = ["accepted", "pending", "rejected"];

/** @param {any} row @param {Record<string, string>} query */
const isWanted = (row, { online, registration_status, status }) =>
  (!online || String(row.online) === online) &&
  (!registration_status || row.registration_status === registration_status) &&
  (!status || row.connectors.some((/** @type {any} */ one) => one.status === status));

/** What was ever among the rows, so that a choice does not vanish once it is made. @param {any[]} rows @param {(row: any) => string[]} of */
function useSeenTexts(rows, of) {
  const seen = useRef(/** @type {Set<string>} */ (new Set()));
  return useMemo(() => {
    for (const row of rows) for (const text of of(row)) seen.current.add(text);
    return [...seen.current].sort().map((value) => ({ value, text: value }));
  }, [rows.length]);
}

export default function Stations() {
  const [query, change] = useQuery();
  const { q, site_id, tag, vendor } = query;
  const fleet = useFleet({ q, site_id, tag, vendor });
  const [keys, choose] = useChosenColumns("csms.stations.columns", USUAL);
  const sessions = useSessions(keys.includes("sessions"));
  const sites = useSites();
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));

  const siteById = useMemo(() => new Map(sites.data?.map((site) => [site.site_id, site])), [sites.data]);
  const all = useMemo(() => stationColumns(siteById, sessions.data ?? new Map()), [siteById, sessions.data]);
  const columns = useMemo(() => all.filter((one) => one.isFixed || keys.includes(one.key)), [all, keys]);
  const loaded = fleet.rows ?? [];
  const rows = useMemo(() => loaded.filter((row) => isWanted(row, query)), [fleet.rows, query.online, query.registration_status, query.status]);
  const chosen = useMemo(() => (selected.size === 0 ? selected : new Set(rows.map((row) => row.station_id).filter((id) => selected.has(id)))), [rows, selected]);
  const tags = useSeenTexts(loaded, (row) => row.tags ?? []);
  const vendors = useSeenTexts(loaded, (row) => (row.vendor ? [row.vendor] : []));

  const sort = query.sort ?? "station_id";
  const order = { by: sort.replace(/^-/, ""), descending: sort.startsWith("-") };
  const online = useMemo(() => rows.filter((row) => row.online).length, [rows]);
  const isFiltered = [q, site_id, tag, vendor, query.online, query.registration_status, query.status].some(Boolean);
  const forChosen = (/** @type {string} */ page) => {
    keepChosen([...chosen]);
    navigate(`${page}?chosen=1`);
  };

  return html`<${Page} title=${t("stations.title")}
      subtitle=${fleet.rows && html`<span class="none">${t("stations.count", { n: rows.length, stations: count(rows.length), online: count(online) })}</span>`}
      actions=${can("admin") && html`<a class="button primary" href="stations/new">${t("stations.new")}</a>`}>
    <${Filters} filters=${[
      { name: "q", label: t("stations.search") },
      { name: "online", label: t("stations.presence"), kind: "choice", options: [{ value: "true", text: word("online") }, { value: "false", text: word("offline") }] },
      { name: "status", label: t("stations.connector_status"), kind: "choice", options: choices(CONNECTOR_STATUSES, word) },
      { name: "registration_status", label: t("stations.registration"), kind: "choice", options: choices(REGISTRATIONS, word) },
      { name: "site_id", label: t("stations.site"), kind: "choice", options: sites.data?.map((site) => ({ value: site.site_id, text: site.name })) ?? [] },
      { name: "tag", label: t("stations.tag"), options: tags },
      { name: "vendor", label: t("stations.vendor"), options: vendors },
    ]} />
    ${[fleet, sessions, sites].map((live, n) => live.problem && html`<${ProblemNotice} key=${n} problem=${live.problem} onRetry=${live.reload} />`)}
    <div class="above">
      ${can("operator") && html`<span role="status">${chosen.size > TO_AT_MOST ? t("stations.too_many", { n: chosen.size, at_most: count(TO_AT_MOST) }) : t("stations.selected", { n: chosen.size })}</span>
        <button type="button" disabled=${chosen.size === 0 || chosen.size > TO_AT_MOST} onClick=${() => forChosen("command-groups/new")}>${t("stations.send")}</button>
        <button type="button" disabled=${chosen.size === 0} onClick=${() => forChosen("rollouts/new")}>${t("stations.update")}</button>
        ${chosen.size > 0 && html`<button type="button" class="quiet" onClick=${() => setSelected(new Set())}>${t("stations.unselect")}</button>`}`}
      <span class="right">${fleet.loading && fleet.rows && fleet.rows.length >= 500 && html`<span class="none loading" role="status">${t("loading")}</span>`}
        <${ColumnChoice} columns=${all} keys=${keys} onChoose=${choose} /></span>
    </div>
    ${fleet.rows === null && !fleet.problem && html`<${Loading} />`}
    ${fleet.rows !== null && html`<${Table} label=${t("stations.title")} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ row) => row.station_id}
      order=${order} onOrder=${(/** @type {any} */ next) => change({ sort: `${next.descending ? "-" : ""}${next.by}` })}
      selected=${chosen} onSelect=${can("operator") ? setSelected : undefined}
      empty=${fleet.loading ? t("loading") : isFiltered ? t("stations.none_fit") : t("stations.none")} />`}
  <//>`;
}
