// Reservations at all stations.

import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Page } from "../parts/page.js";
import { MakeReservation, ReservationList } from "../parts/reservations.js";

export default function Reservations() {
  const [isMaking, setMaking] = useState(false);
  return html`<${Page} title=${t("reservations.title")} actions=${can("operator") && html`<button type="button" class="primary" onClick=${() => setMaking(true)}>${t("station_reservations.make")}</button>`}>
    <${ReservationList} />
    ${isMaking && html`<${MakeReservation} onClose=${() => setMaking(false)} />`}<//>`;
}
