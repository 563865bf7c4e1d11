// Stops and meter values that fit no transaction, and wait for a decision.

import { at, get, post } from "../lib/api.js";
import { reloadOn, useLive, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { energy } from "../lib/units.js";
import { html, useState } from "../lib/view.js";
import { BulkDialog, byFilter, oneByOne } from "../parts/bulk_action.js";
import { Dialog } from "../parts/dialog.js";
import { Filters } from "../parts/filters.js";
import { Form, NumberField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page } from "../parts/page.js";
import { Json, Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

const KINDS = ["stop", "meter_values"];
const STATUSES = ["reconciled", "dismissed"];
// So many of the station's latest transactions are offered.
const OFFERED = 50;

/** @typedef {{station_id?: string, kind?: string, from?: string, to?: string}} Wanted */

export default function Quarantine() {
  const [query] = useQuery();
  const { status } = query;
  /** @type {Wanted} */
  const wanted = { station_id: query.station_id, kind: query.kind, from: query.from, to: query.to };
  const pages = usePages(
    ({ cursor }, signal) => get("/quarantine", { ...wanted, status, limit: 100, cursor }, signal),
    [wanted, status],
    reloadOn(["quarantine", "transaction.corrected"]),
  );
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [shown, setShown] = useState(/** @type {any} */ (null));
  const [many, setMany] = useState(/** @type {"" | "reconcile" | "dismiss" | "dismiss_selected"} */ (""));
  const isOpen = !status;
  const mayDecide = can("admin") && isOpen;
  const chosen = (pages.items ?? []).filter((one) => selected.has(one.id));
  const done = () => {
    setSelected(new Set());
    pages.reload();
  };
  return html`<${Page} title=${t("quarantine.title")}>
    <p>${t("quarantine.text")}</p>
    <${Filters} filters=${[
      { name: "station_id", label: t("quarantine.station") },
      { name: "kind", label: t("quarantine.kind"), kind: "choice", options: KINDS.map((value) => ({ value, text: t(`quarantine.kind.${value}`) })) },
      { name: "status", label: t("quarantine.shown"), kind: "choice", empty: word("open"), options: STATUSES.map((value) => ({ value, text: word(value) })) },
      { name: "from", label: t("quarantine.from"), kind: "time" },
      { name: "to", label: t("quarantine.to"), kind: "time" },
    ]} />
    ${mayDecide && html`<div class="actions above">
      <button type="button" disabled=${chosen.length === 0} onClick=${() => setMany("dismiss_selected")}>${t("quarantine.dismiss_selected", { n: chosen.length })}</button>
      <button type="button" onClick=${() => setMany("reconcile")}>${t("quarantine.reconcile_all")}</button>
      <button type="button" onClick=${() => setMany("dismiss")}>${t("quarantine.dismiss_all")}</button>
    </div>`}
    <${Loaded} of=${pages}>${() => html`
      <${Table} label=${t("quarantine.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.id} nameOf=${(/** @type {any} */ one) => one.station_id}
        selected=${mayDecide ? selected : undefined} onSelect=${mayDecide ? setSelected : undefined} empty=${t(isOpen ? "quarantine.empty" : "table.empty")}
        columns=${[
          { key: "received_at", title: t("quarantine.received"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.received_at} />` },
          { key: "kind", title: t("quarantine.kind"), show: (/** @type {any} */ one) => html`<button type="button" class="quiet" onClick=${() => setShown(one)}>${t(`quarantine.kind.${one.kind}`)}</button>` },
          { key: "station_id", title: t("quarantine.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a>` },
          { key: "wire", title: t("quarantine.wire"), number: true, show: (/** @type {any} */ one) => one.wire_transaction_id },
          { key: "id_token", title: t("quarantine.token"), show: (/** @type {any} */ one) => one.id_token && html`<a href=${to`id-tokens/${one.id_token}`}>${one.id_token}</a>` },
          { key: "reason", title: t("quarantine.reason"), wide: true, show: (/** @type {any} */ one) => one.reason },
          ...(isOpen ? [] : [{ key: "transaction_id", title: t("quarantine.transaction"), show: (/** @type {any} */ one) => one.transaction_id && html`<a href=${to`transactions/${one.transaction_id}`}>${one.transaction_id}</a>` }]),
        ]} /><${More} of=${pages} />`}<//>
    ${shown && html`<${Item} item=${shown} onClose=${() => setShown(null)} onDone=${done} />`}
    ${many && html`<${Many} what=${many} chosen=${chosen} wanted=${wanted} onClose=${() => setMany("")} onDone=${done} />`}
  <//>`;
}

/** @param {{what: string, chosen: any[], wanted: Wanted, onClose: () => void, onDone: () => void}} props */
function Many({ what, chosen, wanted, onClose, onDone }) {
  const isAll = Object.values(wanted).every((value) => !value);
  const make = () =>
    what === "dismiss_selected"
      ? oneByOne(chosen, (one) => post(at`/quarantine/${one.id}/dismiss`), (one) => one.id)
      : byFilter(`/quarantine/bulk/${what}`, { ...wanted, all: isAll });
  const verb = what === "reconcile" ? "reconcile" : "dismiss";
  return html`<${BulkDialog} title=${t(`quarantine.${verb}_many`)} text=${t(`quarantine.${what}_text`)} make=${make} danger=${verb === "dismiss"}
    submit=${(/** @type {number} */ n) => t(`quarantine.${verb}_n`, { n })} onClose=${onClose} onDone=${onDone} />`;
}

/** @param {{item: any, onClose: () => void, onDone: () => void}} props */
function Item({ item, onClose, onDone }) {
  const mayDecide = can("admin") && item.status === "open";
  const dismiss = async () => {
    try {
      await post(at`/quarantine/${item.id}/dismiss`);
      notify(t("quarantine.dismissed"));
      onClose();
    } catch (problem) {
      notifyProblem(problem);
    }
    onDone();
  };
  return html`<${Dialog} title=${t("quarantine.item", { kind: t(`quarantine.kind.${item.kind}`), station: item.station_id })} onClose=${onClose} wide>
    <p>${item.reason}</p>
    <${Facts} rows=${[
      [t("quarantine.station"), html`<a href=${to`stations/${item.station_id}`}>${item.station_id}</a>`],
      [t("quarantine.received"), html`<${Moment} at=${item.received_at} />`],
      [t("quarantine.connector"), item.connector_id],
      [t("quarantine.wire"), item.wire_transaction_id],
      [t("quarantine.token"), item.id_token],
      [t("quarantine.shown"), html`<${State} of=${item.status} />`],
      item.transaction_id !== null && [t("quarantine.transaction"), html`<a href=${to`transactions/${item.transaction_id}`}>${item.transaction_id}</a>`],
      [t("quarantine.attempts"), item.attempts],
      [t("quarantine.tried"), html`<${Moment} at=${item.tried_at} />`],
    ]} />
    <${Json} value=${item.payload} label=${t("quarantine.content")} />
    ${mayDecide
      ? html`<h3>${t("quarantine.choose")}</h3><${Choice} item=${item} onClose=${onClose} onDone=${onDone}
          actions=${html`<button type="button" class="danger" onClick=${dismiss}>${t("quarantine.dismiss")}</button><button type="button" onClick=${onClose}>${t("action.close")}</button>`} />`
      : html`<div class="actions"><button type="button" onClick=${onClose}>${t("action.close")}</button></div>`}<//>`;
}

/** Which transaction of its station an item belongs to. @param {{item: any, actions: any, onClose: () => void, onDone: () => void}} props */
function Choice({ item, actions, onClose, onDone }) {
  const live = useLive(async (signal) => {
    const query = { station_id: item.station_id, limit: OFFERED };
    // What began after it was received can't be meant, except by a clock that is wrong.
    const [open, latest] = await Promise.all([
      get("/transactions", { ...query, status: "stop_missing" }, signal),
      get("/transactions", { ...query, to: item.received_at }, signal),
    ]);
    const all = [...open.items, ...latest.items];
    return all.filter((one, n) => all.findIndex((other) => other.transaction_id === one.transaction_id) === n);
  }, [item.id]);
  const [id, setId] = useState(/** @type {number | null} */ (null));
  const reconcile = async () => {
    await post(at`/quarantine/${item.id}/reconcile`, { transaction_id: id });
    notify(t("quarantine.reconciled"), { href: to`transactions/${id}` });
    onClose();
    onDone();
  };
  return html`<${Form} onSubmit=${reconcile} submit=${t("quarantine.reconcile")} disabled=${id === null} actions=${actions}>
    <${Loaded} of=${live}>${(/** @type {any[]} */ offered) => html`<${Table} label=${t("quarantine.choose")} rows=${offered} keyOf=${(/** @type {any} */ one) => String(one.transaction_id)}
      empty=${t("quarantine.none_offered")} columns=${[
        { key: "choose", title: "", show: (/** @type {any} */ one) => html`<input type="radio" name="transaction" aria-label=${t("quarantine.this", { id: one.transaction_id })} checked=${one.transaction_id === id} onChange=${() => setId(one.transaction_id)} />` },
        { key: "transaction_id", title: t("quarantine.transaction"), show: (/** @type {any} */ one) => html`<a href=${to`transactions/${one.transaction_id}`} target="_blank">${one.transaction_id}</a>` },
        { key: "status", title: t("quarantine.shown"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
        { key: "connector_id", title: t("quarantine.connector"), number: true, show: (/** @type {any} */ one) => one.connector_id },
        { key: "id_token", title: t("quarantine.token"), show: (/** @type {any} */ one) => one.id_token },
        { key: "started_at", title: t("quarantine.started"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.started_at} />` },
        { key: "stopped_at", title: t("quarantine.ended"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.stopped_at} />` },
        { key: "energy", title: t("quarantine.energy"), number: true, show: (/** @type {any} */ one) => energy(one.energy_wh ?? one.live?.energy_wh) },
      ]} />`}<//>
    <${NumberField} label=${t("quarantine.other")} name="transaction_id" value=${id} onChange=${setId} min=${1} max=${2147483647} />
  <//>`;
}
