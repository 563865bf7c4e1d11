// All transactions, newest first; those that are running are live.

import { get, post } from "../lib/api.js";
import { RELOAD, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { duration, energy, percent, power } from "../lib/units.js";
import { html, useState } from "../lib/view.js";
import { BulkDialog, byFilter, oneByOne } from "../parts/bulk_action.js";
import { ShortCost } from "../parts/cost.js";
import { choices, Filters } from "../parts/filters.js";
import { CheckField, TextField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";
import { afterAll } from "../parts/transaction_events.js";
import { FLAGS, flagName, Flags } from "../parts/transaction_flags.js";

const STATUSES = ["active", "stop_missing", "completed"];
// What the event of a start does not say.
const NOT_TOLD = ["site_id", "tag", "flag", "from", "to"];

export default function Transactions() {
  const [query] = useQuery();
  const wanted = Object.fromEntries(["station_id", "site_id", "tag", "status", "id_token", "flag", "from", "to"].map((name) => [name, query[name]]));
  const pages = usePages(
    ({ cursor }, signal) => get("/transactions", { ...wanted, limit: 100, cursor }, signal),
    [wanted],
    (items, events) => {
      const isNew = events.some(({ type }) => type === "transaction.started");
      if (isNew && NOT_TOLD.some((name) => wanted[name])) return RELOAD;
      return afterAll(items, events, (one) =>
        ["station_id", "id_token", "status"].every((name) => !wanted[name] || one[name] === wanted[name]));
    },
  );
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [closing, setClosing] = useState(/** @type {"" | "selected" | "all"} */ (""));
  const items = pages.items ?? [];
  const open = items.filter((one) => selected.has(String(one.transaction_id)) && one.stopped_at === null && one.status !== "completed");
  const mayClose = can("admin");
  return html`<${Page} title=${t("transactions.title")}>
    <${Filters} filters=${[
      { name: "station_id", label: t("transactions.station") },
      { name: "site_id", label: t("transactions.site") },
      { name: "tag", label: t("transactions.tag") },
      { name: "status", label: t("transactions.status"), kind: "choice", options: choices(STATUSES, word) },
      { name: "id_token", label: t("transactions.token") },
      { name: "flag", label: t("transactions.flag"), kind: "choice", options: choices(FLAGS, flagName) },
      { name: "from", label: t("transactions.from"), kind: "time" },
      { name: "to", label: t("transactions.to"), kind: "time" },
    ]} />
    ${mayClose && html`<div class="actions above">
      <button type="button" disabled=${open.length === 0} onClick=${() => setClosing("selected")}>${t("transactions.close_selected", { n: open.length })}</button>
      ${wanted.status !== "completed" && html`<button type="button" disabled=${Boolean(wanted.site_id || wanted.tag)} onClick=${() => setClosing("all")}>${t(wanted.status === "active" ? "transactions.close_active" : "transactions.close_all")}</button>`}
      ${(wanted.site_id || wanted.tag) && html`<small class="hint">${t("transactions.close_not_by_site")}</small>`}
    </div>`}
    <${Loaded} of=${pages}>${() => html`<${TransactionTable} transactions=${items} selected=${mayClose ? selected : undefined} onSelect=${mayClose ? setSelected : undefined} /><${More} of=${pages} />`}<//>
    ${closing && html`<${Closing} chosen=${closing === "selected" ? open : null} wanted=${wanted} onClose=${() => setClosing("")}
      onDone=${() => { setSelected(new Set()); pages.reload(); }} />`}
  <//>`;
}

/** @param {any} one */
const isRunning = (one) => one.stopped_at === null;

/** @param {{transactions: any[], selected?: Set<string>, onSelect?: (selected: Set<string>) => void}} props */
const TransactionTable = ({ transactions, selected, onSelect }) =>
  html`<${Table} label=${t("transactions.title")} rows=${transactions} keyOf=${(/** @type {any} */ one) => String(one.transaction_id)} selected=${selected} onSelect=${onSelect}
    empty=${t("transactions.empty")}
    columns=${[
      { key: "transaction_id", title: t("transactions.id"), number: true, show: (/** @type {any} */ one) => html`<a href=${to`transactions/${one.transaction_id}`}>${one.transaction_id}</a>` },
      { key: "station_id", title: t("transactions.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a> <span class="none">${one.connector_id}</span>` },
      { key: "id_token", title: t("transactions.token"), show: (/** @type {any} */ one) => (one.id_token ? html`<a href=${to`id-tokens/${one.id_token}`}>${one.id_token}</a>` : null) },
      { key: "status", title: t("transactions.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
      { key: "started_at", title: t("transactions.started"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.started_at} />` },
      { key: "lasted", title: t("transactions.lasted"), number: true, show: (/** @type {any} */ one) => duration(((isRunning(one) ? Date.now() : Date.parse(one.stopped_at)) - Date.parse(one.started_at)) / 1000) },
      { key: "energy", title: t("transactions.energy"), number: true, show: (/** @type {any} */ one) => energy(one.energy_wh ?? one.live?.energy_wh) },
      { key: "cost", title: t("transaction.cost"), number: true, show: (/** @type {any} */ one) => html`<${ShortCost} of=${one.cost} />` },
      { key: "power", title: t("transactions.power"), number: true, show: (/** @type {any} */ one) => power(one.live?.power_w) },
      { key: "soc", title: t("transactions.soc"), number: true, show: (/** @type {any} */ one) => percent(one.live?.soc_percent) },
      { key: "flags", title: t("transactions.flags"), show: (/** @type {any} */ one) => html`<${Flags} flags=${one.flags} />` },
    ]} />`;

/** @param {{chosen: any[] | null, wanted: Record<string, string | undefined>, onClose: () => void, onDone: () => void}} props */
function Closing({ chosen, wanted, onClose, onDone }) {
  const [reason, setReason] = useState("");
  const [isWithout, setWithout] = useState(false);
  const how = { reason, without_reading: isWithout ? "meter_start" : "fail" };
  const make = () => {
    if (chosen) return oneByOne(chosen, (one) => closeOne(one, how), (one) => String(one.transaction_id));
    const { station_id, id_token, flag, from, to: until } = wanted;
    const filters = { station_id, id_token, flag, from, to: until };
    const isAll = Object.values(filters).every((value) => !value);
    return byFilter("/transactions/bulk/close", { ...filters, ...how, all: isAll, status: wanted.status === "active" ? "active" : "stop_missing" });
  };
  return html`<${BulkDialog} title=${t("transactions.closing")} text=${t(chosen ? "transactions.closing_chosen" : wanted.status === "active" ? "transactions.closing_active" : "transactions.closing_missing")}
    make=${make} submit=${(/** @type {number} */ n) => t("transactions.close_n", { n })} danger onClose=${onClose} onDone=${onDone}
    fields=${html`<${TextField} label=${t("transaction.close_reason")} value=${reason} onChange=${setReason} required maxLength=${500} />
      <${CheckField} label=${t("transactions.without_reading")} value=${isWithout} onChange=${setWithout} />`} />`;
}

/**
 * Close one with its last reading: the bulk route does so for what its filter finds, which is this one.
 * @param {any} one @param {Record<string, unknown>} how
 */
async function closeOne(one, how) {
  const outcome = await post("/transactions/bulk/close", {
    ...how,
    status: one.status,
    station_id: one.station_id,
    connector_id: one.connector_id,
    from: one.started_at,
    to: new Date(Date.parse(one.started_at) + 1).toISOString(),
  });
  const [failure] = outcome.failures;
  if (failure) throw Object.assign(new Error(failure.detail), { code: failure.code, status: 409 });
  return outcome;
}
