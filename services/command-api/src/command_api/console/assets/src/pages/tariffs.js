// Tariffs: what charging costs.

import { get } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";
import { shortWords } from "../parts/tariff_words.js";

export default function Tariffs() {
  const [{ q }] = useQuery();
  const pages = usePages(({ cursor }, signal) => get("/tariffs", { q, cursor, limit: 100 }, signal), [q]);
  return html`<${Page} title=${t("tariffs.title")} actions=${html`<a class="button" href="tariff-assignments">${t("assignments.title")}</a>
      ${can("admin") && html`<a class="button primary" href="tariffs/new">${t("tariff.new")}</a>`}`}>
    <${Filters} filters=${[{ name: "q", label: t("tariff.name") }]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("tariffs.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.tariff_id} empty=${t(q ? "tariffs.none_fit" : "tariffs.empty")}
      columns=${[
        { key: "name", title: t("tariff.name"), show: (/** @type {any} */ one) => html`<a href=${to`tariffs/${one.tariff_id}`}>${one.name}</a>` },
        { key: "prices", title: t("tariff.prices"), wide: true, show: (/** @type {any} */ one) => shortWords(one.tariff) },
        { key: "rules", title: t("tariff.rules"), number: true, show: (/** @type {any} */ one) => one.tariff.elements.length },
        { key: "version", title: t("tariff.version"), number: true, show: (/** @type {any} */ one) => one.version },
        { key: "changed", title: t("tariff.changed"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.changed_at} />` },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
