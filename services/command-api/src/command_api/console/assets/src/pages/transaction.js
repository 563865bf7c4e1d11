// One transaction: facts, curves, what is odd about it, and what else was said.

import { at, everything, get, idempotencyKey, post } from "../lib/api.js";
import { RELOAD, useLive } from "../lib/live.js";
import { navigate, to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { hasText, t, word } from "../lib/text.js";
import { count, duration, energy, percent, power, quantity } from "../lib/units.js";
import { html, useMemo, useState } from "../lib/view.js";
import { CostAndBills } from "../parts/cost_and_bills.js";
import { Curve } from "../parts/curve.js";
import { confirm, Dialog } from "../parts/dialog.js";
import { Form, NumberField, TextField } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { measuredCurves, measurandName } from "../parts/measured_curves.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Json, Moment, State } from "../parts/shown.js";
import { Table } from "../parts/table.js";
import { after } from "../parts/transaction_events.js";
import { ExplainedFlags } from "../parts/transaction_flags.js";

const VALUES_AT_MOST = 20_000;

/** @param {{params: Record<string, string>}} props */
export default function Transaction({ params }) {
  const id = Number(params.transaction_id);
  const isOwn = (/** @type {any} */ event) => event.type.startsWith("transaction.") && event.data.transaction_id === id;
  const live = useLive((signal) => get(at`/transactions/${params.transaction_id}`, {}, signal), [id], (before, events) => events.filter(isOwn).reduce(after, before));
  const transaction = live.data;
  const [isClosing, setClosing] = useState(false);
  const isOpen = transaction && transaction.stopped_at === null;
  return html`<${Page} title=${t("transaction.at", { id: params.transaction_id })} crumbs=${[{ href: "transactions", text: t("transactions.title") }]}
    subtitle=${transaction && html`<${State} of=${transaction.status} />`}
    actions=${isOpen && html`
      ${can("operator") && html`<button type="button" onClick=${() => stop(transaction)}>${t("transaction.stop")}</button>`}
      ${can("admin") && html`<button type="button" onClick=${() => setClosing(true)}>${t("transaction.close")}</button>`}`}>
    <${Loaded} of=${live}>${(/** @type {any} */ one) => html`
      ${one.status === "stop_missing" && html`<p>${t("transaction.stop_missing")}</p>`}
      <${Section} title=${t("transaction.facts")}><${TransactionFacts} of=${one} /><//>
      ${one.flags.length > 0 && html`<${Section} title=${t("transaction.flags")}><${ExplainedFlags} flags=${one.flags} /><//>`}
      <${CostAndBills} of=${{ transaction_id: id }} />
      <${Measured} id=${id} meterStart=${one.meter_start} isOwn=${isOwn} />
      <${Evidence} id=${id} isOwn=${isOwn} />
    `}<//>
    ${isClosing && transaction && html`<${Closing} transaction=${transaction} onClose=${() => setClosing(false)} onDone=${live.reload} />`}
  <//>`;
}

/** @param {any} transaction */
async function stop(transaction) {
  const { station_id, transaction_id } = transaction;
  if (!(await confirm({ title: t("transaction.stop_confirm", { id: transaction_id, station: station_id }), text: t("command.hurts.RemoteStopTransaction"), action: t("transaction.stop"), danger: true }))) return;
  try {
    const command = await post(at`/stations/${station_id}/commands/RemoteStopTransaction`, { transactionId: transaction_id }, { query: { wait: 0 }, headers: { "Idempotency-Key": idempotencyKey() } });
    navigate(to`commands/${command.command_id}`);
  } catch (problem) {
    notifyProblem(problem);
  }
}

/** A meter's reading, to the watt-hour. @param {number | null} wh */
const register = (wh) => (wh === null ? null : `${count(wh)} Wh`);

/** @param {{of: any}} props */
function TransactionFacts({ of: one }) {
  const until = one.stopped_at === null ? Date.now() : Date.parse(one.stopped_at);
  return html`<${Facts} rows=${[
    [t("transactions.station"), html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a>`],
    [t("transaction.connector"), one.connector_id],
    [t("transactions.token"), one.id_token ? html`<a href=${to`id-tokens/${one.id_token}`}>${one.id_token}</a>` : t("transaction.no_token")],
    [t("transaction.authorization"), html`<${State} of=${one.authorization_status} />`],
    one.site_id && [t("transactions.site"), html`<a href=${to`sites/${one.site_id}`}>${one.site_id}</a>`],
    [t("transactions.started"), html`<${Moment} at=${one.started_at} />`],
    [t("transactions.stopped"), html`<${Moment} at=${one.stopped_at} />`],
    [t("transactions.lasted"), duration((until - Date.parse(one.started_at)) / 1000)],
    [t("transactions.energy"), energy(one.energy_wh ?? one.live?.energy_wh)],
    one.live && [t("transactions.power"), power(one.live.power_w)],
    one.live?.soc_percent != null && [t("transactions.soc"), percent(one.live.soc_percent)],
    one.live?.measured_at && [t("transaction.measured_at"), html`<${Moment} at=${one.live.measured_at} />`],
    [t("transaction.meter_start"), register(one.meter_start)],
    [t("transaction.meter_stop"), register(one.meter_stop)],
    one.stop_reason && [t("transaction.stop_reason"), word(one.stop_reason)],
    one.stop_id_token && [t("transaction.stop_token"), html`<a href=${to`id-tokens/${one.stop_id_token}`}>${one.stop_id_token}</a>`],
    one.station_transaction_id && one.station_transaction_id !== String(one.transaction_id) && [t("transaction.station_transaction_id"), one.station_transaction_id],
    [t("transaction.received"), html`<${Moment} at=${one.received_at} />`],
  ]} />`;
}

/** @param {{id: number, meterStart: number, isOwn: (event: any) => boolean}} props */
function Measured({ id, meterStart, isOwn }) {
  const live = useLive((signal) => everything(at`/transactions/${id}/meter-values`, {}, { signal, atMost: VALUES_AT_MOST }), [id],
    (before, events) => (events.some(isOwn) ? RELOAD : before));
  const curves = useMemo(() => measuredCurves(live.data ?? [], meterStart), [live.data, meterStart]);
  return html`<${Section} title=${t("transaction.measured")}><${Loaded} of=${live}>${() => html`
    ${curves.length === 0 && html`<p class="none">${t("transaction.nothing_measured")}</p>`}
    <div class="curves">${curves.map((one) => html`<div key=${one.measurand}><h3>${measurandName(one.measurand)}</h3>
      <${Curve} series=${one.series} unit=${one.unit} label=${measurandName(one.measurand)} /></div>`)}</div>`}<//><//>`;
}

/** @param {{id: number, isOwn: (event: any) => boolean}} props */
function Evidence({ id, isOwn }) {
  const live = useLive((signal) => everything(at`/transactions/${id}/evidence`, {}, { signal, atMost: 2000 }), [id],
    (before, events) => (events.some(isOwn) ? RELOAD : before));
  const [shown, setShown] = useState(/** @type {any} */ (null));
  if (live.data?.length === 0) return null;
  return html`<${Section} title=${t("evidence.title")}><p class="hint">${t("evidence.text")}</p><${Loaded} of=${live}>${(/** @type {any[]} */ items) => html`
    <${Table} label=${t("evidence.title")} rows=${items.map((item, n) => ({ ...item, n }))} keyOf=${(/** @type {any} */ one) => String(one.n)} columns=${[
      { key: "received_at", title: t("evidence.received"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.received_at} />` },
      { key: "kind", title: t("evidence.kind"), show: (/** @type {any} */ one) => t(`evidence.kind.${one.kind}`) },
      { key: "said", title: t("evidence.said"), show: said },
      { key: "why", title: t("evidence.why"), wide: true, show: (/** @type {any} */ one) => (hasText(`evidence.why.${one.why}`) ? t(`evidence.why.${one.why}`) : word(one.why)) },
      { key: "payload", title: "", show: (/** @type {any} */ one) => one.payload && html`<button type="button" class="quiet" onClick=${() => setShown(one)}>${t("evidence.show")}</button>` },
    ]} />`}<//>
    ${shown && html`<${Dialog} title=${t(`evidence.kind.${shown.kind}`)} onClose=${() => setShown(null)} wide>
      <${Json} value=${shown.payload} /><div class="actions"><button type="button" onClick=${() => setShown(null)}>${t("action.close")}</button></div><//>`}<//>`;
}

/** What an item of the evidence says. @param {any} one */
const said = (one) =>
  one.kind === "stop"
    ? html`<${Moment} at=${one.stopped_at} /> · ${register(one.meter_stop)} · ${word(one.stop_reason)}`
    : html`<${Moment} at=${one.timestamp} /> · ${one.measurand} ${one.phase ?? ""} ${one.value === null ? one.raw : quantity(one.value, one.unit)}`;

/** @param {{transaction: any, onClose: () => void, onDone: () => void}} props */
function Closing({ transaction, onClose, onDone }) {
  const read = transaction.live?.energy_wh;
  const [meter, setMeter] = useState(/** @type {number | null} */ (read == null ? null : Math.round(transaction.meter_start + read)));
  const [reason, setReason] = useState("");
  const close = async () => {
    await post(at`/transactions/${transaction.transaction_id}/close`, { meter_stop: meter, reason });
    notify(t("transaction.closed"));
    onClose();
    onDone();
  };
  return html`<${Dialog} title=${t("transaction.close_title", { id: transaction.transaction_id })} onClose=${onClose}>
    <p>${t("transaction.close_text")}</p>
    <${Form} onSubmit=${close} submit=${t("transaction.close")} danger actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <${NumberField} label=${t("transaction.meter_stop")} unit="Wh" name="meter_stop" value=${meter} onChange=${setMeter} min=${0} max=${2147483647} required
        hint=${t("transaction.close_meter_hint", { start: register(transaction.meter_start) })} />
      <${TextField} label=${t("transaction.close_reason")} name="reason" value=${reason} onChange=${setReason} required maxLength=${500} />
    <//><//>`;
}
