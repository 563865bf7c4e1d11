// Reservations at one station.

import { can } from "../../lib/session.js";
import { t } from "../../lib/text.js";
import { html, useState } from "../../lib/view.js";
import { MakeReservation, ReservationList } from "../../parts/reservations.js";
import { StationFrame } from "../../parts/station_frame.js";

/** @param {{params: {station_id: string}}} props */
export default function StationReservations({ params: { station_id: id } }) {
  const [isMaking, setMaking] = useState(false);
  const actions = can("operator") && html`<button type="button" class="primary" onClick=${() => setMaking(true)}>${t("station_reservations.make")}</button>`;
  return html`<${StationFrame} id=${id} tab="reservations" actions=${actions}>${(/** @type {any} */ station) => html`
    <${ReservationList} station=${id} />
    ${isMaking && html`<${MakeReservation} station=${station} onClose=${() => setMaking(false)} />`}`}<//>`;
}
