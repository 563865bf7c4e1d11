// What a transaction costs: so far, or for good, with its bills.

import { at, get, post } from "../lib/api.js";
import { reloadOn, useEvery, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { hasText, t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { askAndRelease, billColumns } from "./bills.js";
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
const CHANGES = ["transaction.cost_changed", "transaction.stopped", "transaction.corrected", "bill"];
const BILLS_AT_MOST = 100;
const SETTLING_MS = 5000;
// One that goes on can't be billed, and one that is being settled is billed anyway.
const HAS_ENDED = ["unpriced", "review", "final"];

/** @param {{id: number}} props */
export function TransactionCost({ id }) {
  const live = useLive(
    async (signal) => {
      const [cost, bills] = await Promise.all([
        get(at`/transactions/${id}/cost`, {}, signal),
        get("/bills", { transaction_id: id, limit: BILLS_AT_MOST }, signal),
      ]);
      return { cost, bills: bills.items };
    },
    [id], reloadOn(CHANGES, (event) => event.data.transaction_id === id),
  );
  // No event tells that there is no tariff for it.
  useEvery(live.data?.cost.status === "settling" ? SETTLING_MS : null, live.reload);
  return html`<${Section} title=${t("transaction.cost")} actions=${live.data && html`<${CostState} of=${live.data.cost.status} />`}>
    <${Loaded} of=${live}>${(/** @type {{cost: any, bills: any[]}} */ { cost, bills }) => html`
      ${hasText(`cost.text.${cost.status}`) && html`<p class="hint">${t(`cost.text.${cost.status}`)}</p>`}
      ${cost.review.length > 0 && html`<${ExplainedReasons} reasons=${cost.review} />`}
      ${HAS_ENDED.includes(cost.status) && can("operator") && html`<div class="actions above">
        ${cost.status === "review" && cost.bill_id && html`<button type="button" class="primary" onClick=${() => askAndRelease({ bill_id: cost.bill_id, transaction_id: id }, live.reload)}>${t("bill.release")}</button>`}
        <${BillAnew} id=${id} onDone=${live.reload} /></div>`}
      <${CostInFull} cost=${cost} facts=${factsOf(cost, bills)} />
      ${bills.length > 0 && html`<h3>${t("cost.bills")}</h3><${Bills} bills=${bills} />`}`}<//>
  <//>`;
}

/** @param {{id: number, onDone: () => void}} props */
function BillAnew({ id, onDone }) {
  const [isBusy, setBusy] = useState(false);
  const ask = async () => {
    if (!(await confirm({ title: t("cost.anew_title", { id }), text: t("cost.anew_text"), action: t("cost.anew") }))) return;
    setBusy(true);
    try {
      await post(at`/transactions/${id}/settle`);
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
