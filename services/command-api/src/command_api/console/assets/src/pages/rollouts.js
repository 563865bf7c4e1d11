// One firmware for many stations: all such rollouts.

import { get } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { ResultsLine } from "../parts/rollout_progress.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

export default function Rollouts() {
  const pages = usePages(({ cursor }, signal) => get("/firmware-rollouts", { cursor, limit: 100 }, signal), [], reloadOn(["rollout", "job"], (event) => event.type.startsWith("rollout.") || Boolean(event.data.rollout_id)));
  return html`<${Page} title=${t("rollouts.title")} actions=${can("operator") && html`<a class="button primary" href="rollouts/new">${t("rollout.new")}</a>`}>
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("rollouts.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.rollout_id} empty=${t("rollouts.empty")}
      columns=${[
        { key: "name", title: t("rollout.name"), show: (/** @type {any} */ one) => html`<a href=${to`rollouts/${one.rollout_id}`}>${one.name}</a>` },
        { key: "status", title: t("rollout.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
        { key: "stations", title: t("stations.title"), wide: true, show: (/** @type {any} */ one) => html`<${ResultsLine} of=${one} />` },
        { key: "location", title: t("rollout.location"), wide: true, show: (/** @type {any} */ one) => one.location },
        { key: "created", title: t("rollout.created"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
        { key: "by", title: t("rollout.by"), show: (/** @type {any} */ one) => one.created_by },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
