// Why one station was turned away; it need not exist.

import { at, get } from "../../lib/api.js";
import { reloadOn, usePages } from "../../lib/live.js";
import { to, useQuery } from "../../lib/router.js";
import { me } from "../../lib/session.js";
import { t } from "../../lib/text.js";
import { count } from "../../lib/units.js";
import { html } from "../../lib/view.js";
import { Filters } from "../../parts/filters.js";
import { Loaded } from "../../parts/loaded.js";
import { Facts, Section } from "../../parts/page.js";
import { Advice, refusalTitle } from "../../parts/refusal_advice.js";
import { Moment } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { More } from "../../parts/table.js";

/** @param {{params: {station_id: string}}} props */
export default function StationRefusals({ params: { station_id: id } }) {
  const list = html`<${List} id=${id} />`;
  return html`<${StationFrame} id=${id} tab="refusals" without=${list}>${() => list}<//>`;
}

/** @param {{id: string}} props */
function List({ id }) {
  const [{ from, to: until }] = useQuery();
  const pages = usePages(
    ({ cursor }, signal) => get(at`/stations/${id}/refusals`, { from, to: until, cursor, limit: 100 }, signal),
    [id, from, until],
    reloadOn(["security.connection_refused"], (event) => event.data?.station_id === id),
  );
  return html`<${Filters} filters=${[{ name: "from", label: t("station_refusals.from"), kind: "time" }, { name: "to", label: t("station_refusals.to"), kind: "time" }]} />
    <${Loaded} of=${pages}>${() => html`
      ${(pages.items ?? []).map((one) => html`<${Refusal} key=${one.id} refusal=${one} />`)}
      ${pages.items?.length === 0 && html`<p class="none">${t(from || until ? "station_refusals.empty_filtered" : "station_refusals.empty")}</p>`}`}<//>
    <${More} of=${pages} />`;
}

/** @param {{refusal: any}} props */
function Refusal({ refusal }) {
  // A refusal's page is nobody's who is limited to some stations.
  const actions = me.peek()?.scope ? null : html`<a class="button" href=${to`refusals/${refusal.id}`}>${t("station_refusals.open")}</a>`;
  return html`<${Section} title=${refusalTitle(refusal)} actions=${actions}>
    <${Facts} rows=${[
      [t("station_refusals.last"), html`<${Moment} at=${refusal.last_at} />`],
      [t("station_refusals.times"), count(refusal.times)],
      refusal.times > 1 && [t("station_refusals.first"), html`<${Moment} at=${refusal.first_at} />`],
      [t("station_refusals.address"), refusal.remote_address],
      [t("station_refusals.why"), refusal.detail],
    ]} />
    <h3>${t("station_refusals.check")}</h3>
    <${Advice} of=${refusal} />
  <//>`;
}
