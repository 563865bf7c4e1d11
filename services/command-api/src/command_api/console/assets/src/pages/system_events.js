// What happened to the suite itself.

import { get } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { useQuery } from "../lib/router.js";
import { t, word } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Dialog } from "../parts/dialog.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { Facts, Page } from "../parts/page.js";
import { Json, Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

const NAMES = ["level", "service", "from", "to"];
const SERVICES = ["ws-gateway", "station-registry", "session-service", "integration-service", "billing-service", "command-api"];

export default function SystemEvents() {
  const [query] = useQuery();
  const wanted = Object.fromEntries(NAMES.map((name) => [name, query[name]]));
  const pages = usePages(({ cursor }, signal) => get("/system-events", { ...wanted, cursor, limit: 100 }, signal), [wanted], reloadOn(["system"]));
  const [shown, setShown] = useState(/** @type {any} */ (null));
  return html`<${Page} title=${t("system_events.title")}>
    <${Filters} filters=${[
      { name: "level", label: t("system_events.level"), kind: "choice", options: choices(["error", "warning", "info"], word) },
      { name: "service", label: t("system_events.service"), kind: "choice", options: choices(SERVICES, word) },
      { name: "from", label: t("system_events.from"), kind: "time" },
      { name: "to", label: t("system_events.to"), kind: "time" },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("system_events.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => String(one.position)} empty=${t("system_events.empty")}
      columns=${[
        { key: "time", title: t("system_events.at"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.time} />` },
        { key: "level", title: t("system_events.level"), show: (/** @type {any} */ one) => html`<${State} of=${one.level} />` },
        { key: "message", title: t("system_events.message"), wide: true, show: (/** @type {any} */ one) => html`<button type="button" class="quiet" onClick=${() => setShown(one)}>${one.message}</button>` },
        { key: "service", title: t("system_events.service"), show: (/** @type {any} */ one) => one.service },
        { key: "instance", title: t("system_events.instance"), show: (/** @type {any} */ one) => one.instance },
      ]} /><${More} of=${pages} />`}<//>
    ${shown && html`<${Dialog} wide title=${shown.message} onClose=${() => setShown(null)}>
      <${Facts} rows=${[
        [t("system_events.at"), html`<${Moment} at=${shown.time} />`],
        [t("system_events.level"), html`<${State} of=${shown.level} />`],
        [t("system_events.type"), shown.type.replace(/^csms\.|\.v\d+$/g, "")],
        [t("system_events.service"), shown.service],
        [t("system_events.instance"), shown.instance],
      ]} />
      <${Json} value=${shown.data} label=${t("system_events.data")} />
      <div class="actions"><button type="button" onClick=${() => setShown(null)}>${t("action.close")}</button></div><//>`}
  <//>`;
}
