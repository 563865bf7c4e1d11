// Configuration templates: what stations should be set to.

import { get } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html } from "../lib/view.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";
import { MeantBy } from "../parts/template_fields.js";

export default function Templates() {
  const pages = usePages(({ cursor }, signal) => get("/configuration-templates", { cursor, limit: 100 }, signal), []);
  return html`<${Page} title=${t("templates.title")} actions=${can("admin") && html`<a class="button primary" href="templates/new">${t("template.new")}</a>`}>
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("templates.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.template_id} empty=${t("templates.empty")}
      columns=${[
        { key: "name", title: t("template.name"), show: (/** @type {any} */ one) => html`<a href=${to`templates/${one.template_id}`}>${one.name}</a>` },
        { key: "keys", title: t("template.keys"), number: true, show: (/** @type {any} */ one) => count(Object.keys(one.values).length) },
        { key: "for", title: t("template.for_whom"), wide: true, show: (/** @type {any} */ one) => html`<${MeantBy} of=${one} />` },
        { key: "updated", title: t("template.updated"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.updated_at} />` },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
