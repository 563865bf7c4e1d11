// For which sessions which tariff holds, and what their records would lack.

import { usePages } from "../lib/live.js";
import { useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Assign, Assignments, readAssignments, TARGETS } from "../parts/assignments.js";
import { choices, Filters } from "../parts/filters.js";
import { useSites } from "../parts/fleet.js";
import { Loaded } from "../parts/loaded.js";
import { MissingForRecords } from "../parts/missing.js";
import { Page, Section } from "../parts/page.js";
import { More } from "../parts/table.js";

export default function TariffAssignments() {
  const [{ target }] = useQuery();
  const pages = usePages(readAssignments({ target }), [target]);
  const sites = useSites();
  const [isMaking, setMaking] = useState(false);
  return html`<${Page} title=${t("assignments.title")} crumbs=${[{ href: "tariffs", text: t("tariffs.title") }]}
      actions=${can("admin") && html`<button type="button" class="primary" onClick=${() => setMaking(true)}>${t("assignment.new")}</button>`}>
    <p>${t("assignment.order")}</p>
    <${Filters} filters=${[{ name: "target", label: t("assignment.to"), kind: "choice", options: choices(TARGETS, (one) => t(`assignment.target.${one}`)) }]} />
    <${Loaded} of=${pages}>${() => html`<${Assignments} assignments=${pages.items ?? []} sites=${sites.data ?? []} withTariff onChange=${pages.reload} /><${More} of=${pages} />`}<//>
    <${Section} title=${t("missing.title")}><${Loaded} of=${sites}>${(/** @type {any[]} */ all) => html`<${MissingForRecords} sites=${all} />`}<//><//>
    ${isMaking && html`<${Assign} sites=${sites.data ?? []} onClose=${() => setMaking(false)} onMade=${pages.reload} />`}
  <//>`;
}
