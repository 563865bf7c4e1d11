// Where the sites are, and how their stations do.

import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useMemo, useState } from "../lib/view.js";
import { countsOf, useFleet, useSites } from "../parts/fleet.js";
import { Loaded, ProblemNotice } from "../parts/loaded.js";
import { Page, Section } from "../parts/page.js";
import { State } from "../parts/shown.js";
import { Table } from "../parts/table.js";
import { WorldMap } from "../parts/world_map.js";

/** @typedef {ReturnType<typeof countsOf>} Counts */

/** How stations do together, the worst of it; `weight` orders by need. @param {Counts} counts */
function stateOf({ stations, online, faulted }) {
  if (faulted > 0) return { tone: "bad", weight: 0, text: t("map.faulted") };
  if (stations === 0) return { tone: "", weight: 4, text: t("map.empty") };
  if (online === 0) return { tone: "bad", weight: 1, text: t("map.offline") };
  return online < stations ? { tone: "busy", weight: 2, text: t("map.partly") } : { tone: "good", weight: 3, text: t("map.online") };
}

/** The same in few figures. @param {Counts} counts */
const figuresOf = ({ stations, online, faulted }) =>
  [stations > 0 && `${count(online)}/${count(stations)}`, faulted > 0 && t("map.so_many_faulted", { n: faulted })].filter(Boolean).join(" · ");

/** @param {Counts[]} all @returns {Counts} */
const together = (all) =>
  all.reduce((a, b) => ({ stations: a.stations + b.stations, online: a.online + b.online, charging: a.charging + b.charging, faulted: a.faulted + b.faulted }));

/** @type {import("../parts/table.js").Column[]} */
const COLUMNS = [
  { key: "name", title: t("site.name"), sort: (row) => row.name, show: (row) => html`<a href=${to`sites/${row.site_id}`}>${row.name}</a>` },
  { key: "state", title: t("map.state"), sort: (row) => row.state.weight, show: (row) => html`<span class=${`state ${row.state.tone}`}>${row.state.text}</span>` },
  { key: "online", title: t("map.of_online"), number: true, sort: (row) => row.counts.stations, show: (row) => `${count(row.counts.online)} / ${count(row.counts.stations)}` },
  { key: "charging", title: t("map.of_charging"), number: true, sort: (row) => row.counts.charging, show: (row) => count(row.counts.charging) },
  { key: "faulted", title: t("map.of_faulted"), number: true, sort: (row) => row.counts.faulted, show: (row) => count(row.counts.faulted) },
];

export default function SiteMap() {
  const [query] = useQuery();
  const sites = useSites();
  const fleet = useFleet();
  const [order, setOrder] = useState({ by: "state", descending: false });
  const [rows, homeless] = useMemo(() => {
    /** @type {Map<string | null, any[]>} */
    const stations = new Map();
    for (const row of fleet.rows ?? []) {
      const there = stations.get(row.site_id);
      if (there) there.push(row);
      else stations.set(row.site_id, [row]);
    }
    const found = (sites.data ?? []).map((site) => {
      const counts = countsOf(stations.get(site.site_id) ?? []);
      return { ...site, counts, state: stateOf(counts) };
    });
    return [found, stations.get(null)?.length ?? 0];
  }, [sites.data, fleet.rows]);
  const located = rows.filter((row) => row.latitude !== null);
  const unlocated = rows.filter((row) => row.latitude === null);
  const places = located.map((row) => ({
    id: row.site_id, longitude: row.longitude, latitude: row.latitude, href: to`sites/${row.site_id}`, text: row.name,
  }));
  const byId = new Map(located.map((row) => [row.site_id, row.counts]));
  const describe = (/** @type {string[]} */ ids) => {
    const counts = together(ids.map((id) => byId.get(id)));
    return { tone: stateOf(counts).tone, figures: figuresOf(counts) };
  };
  const sought = places.filter((one) => one.id === query.site_id);

  return html`<${Page} title=${t("map.title")} actions=${html`<a class="button" href="sites">${t("sites.title")}</a>${can("admin") && html`<a class="button primary" href="sites/new">${t("site.new")}</a>`}`}>
    ${fleet.problem && html`<${ProblemNotice} problem=${fleet.problem} onRetry=${fleet.reload} />`}
    <${Loaded} of=${sites}>${() => html`<div class="map-page">
      <${Section} title=${t("map.where")}>
        ${rows.length > 0 && located.length === 0 && html`<p>${t("map.none_located")}</p>`}
        <${WorldMap} key=${query.site_id ?? ""} label=${t("map.label", { n: places.length })} places=${places} describe=${describe} focus=${sought} />
      <//>
      <${Section} title=${t("map.how")}>
        <${Table} label=${t("sites.title")} columns=${COLUMNS} rows=${rows} keyOf=${(/** @type {any} */ row) => row.site_id} order=${order} onOrder=${setOrder} empty=${t("sites.none")} />
        ${homeless > 0 && html`<p class="hint">${t("map.homeless", { n: homeless, stations: count(homeless) })}</p>`}
      <//>
      ${unlocated.length > 0 && html`<${Section} title=${t("map.unlocated")}>
        <p class="hint">${t("map.unlocated_text")}</p>
        <ul class="plain">${unlocated.map((row) => html`<li key=${row.site_id}><a href=${to`sites/${row.site_id}`}>${row.name}</a> <${State} of=${row.state.text} tone=${row.state.tone} /></li>`)}</ul>
      <//>`}
    </div>`}<//>
  <//>`;
}
