// Charge detail records, in the order of their numbers.

import { download, get } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { t } from "../lib/text.js";
import { decimal, money } from "../lib/units.js";
import { html, useState } from "../lib/view.js";
import { BusyButton } from "../parts/busy_button.js";
import { Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { missingWords } from "../parts/missing.js";
import { notifyProblem } from "../parts/notices.js";
import { Page } from "../parts/page.js";
import { Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

/** @typedef {{position: number, cdr: any, missing: string[]}} Cdr */

export default function Cdrs() {
  const [{ from, to: until, after }] = useQuery();
  const pages = usePages(({ cursor }, signal) => get("/cdrs", { from, to: until, after, cursor, limit: 100 }, signal), [from, until, after], reloadOn(["bill"]));
  const [isBusy, setBusy] = useState(false);
  const save = async () => {
    setBusy(true);
    try {
      await download("/cdrs.csv", "cdrs.csv", { from, to: until });
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setBusy(false);
    }
  };
  return html`<${Page} title=${t("cdrs.title")} actions=${html`<${BusyButton} isBusy=${isBusy} onClick=${save}>${t(isBusy ? "action.busy" : "cdrs.download")}<//>`}>
    <p>${t("cdrs.text")}</p>
    <${Filters} filters=${[
      { name: "from", label: t("cdrs.from"), kind: "time" },
      { name: "to", label: t("cdrs.to"), kind: "time" },
      { name: "after", label: t("cdrs.after") },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("cdrs.title")} rows=${pages.items ?? []} keyOf=${(/** @type {Cdr} */ one) => String(one.position)} empty=${t("cdrs.empty")}
      columns=${[
        { key: "position", title: t("cdr.number"), number: true, show: (/** @type {Cdr} */ one) => html`<a href=${to`cdrs/${one.cdr.id}`}>${one.position}</a>` },
        { key: "kind", title: t("bill.kind"), show: (/** @type {Cdr} */ { cdr }) => t(cdr.credit ? "bill.credit" : "bill.bill") },
        { key: "started", title: t("transactions.started"), show: (/** @type {Cdr} */ { cdr }) => html`<${Moment} at=${cdr.start_date_time} />` },
        { key: "ended", title: t("transactions.stopped"), show: (/** @type {Cdr} */ { cdr }) => html`<${Moment} at=${cdr.end_date_time} />` },
        { key: "transaction", title: t("transaction.title"), show: (/** @type {Cdr} */ { cdr }) => cdr.session_id && html`<a href=${to`transactions/${cdr.session_id}`}>${cdr.session_id}</a>` },
        { key: "token", title: t("transactions.token"), show: (/** @type {Cdr} */ { cdr }) => cdr.cdr_token?.uid && html`<a href=${to`id-tokens/${cdr.cdr_token.uid}`}>${cdr.cdr_token.uid}</a>` },
        { key: "place", title: t("transactions.site"), show: (/** @type {Cdr} */ { cdr }) => cdr.cdr_location?.name },
        { key: "energy", title: t("transactions.energy"), number: true, show: (/** @type {Cdr} */ { cdr }) => decimal(cdr.total_energy, "kWh") },
        { key: "total", title: t("cost.total_incl"), number: true, show: (/** @type {Cdr} */ { cdr }) => money(cdr.total_cost?.incl_vat ?? cdr.total_cost?.excl_vat, cdr.currency) },
        { key: "missing", title: t("cdr.missing"), wide: true, show: (/** @type {Cdr} */ { missing }) => missingWords(missing) },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
