// Bills and credits; first of all those that wait for somebody to look at them.

import { get } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { askAndRelease, billColumns, nameOfBill, release } from "../parts/bills.js";
import { BulkDialog, oneByOne } from "../parts/bulk_action.js";
import { Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { More, Table } from "../parts/table.js";

const SHOWN = ["final", "all"];

/** A credit that waits is sent with the bill that comes instead. @param {any} bill */
const mayBeReleased = (bill) => bill.status === "review" && bill.kind === "bill";

export default function Bills() {
  const [query] = useQuery();
  const { station_id, transaction_id, reservation_id, show } = query;
  const status = show === "all" ? null : show === "final" ? "final" : "review";
  const pages = usePages(
    ({ cursor }, signal) => get("/bills", { station_id, transaction_id, reservation_id, status, cursor, limit: 100 }, signal),
    [station_id, transaction_id, reservation_id, status],
    reloadOn(["bill"]),
  );
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [isReleasing, setReleasing] = useState(false);
  const mayRelease = can("operator") && status !== "final";
  const items = pages.items ?? [];
  const chosen = items.filter((one) => selected.has(one.bill_id) && mayBeReleased(one));
  const done = () => {
    setSelected(new Set());
    pages.reload();
  };
  const columns = [...billColumns(), ...(mayRelease ? [{
    key: "release", title: html`<span class="visually-hidden">${t("bill.release")}</span>`,
    show: (/** @type {any} */ bill) => (mayBeReleased(bill) ? html`<button type="button" class="quiet" onClick=${() => askAndRelease(bill, pages.reload)}>${t("bill.release")}</button>` : ""),
  }] : [])];
  return html`<${Page} title=${t("bills.title")}>
    <p>${t("bills.text")}</p>
    <${Filters} filters=${[
      { name: "show", label: t("bills.show"), kind: "choice", empty: t("bills.review"), options: SHOWN.map((value) => ({ value, text: t(`bills.${value}`) })) },
      { name: "station_id", label: t("transactions.station") },
      { name: "transaction_id", label: t("transaction.title") },
      { name: "reservation_id", label: t("reservation.title") },
    ]} />
    ${mayRelease && html`<div class="actions above"><button type="button" disabled=${chosen.length === 0} onClick=${() => setReleasing(true)}>${t("bills.release_selected", { n: chosen.length })}</button></div>`}
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("bills.title")} rows=${items} keyOf=${(/** @type {any} */ bill) => bill.bill_id} nameOf=${nameOfBill} columns=${columns}
      selected=${mayRelease ? selected : undefined} onSelect=${mayRelease ? setSelected : undefined} empty=${t(status === "review" ? "bills.none_wait" : "bills.empty")} /><${More} of=${pages} />`}<//>
    ${isReleasing && html`<${BulkDialog} title=${t("bills.releasing")} text=${t("bill.release_text")} make=${() => oneByOne(chosen, (bill) => release(bill.bill_id), nameOfBill)}
      submit=${(/** @type {number} */ n) => t("bills.release_n", { n })} onClose=${() => setReleasing(false)} onDone=${done} />`}
  <//>`;
}
