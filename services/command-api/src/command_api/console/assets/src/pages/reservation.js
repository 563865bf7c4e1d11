// One reservation, and what became of it.

import { at, get } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { html } from "../lib/view.js";
import { CostAndBills } from "../parts/cost_and_bills.js";
import { Loaded } from "../parts/loaded.js";
import { Facts, Page, Section } from "../parts/page.js";
import { cancelReservation, isOpenReservation } from "../parts/reservations.js";
import { Moment, State } from "../parts/shown.js";

/** @param {{params: {reservation_id: string}}} props */
export default function Reservation({ params: { reservation_id: id } }) {
  const live = useLive((signal) => get(at`/reservations/${id}`, {}, signal), [id], reloadOn(["reservation"], ({ data }) => String(data.reservation_id) === id));
  const one = live.data;
  const cancel = async () => (await cancelReservation(one)) && live.reload();
  return html`<${Page} title=${t("reservation.at", { id })} crumbs=${[{ href: "reservations", text: t("reservations.title") }]}
      subtitle=${one && html`<${State} of=${one.status} /> ${one.cancel_wanted_at && isOpenReservation(one) ? t("station_reservations.cancel_wanted") : ""}`}
      actions=${one && can("operator") && isOpenReservation(one) && html`<button type="button" class="danger" onClick=${cancel}>${t("station_reservations.cancel")}</button>`}>
    <${Loaded} of=${live}>${(/** @type {any} */ data) => html`<${Section} title=${t("reservation.facts")}><${Facts} rows=${[
      [t("reservations.station"), html`<a href=${to`stations/${data.station_id}`}>${data.station_id}</a>`],
      [t("state.connector"), data.connector_id === 0 ? t("station_reservations.any") : data.connector_id],
      [t("state.id_token"), html`<a href=${to`id-tokens/${data.id_token}`}>${data.id_token}</a>`],
      data.group_id && [t("station_reservations.group"), data.group_id],
      [t("station_reservations.until"), html`<${Moment} at=${data.expires_at} />`],
      [t("reservation.created"), html`<${Moment} at=${data.created_at} />`],
      [t("reservation.by"), data.created_by],
      [t("reservation.answered"), html`<${Moment} at=${data.answered_at} />`],
      [t("reservation.ended"), html`<${Moment} at=${data.ended_at} />`],
      data.reason && [t("station_reservations.reason"), word(data.reason)],
      data.transaction_id && [t("state.transaction"), html`<a href=${to`transactions/${data.transaction_id}`}>${data.transaction_id}</a>`],
      [t("reservation.number"), data.station_reservation_id],
      [t("reservation.command"), html`<a href=${to`commands/${data.command_id}`}>ReserveNow</a>`],
      data.cancel_wanted_at && [t("reservation.cancel_wanted"), html`<${Moment} at=${data.cancel_wanted_at} />`],
      data.cancel_command_id && [t("reservation.cancel_command"), html`<a href=${to`commands/${data.cancel_command_id}`}>CancelReservation</a>`],
      data.cancel_failure && [t("reservation.cancel_failure"), word(data.cancel_failure)],
    ]} /><//>
    <${CostAndBills} of=${{ reservation_id: data.reservation_id }} />`}<//>
  <//>`;
}
