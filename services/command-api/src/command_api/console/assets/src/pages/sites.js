// Sites: the places where stations stand.

import { countryName } from "../lib/places.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { Filters } from "../parts/filters.js";
import { useSites } from "../parts/fleet.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { Ago } from "../parts/shown.js";
import { Table } from "../parts/table.js";

/** @type {import("../parts/table.js").Column[]} */
const COLUMNS = [
  { key: "name", title: t("site.name"), sort: (row) => row.name, show: (row) => html`<a href=${to`sites/${row.site_id}`}>${row.name}</a>` },
  { key: "site_id", title: t("site.id"), sort: (row) => row.site_id, show: (row) => row.site_id },
  { key: "address", title: t("site.address"), sort: (row) => row.address, show: (row) => row.address },
  { key: "city", title: t("site.city"), sort: (row) => row.city, show: (row) => [row.postal_code, row.city].filter(Boolean).join(" ") || null },
  { key: "country", title: t("site.country"), sort: (row) => countryName(row.country), show: (row) => countryName(row.country) || null },
  { key: "tags", title: t("site.tags"), sort: (row) => row.tags.join(", "), show: (row) => row.tags.join(", ") || null },
  { key: "stations", title: t("stations.title"), show: (row) => html`<a href=${`stations?site_id=${encodeURIComponent(row.site_id)}`}>${t("sites.stations")}<span class="visually-hidden"> ${t("sites.stations_of", { name: row.name })}</span></a>` },
  { key: "updated", title: t("site.updated"), sort: (row) => Date.parse(row.updated_at), show: (row) => html`<${Ago} at=${row.updated_at} />` },
];

export default function Sites() {
  const [query, change] = useQuery();
  const sites = useSites({ q: query.q, tag: query.tag });
  const sort = query.sort ?? "name";
  return html`<${Page} title=${t("sites.title")} actions=${html`<a class="button" href="map">${t("sites.map")}</a>
      ${can("admin") && html`<a class="button primary" href="sites/new">${t("site.new")}</a>`}`}>
    <${Filters} filters=${[{ name: "q", label: t("sites.search") }, { name: "tag", label: t("stations.tag") }]} />
    <${Loaded} of=${sites}>${(/** @type {any[]} */ rows) => html`<${Table} label=${t("sites.title")} columns=${COLUMNS} rows=${rows} keyOf=${(/** @type {any} */ row) => row.site_id}
      order=${{ by: sort.replace(/^-/, ""), descending: sort.startsWith("-") }} onOrder=${(/** @type {any} */ next) => change({ sort: `${next.descending ? "-" : ""}${next.by}` })}
      empty=${query.q || query.tag ? t("sites.none_fit") : t("sites.none")} />`}<//>
  <//>`;
}
