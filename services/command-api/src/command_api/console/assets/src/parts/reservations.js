// Reservations: listed, made, cancelled.

import { at, get, idempotencyKey, post } from "../lib/api.js";
import { reloadOn, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { html, useMemo, useRef, useState } from "../lib/view.js";
import { confirm, Dialog } from "./dialog.js";
import { choices, Filters } from "./filters.js";
import { Form, NumberField, SelectField, TextField, TimeField } from "./form.js";
import { Loaded } from "./loaded.js";
import { notify, notifyProblem } from "./notices.js";
import { Moment, State } from "./shown.js";
import { More, Table } from "./table.js";

const STATUSES = ["pending", "active", "used", "expired", "cancelled", "refused"];
const OPEN = ["pending", "active"];
const HOUR_MS = 3_600_000;

/** @param {any} one */
export const isOpenReservation = (one) => OPEN.includes(one.status);

/** Asked for, confirmed and told; whether the station is asked. @param {any} one */
export async function cancelReservation(one) {
  const isSure = await confirm({ title: t("station_reservations.cancel_title", { token: one.id_token }), text: t("station_reservations.cancel_text"), action: t("station_reservations.cancel"), danger: true });
  if (!isSure) return false;
  try {
    await post(at`/reservations/${one.reservation_id}/cancel`);
    notify(t("station_reservations.cancelling"), { href: to`reservations/${one.reservation_id}` });
    return true;
  } catch (problem) {
    notifyProblem(problem);
    return false;
  }
}

/** Reservations at a station, or at all. @param {{station?: string}} props */
export function ReservationList({ station }) {
  const [{ status, station_id, id_token }] = useQuery();
  const wanted = { station_id: station ?? station_id, id_token: station ? undefined : id_token, status };
  const pages = usePages(({ cursor }, signal) => get("/reservations", { ...wanted, cursor, limit: 100 }, signal), [wanted],
    reloadOn(["reservation"], ({ data }) => !station || data.station_id === station));
  const cancel = async (/** @type {any} */ one) => (await cancelReservation(one)) && pages.reload();
  const mayCancel = can("operator");
  const columns = useMemo(() => [
    { key: "id", title: t("station_reservations.number"), show: (/** @type {any} */ one) => html`<a href=${to`reservations/${one.reservation_id}`}>${one.reservation_id}</a>` },
    ...(station ? [] : [{ key: "station", title: t("reservations.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a>` }]),
    { key: "connector", title: t("state.connector"), show: (/** @type {any} */ one) => (one.connector_id === 0 ? t("station_reservations.any") : one.connector_id) },
    { key: "token", title: t("state.id_token"), show: (/** @type {any} */ one) => html`<a href=${to`id-tokens/${one.id_token}`}>${one.id_token}</a>` },
    { key: "status", title: t("state.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} /> ${one.cancel_wanted_at && isOpenReservation(one) ? t("station_reservations.cancel_wanted") : ""}` },
    { key: "expires", title: t("station_reservations.expires"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.expires_at} />` },
    { key: "transaction", title: t("state.transaction"), show: (/** @type {any} */ one) => one.transaction_id && html`<a href=${to`transactions/${one.transaction_id}`}>${one.transaction_id}</a>` },
    { key: "reason", title: t("station_reservations.reason"), wide: true, show: (/** @type {any} */ one) => one.cancel_failure ?? (one.reason && word(one.reason)) },
    ...(mayCancel ? [{ key: "cancel", title: t("state.actions"), show: (/** @type {any} */ one) => (isOpenReservation(one)
      ? html`<button type="button" class="quiet" aria-label=${t("station_reservations.cancel_title", { token: one.id_token })} onClick=${() => cancel(one)}>${t("station_reservations.cancel")}</button>` : "") }] : []),
  ], [mayCancel, station]);
  return html`<${Filters} filters=${[
      ...(station ? [] : [{ name: "station_id", label: t("reservations.station") }, { name: "id_token", label: t("state.id_token") }]),
      { name: "status", label: t("state.status"), kind: "choice", options: choices(STATUSES, word) },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("reservations.title")} columns=${columns} rows=${pages.items ?? []}
      keyOf=${(/** @type {any} */ one) => String(one.reservation_id)} empty=${t(wanted.status || wanted.id_token ? "station_reservations.empty_filtered" : station ? "station_reservations.empty" : "reservations.empty")} />`}<//>
    <${More} of=${pages} />`;
}

/** At `station`, or at one that is named. @param {{station?: any, onClose: () => void}} props */
export function MakeReservation({ station, onClose }) {
  const [body, setBody] = useState(/** @type {Record<string, any>} */ ({ station_id: station?.station_id ?? "", connector_id: "0", id_token: "", group_id: "", expires_at: new Date(Date.now() + HOUR_MS).toISOString() }));
  const attempt = useRef({ question: "", key: "" });
  const tied = (/** @type {string} */ name) => ({ name, value: body[name], onChange: (/** @type {any} */ value) => setBody((before) => ({ ...before, [name]: value })) });
  const connectors = (station?.connectors ?? []).filter((/** @type {any} */ one) => one.connector_id > 0);
  const make = async () => {
    const question = JSON.stringify(body);
    if (attempt.current.question !== question) attempt.current = { question, key: idempotencyKey() };
    const made = await post("/reservations", {
      station_id: body.station_id, connector_id: Number(body.connector_id), id_token: body.id_token, group_id: body.group_id || null, expires_at: body.expires_at,
    }, { headers: { "Idempotency-Key": attempt.current.key } });
    notify(t("station_reservations.made"), { href: to`reservations/${made.reservation_id}` });
    onClose();
  };
  return html`<${Dialog} title=${t("station_reservations.make")} onClose=${onClose}>
    <${Form} onSubmit=${make} submit=${t("station_reservations.submit")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      ${!station && html`<${TextField} label=${t("reservations.station")} ...${tied("station_id")} required maxLength=${255} />`}
      ${station
        ? html`<${SelectField} label=${t("state.connector")} ...${tied("connector_id")} options=${[{ value: "0", text: t("station_reservations.any") },
          ...connectors.map((/** @type {any} */ one) => ({ value: String(one.connector_id), text: `${one.connector_id} (${word(one.status)})` }))]} />`
        : html`<${NumberField} label=${t("state.connector")} name="connector_id" hint=${t("reservations.connector_hint")} required min=${0} value=${Number(body.connector_id)}
            onChange=${(/** @type {number | null} */ n) => tied("connector_id").onChange(String(n ?? 0))} />`}
      <${TextField} label=${t("state.id_token")} ...${tied("id_token")} required maxLength=${20} />
      <${TextField} label=${t("station_reservations.group")} ...${tied("group_id")} maxLength=${20} hint=${t("station_reservations.group_hint")} />
      <${TimeField} label=${t("station_reservations.until")} ...${tied("expires_at")} required />
    <//>
  <//>`;
}
