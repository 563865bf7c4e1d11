// Bills and credits: their columns, their release, and what events change of them.

import { at, post } from "../lib/api.js";
import { to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { money } from "../lib/units.js";
import { html } from "../lib/view.js";
import { CostState, reasonName } from "./cost.js";
import { confirm } from "./dialog.js";
import { notify, notifyProblem } from "./notices.js";
import { Moment } from "./shown.js";

/** @param {string} bill_id */
export const release = (bill_id) => post(at`/bills/${bill_id}/release`);

/** What is billed, within a sentence. @param {{transaction_id?: number | null, reservation_id?: number | null}} of */
export const nameOfBilled = ({ transaction_id, reservation_id }) =>
  reservation_id ? t("bill.reservation", { id: reservation_id }) : t("bill.transaction", { id: transaction_id ?? "" });

/** @param {any} bill */
export const nameOfBill = (bill) => t("bill.of", { what: nameOfBilled(bill) });

/** Ask, then send a bill on that was kept back. @param {{bill_id: string, transaction_id?: number | null, reservation_id?: number | null}} bill @param {() => void} onDone */
export async function askAndRelease(bill, onDone) {
  const { bill_id } = bill;
  if (!(await confirm({ title: t("bill.release_title", { what: nameOfBilled(bill) }), text: t("bill.release_text"), action: t("bill.release") }))) return;
  try {
    await release(bill_id);
    notify(t("bill.released"));
  } catch (problem) {
    notifyProblem(problem);
  }
  onDone();
}

/** @param {any} bill */
const kindOf = (bill) => t(bill.kind === "credit" ? "bill.credit" : bill.corrects ? "bill.anew" : "bill.bill");

/** @returns {import("./table.js").Column[]} */
export const billColumns = () => [
  { key: "created_at", title: t("bill.created"), show: (bill) => html`<${Moment} at=${bill.created_at} />` },
  { key: "kind", title: t("bill.kind"), show: kindOf },
  { key: "of", title: t("bill.whose"), show: (bill) => (bill.reservation_id
    ? html`<a href=${to`reservations/${bill.reservation_id}`}>${t("reservation.at", { id: bill.reservation_id })}</a>`
    : html`<a href=${to`transactions/${bill.transaction_id}`}>${t("transaction.at", { id: bill.transaction_id })}</a>`) },
  { key: "station_id", title: t("transactions.station"), show: (bill) => html`<a href=${to`stations/${bill.station_id}`}>${bill.station_id}</a>` },
  { key: "total", title: t("cost.total_incl"), number: true, show: (bill) => money(bill.total_incl_vat, bill.currency) },
  { key: "status", title: t("bill.status"), show: (bill) => html`<${CostState} of=${bill.status} />` },
  { key: "review", title: t("bill.why"), wide: true, show: (bill) => bill.review.map(reasonName).join(", ") },
  { key: "cdr", title: t("bill.cdr"), show: (bill) => bill.cdr_id && html`<a href=${to`cdrs/${bill.cdr_id}`}>${t("cdr.at", { n: bill.cdr_position ?? "" })}</a>` },
];
