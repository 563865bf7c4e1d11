// One site, and the stations that stand there.

import { at, get, patch, remove } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { countryName, weekdayName } from "../lib/places.js";
import { navigate } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useMemo, useState } from "../lib/view.js";
import { confirm } from "../parts/dialog.js";
import { countsOf, useFleet, useSessions } from "../parts/fleet.js";
import { Form } from "../parts/form.js";
import { Loaded, Loading, ProblemNotice } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Moment } from "../parts/shown.js";
import { SiteFields, siteOf } from "../parts/site_fields.js";
import { stationColumns } from "../parts/station_columns.js";
import { Table } from "../parts/table.js";

const SHOWN = ["station_id", "display_name", "online", "connectors", "sessions", "tags", "registration", "last_seen"];

/** @param {{params: {site_id: string}}} props */
export default function Site({ params: { site_id } }) {
  const site = useLive((signal) => get(at`/sites/${site_id}`, {}, signal), [site_id], reloadOn(["site"], (event) => event.subject === site_id));
  const fleet = useFleet({ site_id });
  const sessions = useSessions(true, site_id);
  const [isEditing, setEditing] = useState(false);
  const [order, setOrder] = useState({ by: "station_id", descending: false });
  const columns = useMemo(() => stationColumns(new Map(), sessions.data ?? new Map()).filter((one) => SHOWN.includes(one.key)), [sessions.data]);
  const rows = fleet.rows;
  const counts = useMemo(() => rows && countsOf(rows), [rows]);
  const query = `site_id=${encodeURIComponent(site_id)}`;
  const title = site.data?.name ?? site_id;

  const erase = async () => {
    if (!(await confirm({ title: t("site.delete_title", { name: title }), text: t("site.delete_text"), action: t("site.delete"), danger: true, typed: title }))) return;
    try {
      await remove(at`/sites/${site_id}`);
      notify(t("site.deleted", { name: title }));
      navigate("sites");
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const actions = html`
    ${can("operator") && rows && rows.length > 0 && html`<a class="button" href=${`command-groups/new?${query}`}>${t("site.send")}</a>`}
    ${can("admin") && html`<a class="button" href=${`stations/new?${query}`}>${t("site.new_station")}</a>
      ${!isEditing && html`<button type="button" onClick=${() => setEditing(true)}>${t("action.edit")}</button>`}
      ${rows && rows.length === 0 && html`<button type="button" onClick=${erase}>${t("action.delete")}</button>`}`}`;

  return html`<${Page} title=${title} crumbs=${[{ href: "sites", text: t("sites.title") }]} actions=${site.data && actions}
      subtitle=${counts && html`<span class="none">${t("stations.count", { n: counts.stations, stations: count(counts.stations), online: count(counts.online) })}</span>`}>
    <${Loaded} of=${site}>${(/** @type {any} */ data) => isEditing
      ? html`<${Edit} site=${data} onEnd=${(/** @type {any} */ changed) => {
          if (changed) site.change(() => changed);
          setEditing(false);
        }} />`
      : html`<${Section} title=${t("site.place")}><${SiteFacts} site=${data} /><//>`}<//>
    ${site.data && html`<${Section} title=${t("stations.title")} actions=${html`<a href=${`stations?${query}`}>${t("site.in_list")}</a>`}>
      ${fleet.problem && html`<${ProblemNotice} problem=${fleet.problem} onRetry=${fleet.reload} />`}
      ${rows === null ? !fleet.problem && html`<${Loading} />` : html`<${Table} label=${t("site.table", { name: title })} columns=${columns} rows=${rows}
        keyOf=${(/** @type {any} */ row) => row.station_id} order=${order} onOrder=${setOrder} empty=${fleet.loading ? t("loading") : t("site.no_stations")} />`}
    <//>`}
  <//>`;
}

/** @param {{site: any, onEnd: (changed: any) => void}} props */
function Edit({ site, onEnd }) {
  const [value, setValue] = useState(siteOf(site));
  const save = async () => {
    const changed = await patch(at`/sites/${site.site_id}`, value);
    notify(t("site.saved", { name: changed.name }));
    onEnd(changed);
  };
  return html`<${Section} title=${t("site.edit")}><${Form} onSubmit=${save} submit=${t("action.save")}
      actions=${html`<button type="button" onClick=${() => onEnd(null)}>${t("action.cancel")}</button>`}>
    <${SiteFields} value=${value} onChange=${setValue} /><//><//>`;
}

/** @param {{site: any}} props */
function SiteFacts({ site }) {
  const isLocated = site.latitude !== null;
  return html`<${Facts} rows=${[
    [t("site.id"), site.site_id],
    [t("site.address"), site.address],
    [t("site.city"), [site.postal_code, site.city].filter(Boolean).join(" ") || null],
    [t("site.country"), countryName(site.country) || null],
    [t("site.coordinates"), isLocated && html`${site.latitude}, ${site.longitude} · <a href=${`map?site_id=${encodeURIComponent(site.site_id)}`}>${t("site.on_map")}</a>`],
    [t("site.time_zone"), site.time_zone],
    [t("site.opening_hours"), site.opening_hours && html`<${Hours} of=${site.opening_hours} />`],
    [t("site.tags"), site.tags.join(", ") || null],
    [t("site.notes"), site.notes],
    [t("site.created"), html`<${Moment} at=${site.created_at} />`],
    [t("site.updated"), html`<${Moment} at=${site.updated_at} />`],
  ].map(([name, value]) => (value ? [name, value] : null))} />`;
}

/** @param {{of: any}} props */
function Hours({ of: hours }) {
  if (hours.twentyfourseven) return t("site.always_open");
  return hours.regular_hours.map((/** @type {any} */ one, /** @type {number} */ n) => html`<div key=${n}>${weekdayName(one.weekday)} ${one.period_begin}–${one.period_end}</div>`);
}
