// One order of firmware, diagnostics or a log: every report of the station, and what it uploaded.

import { at, download, get } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { size } from "../lib/units.js";
import { html } from "../lib/view.js";
import { Loaded } from "../parts/loaded.js";
import { notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Copy, Moment, State } from "../parts/shown.js";
import { stationHref } from "../parts/station_frame.js";
import { Table } from "../parts/table.js";

/** @param {{params: {job_id: string}}} props */
export default function Job({ params: { job_id: id } }) {
  const live = useLive((signal) => get(at`/jobs/${id}`, {}, signal), [id], reloadOn(["job"], (event) => event.data?.job_id === id));
  const job = live.data;
  const crumbs = job ? [{ href: "stations", text: t("station.all") }, { href: stationHref(job.station_id), text: job.station_id }, { href: `${stationHref(job.station_id)}/jobs`, text: t("station.jobs") }] : [];
  return html`<${Page} title=${job ? t("job.of", { kind: t(`jobs.kind.${job.kind}`), station: job.station_id }) : t("job.title")}
      subtitle=${job && html`<${State} of=${job.status} />`} crumbs=${crumbs}>
    <${Loaded} of=${live}>${(/** @type {any} */ found) => html`<${Known} job=${found} /><${Reports} job=${found} />${found.kind !== "firmware" && html`<${Uploads} job=${found} />`}`}<//>
  <//>`;
}

/** @param {{job: any}} props */
const Known = ({ job }) => html`<${Section} title=${t("job.facts")}><${Facts} rows=${[
  [t("jobs.status"), html`<${State} of=${job.status} />`],
  [t("jobs.station_status"), job.station_status && word(job.station_status)],
  [t("jobs.result"), job.result && word(job.result)],
  [t("job.station"), html`<a href=${stationHref(job.station_id)}>${job.station_id}</a>`],
  [t("job.action"), html`<a href=${to`commands/${job.job_id}`}>${job.action}</a>`],
  [t("jobs.by"), job.created_by],
  [t("jobs.created"), html`<${Moment} at=${job.created_at} />`],
  [t("job.sent"), html`<${Moment} at=${job.sent_at} />`],
  [t("jobs.finished"), html`<${Moment} at=${job.finished_at} />`],
  !job.finished_at && [t("job.deadline"), html`<${Moment} at=${job.deadline} />`],
  [t("job.location"), html`<code>${job.location}</code>`],
  [t("jobs.file"), job.file_name],
  job.rollout_id && [t("job.rollout"), html`<a href=${to`rollouts/${job.rollout_id}`}>${t("job.to_rollout")}</a>`],
]} /><//>`;

/** @param {{job: any}} props */
function Reports({ job }) {
  const columns = [
    { key: "at", title: t("job.at"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.at} />` },
    { key: "status", title: t("jobs.station_status"), show: (/** @type {any} */ one) => word(one.status), wide: true },
  ];
  return html`<${Section} title=${t("job.reports")}><${Table} label=${t("job.reports")} columns=${columns} rows=${job.reports}
    keyOf=${(/** @type {any} */ one) => `${one.at} ${one.status}`} empty=${t("job.no_reports")} /><//>`;
}

/** @param {{job: any}} props */
function Uploads({ job }) {
  const save = async (/** @type {any} */ upload) => {
    try {
      await download(at`/jobs/${job.job_id}/uploads/${upload.upload_id}`, upload.file_name);
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const mayRead = can("operator");
  const columns = [
    { key: "file", title: t("jobs.file"), show: (/** @type {any} */ one) => (mayRead ? html`<button type="button" class="quiet" onClick=${() => save(one)}>${t("job.download", { name: one.file_name })}</button>` : one.file_name) },
    { key: "size", title: t("job.size"), number: true, show: (/** @type {any} */ one) => size(one.size) },
    { key: "received", title: t("job.received"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.received_at} />` },
    { key: "sha256", title: "SHA-256", wide: true, show: (/** @type {any} */ one) => html`<code>${one.sha256}</code> <${Copy} text=${one.sha256} />` },
  ];
  return html`<${Section} title=${t("job.uploads")}><${Table} label=${t("job.uploads")} columns=${columns} rows=${job.uploads}
    keyOf=${(/** @type {any} */ one) => one.upload_id} empty=${t("job.no_uploads")} /><//>`;
}
