// What a transaction costs, or a reservation that nobody used: so far, or for good, with its bills.

import { at, get, post } from "../lib/api.js";
import { reloadOn, useEvery, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { hasText, t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { askAndRelease, billColumns, nameOfBilled } from "./bills.js";
import { BusyButton } from "./busy_button.js";
import { CostInFull, CostState, ExplainedReasons, TariffLink } from "./cost.js";
import { confirm } from "./dialog.js";
import { Loaded } from "./loaded.js";
import { missingWords } from "./missing.js";
import { notify, notifyProblem } from "./notices.js";
import { Section } from "./page.js";
import { Moment } from "./shown.js";
import { Table } from "./table.js";

// How it gets on is told by `transaction.cost_changed`; values alone change nothing yet.
const CHANGES = ["transaction.cost_changed", "transaction.stopped", "transaction.corrected", "reservation", "bill"];
const BILLS_AT_MOST = 100;
const SETTLING_MS = 5000;

/** @typedef {{transaction_id: number} | {reservation_id: number}} Billed */

/** @param {Billed} of */
const pathOf = (of) => ("transaction_id" in of ? at`/transactions/${of.transaction_id}` : at`/reservations/${of.reservation_id}`);

/** @param {any} cost @returns {string | null} */
function textOf(cost) {
  if (!("reservation_id" in cost)) return hasText(`cost.text.${cost.status}`) ? t(`cost.text.${cost.status}`) : null;
  if (cost.status === "final" && cost.total_incl_vat === null) return t("cost.reservation.nothing");
  return hasText(`cost.reservation.${cost.status}`) ? t(`cost.reservation.${cost.status}`) : null;
}

/** @param {{of: Billed}} props */
export function CostAndBills({ of }) {
  const [[field, id]] = Object.entries(of);
  const live = useLive(
    async (signal) => {
      const [cost, bills] = await Promise.all([
        get(`${pathOf(of)}/cost`, {}, signal),
        get("/bills", { ...of, limit: BILLS_AT_MOST }, signal),
      ]);
      return { cost, bills: bills.items };
    },
    [field, id], reloadOn(CHANGES, (event) => event.data[field] === id),
  );
  // No event tells that there is no tariff for it.
  useEvery(live.data?.cost.status === "settling" ? SETTLING_MS : null, live.reload);
  return html`<${Section} title=${t("transaction.cost")} actions=${live.data && html`<${CostState} of=${live.data.cost.status} />`}>
    <${Loaded} of=${live}>${(/** @type {{cost: any, bills: any[]}} */ { cost, bills }) => html`
      ${textOf(cost) && html`<p class="hint">${textOf(cost)}</p>`}
      ${cost.review.length > 0 && html`<${ExplainedReasons} reasons=${cost.review} />`}
      ${/* One that goes on can't be billed, and one that is being settled is billed anyway. */ (cost.bill_id || cost.status === "unpriced") && can("operator") && html`<div class="actions above">
        ${cost.status === "review" && cost.bill_id && html`<button type="button" class="primary" onClick=${() => askAndRelease({ bill_id: cost.bill_id, ...of }, live.reload)}>${t("bill.release")}</button>`}
        <${BillAnew} of=${of} onDone=${live.reload} /></div>`}
      <${CostInFull} cost=${cost} facts=${factsOf(cost, bills)} />
      ${bills.length > 0 && html`<h3>${t("cost.bills")}</h3><${Bills} bills=${bills} />`}`}<//>
  <//>`;
}

/** @param {{of: Billed, onDone: () => void}} props */
function BillAnew({ of, onDone }) {
  const [isBusy, setBusy] = useState(false);
  const ask = async () => {
    if (!(await confirm({ title: t("cost.anew_title", { what: nameOfBilled(of) }), text: t("cost.anew_text"), action: t("cost.anew") }))) return;
    setBusy(true);
    try {
      await post(`${pathOf(of)}/settle`);
      notify(t("cost.anew_asked"));
      onDone();
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setBusy(false);
    }
  };
  return html`<${BusyButton} isBusy=${isBusy} onClick=${ask}>${t(isBusy ? "action.busy" : "cost.anew")}<//>`;
}

/** @param {any} cost @param {any[]} bills @returns {any[]} */
function factsOf(cost, bills) {
  const cdr = bills.find((one) => one.bill_id === cost.bill_id)?.cdr_id;
  return [
    cost.tariff_id && [t("cost.tariff"), html`<${TariffLink} of=${cost} />`],
    cdr && [t("cdr.title"), html`<a href=${to`cdrs/${cdr}`}>${t("cdr.at", { n: cost.cdr_position })}</a>`],
    cost.calculated_at && [t("cost.calculated"), html`<${Moment} at=${cost.calculated_at} />`],
    cost.missing.length > 0 && [t("cdr.missing"), missingWords(cost.missing)],
  ];
}

/** @param {{bills: any[]}} props */
const Bills = ({ bills }) => html`<${Table} label=${t("cost.bills")} rows=${bills} keyOf=${(/** @type {any} */ bill) => bill.bill_id}
  columns=${billColumns().filter(({ key }) => !["of", "station_id"].includes(key))} />`;
