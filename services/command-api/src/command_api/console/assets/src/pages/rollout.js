// One rollout: how far it is, what came of each station, and its steering.

import { at, everything, get, post } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useMemo, useState } from "../lib/view.js";
import { confirm } from "../parts/dialog.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { RESULTS, RolloutProgress } from "../parts/rollout_progress.js";
import { Moment, State } from "../parts/shown.js";
import { Table } from "../parts/table.js";

/** What each state allows. @type {Record<string, string[]>} */
const STEPS = { running: ["pause", "cancel"], paused: ["resume", "cancel"], stopped: ["resume", "cancel"] };

/** @type {import("../parts/table.js").Column[]} */
const COLUMNS = [
  { key: "station_id", title: t("stations.id"), sort: (row) => row.station_id, show: (row) => html`<a href=${to`stations/${row.station_id}`}>${row.station_id}</a>` },
  { key: "status", title: t("rollout.status"), sort: (row) => RESULTS.indexOf(row.status ?? "waiting"), show: (row) => html`<${State} of=${row.status ?? "waiting"} />` },
  { key: "station_status", title: t("rollout.station_says"), sort: (row) => row.station_status, show: (row) => row.station_status && word(row.station_status) },
  { key: "result", title: t("jobs.result"), sort: (row) => row.result, show: (row) => row.result && word(row.result) },
  { key: "job", title: t("job.title"), show: (row) => row.job_id && html`<a href=${to`jobs/${row.job_id}`}>${t("rollout.job")}<span class="visually-hidden"> ${row.station_id}</span></a>` },
];

/** @param {{params: {rollout_id: string}}} props */
export default function Rollout({ params: { rollout_id: id } }) {
  const [{ status }] = useQuery();
  const isOwn = (/** @type {any} */ event) => event.data.rollout_id === id;
  const rollout = useLive((signal) => get(at`/firmware-rollouts/${id}`, {}, signal), [id], reloadOn(["rollout", "job"], isOwn));
  const stations = useLive((signal) => everything(at`/firmware-rollouts/${id}/stations`, {}, { signal }), [id], reloadOn(["rollout", "job"], isOwn));
  const [order, setOrder] = useState({ by: "station_id", descending: false });
  const rows = useMemo(() => (stations.data ?? []).filter((row) => !status || (row.status ?? "waiting") === status), [stations.data, status]);
  const steer = async (/** @type {string} */ step) => {
    if (step === "cancel" && !(await confirm({ title: t("rollout.cancel_title", { name: rollout.data.name }), text: t("rollout.cancel_text"), action: t("rollout.cancel"), danger: true }))) return;
    try {
      const changed = await post(`${at`/firmware-rollouts/${id}`}/${step}`);
      rollout.change(() => changed);
      notify(t(`rollout.did.${step}`));
    } catch (problem) {
      notifyProblem(problem);
      rollout.reload();
    }
  };
  const steps = (can("operator") && rollout.data && STEPS[rollout.data.status]) || [];
  return html`<${Page} title=${rollout.data?.name ?? t("rollout.title")} crumbs=${[{ href: "rollouts", text: t("rollouts.title") }]} subtitle=${rollout.data && html`<${State} of=${rollout.data.status} />`}
      actions=${steps.map((step) => html`<button key=${step} type="button" class=${step === "cancel" ? "danger" : step === "resume" ? "primary" : ""} onClick=${() => steer(step)}>${t(`rollout.${step}`)}</button>`)}>
    <${Loaded} of=${rollout}>${(/** @type {any} */ data) => html`
      <${Section} title=${t("rollout.progress")}>
        ${data.status === "stopped" && html`<p>${t("rollout.stopped_text")}</p>`}
        <${RolloutProgress} of=${data} />
        <div class="figures">${RESULTS.filter((one) => data.stations[one]).map((one) => html`<a key=${one} class="figure" href=${`${to`rollouts/${id}`}?status=${one}`}
          aria-current=${status === one ? "true" : null}><b>${count(data.stations[one])}</b><span>${word(one)}</span></a>`)}</div>
      <//>
      <${Section} title=${t("rollout.facts")}><${Facts} rows=${[
        [t("rollout.location"), data.location],
        [t("rollout.action"), word(data.action)],
        [t("rollout.concurrency"), count(data.concurrency)],
        [t("rollout.stop_after"), data.stop_after_failures === null ? t("rollout.never") : count(data.stop_after_failures)],
        [t("rollout.created"), html`<${Moment} at=${data.created_at} />`],
        [t("rollout.by"), data.created_by],
        [t("rollout.finished"), html`<${Moment} at=${data.finished_at} />`],
      ]} /><//>`}<//>
    ${rollout.data && html`<${Section} title=${t("rollout.stations")}>
      <${Filters} filters=${[{ name: "status", label: t("rollout.status"), kind: "choice", options: choices(RESULTS, word) }]} />
      <${Loaded} of=${stations}>${() => html`<${Table} label=${t("rollout.stations")} columns=${COLUMNS} rows=${rows} keyOf=${(/** @type {any} */ row) => row.station_id} order=${order} onOrder=${setOrder} empty=${t("rollout.none_in_state")} />`}<//>
    <//>`}
  <//>`;
}
