// Firmware, diagnostics and logs of one station.

import { get } from "../../lib/api.js";
import { RELOAD, usePages } from "../../lib/live.js";
import { to, useQuery } from "../../lib/router.js";
import { can } from "../../lib/session.js";
import { t, word } from "../../lib/text.js";
import { html, useMemo, useState } from "../../lib/view.js";
import { choices, Filters } from "../../parts/filters.js";
import { JobForm, KINDS } from "../../parts/job_form.js";
import { Loaded } from "../../parts/loaded.js";
import { Moment, State } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { More, Table } from "../../parts/table.js";

const STATUSES = ["ordered", "started", "running", "succeeded", "failed", "refused", "not_sent", "superseded", "timed_out", "cancelled"];

/** @param {{params: {station_id: string}}} props */
export default function Jobs({ params: { station_id: id } }) {
  const [ordering, setOrdering] = useState(/** @type {string | null} */ (null));
  const actions = can("operator") && KINDS.map((kind) => html`<button key=${kind} type="button" onClick=${() => setOrdering(kind)}>${t(`jobs.order.${kind}`)}</button>`);
  return html`<${StationFrame} id=${id} tab="jobs" actions=${actions}>${(/** @type {any} */ station) => html`
    <${List} id=${id} />
    ${ordering && html`<${JobForm} station=${station} kind=${ordering} onClose=${() => setOrdering(null)} />`}`}<//>`;
}

/** @param {{id: string}} props */
function List({ id }) {
  const [{ kind, status }] = useQuery();
  const pages = usePages(({ cursor }, signal) => get("/jobs", { station_id: id, kind, status, cursor, limit: 50 }, signal), [id, kind, status], (items, events) => {
    let changed = items;
    for (const { type, data } of events) {
      if (!type.startsWith("job.") || data.station_id !== id) continue;
      if (status || type === "job.finished" || !changed.some((one) => one.job_id === data.job_id)) return RELOAD;
      if (type === "job.status_changed")
        changed = changed.map((one) => (one.job_id === data.job_id ? { ...one, status: data.status, station_status: data.station_status, result: data.result } : one));
    }
    return changed;
  });
  const columns = useMemo(() => [
    { key: "created", title: t("jobs.created"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
    { key: "kind", title: t("jobs.kind"), show: (/** @type {any} */ one) => html`<a href=${to`jobs/${one.job_id}`}>${t(`jobs.kind.${one.kind}`)}</a>` },
    { key: "status", title: t("jobs.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
    { key: "station_status", title: t("jobs.station_status"), show: (/** @type {any} */ one) => one.station_status && word(one.station_status) },
    { key: "result", title: t("jobs.result"), show: (/** @type {any} */ one) => one.result && word(one.result) },
    { key: "finished", title: t("jobs.finished"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.finished_at} />` },
    { key: "file", title: t("jobs.file"), show: (/** @type {any} */ one) => one.file_name },
    { key: "by", title: t("jobs.by"), show: (/** @type {any} */ one) => one.created_by },
  ], []);
  return html`<${Filters} filters=${[
      { name: "kind", label: t("jobs.kind"), kind: "choice", options: choices(KINDS, (one) => t(`jobs.kind.${one}`)) },
      { name: "status", label: t("jobs.status"), kind: "choice", options: choices(STATUSES, word) },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("station.jobs")} columns=${columns} rows=${pages.items ?? []}
      keyOf=${(/** @type {any} */ one) => one.job_id} empty=${t(kind || status ? "jobs.empty_filtered" : "jobs.empty")} />`}<//>
    <${More} of=${pages} />`;
}
