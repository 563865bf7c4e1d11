// One refused handshake: what happened, and what an installer can do about it.

import { at, get, parameters } from "../lib/api.js";
import { useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html } from "../lib/view.js";
import { Loaded } from "../parts/loaded.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Advice, refusalTitle } from "../parts/refusal_advice.js";
import { Moment } from "../parts/shown.js";

/** @param {{params: Record<string, string>}} props */
export default function Refusal({ params }) {
  const live = useLive(async (signal) => {
    const refusal = await get(at`/refusals/${params.refusal_id}`, {}, signal);
    return { refusal, station: refusal.station_id === null ? null : await stationOf(refusal.station_id, signal) };
  }, [params.refusal_id]);
  return html`<${Page} title=${live.data ? refusalTitle(live.data.refusal) : t("refusal.title")} crumbs=${[{ href: "refusals", text: t("refusals.title") }]}>
    <${Loaded} of=${live}>${(/** @type {any} */ found) => html`<${Whole} refusal=${found.refusal} station=${found.station} />`}<//><//>`;
}

/** The station, null where nobody has created it. @param {string} id @param {AbortSignal} signal */
async function stationOf(id, signal) {
  try {
    return await get(at`/stations/${id}`, {}, signal);
  } catch (problem) {
    if (/** @type {any} */ (problem).status === 404) return null;
    throw problem;
  }
}

/** @param {{refusal: any, station: any}} props */
function Whole({ refusal, station }) {
  return html`
    <${Section} title=${t("refusal.do")}>
      <${Advice} of=${refusal} />
      <p><b>${t("refusal.said")}</b> ${refusal.detail}</p>
      ${station?.online && html`<p>${t("refusal.in_again")}</p>`}
      <div class="actions">
        ${refusal.station_id !== null && station === null && can("admin") && html`<a class="button primary" href=${`stations/new${parameters({ station_id: refusal.station_id })}`}>${t("refusal.create")}</a>`}
        ${station && html`<a class="button" href=${to`stations/${station.station_id}`}>${t("refusal.to_station")}</a>`}
        ${station && can("admin") && html`<a class="button" href=${to`stations/${station.station_id}/settings`}>${t("refusal.to_settings")}</a>`}
        ${refusal.station_id !== null && html`<a class="button" href=${`refusals${parameters({ station_id: refusal.station_id })}`}>${t("refusal.of_station")}</a>`}
        <a class="button" href=${`refusals${parameters({ address: refusal.remote_address })}`}>${t("refusal.of_address")}</a>
      </div>
    <//>
    <${Section} title=${t("refusal.check")}><ul>${refusal.check.map((/** @type {string} */ one) => html`<li key=${one}>${one}</li>`)}</ul><//>
    <${Section} title=${t("refusal.facts")}><${Facts} rows=${[
      [t("refusals.station"), refusal.station_id === null ? t("refusals.no_station") : station ? html`<a href=${to`stations/${station.station_id}`}>${refusal.station_id}</a>` : html`${refusal.station_id} <span class="none">${t("refusal.not_created")}</span>`],
      [t("refusals.address"), refusal.remote_address],
      [t("refusals.times"), count(refusal.times)],
      [t("refusal.first"), html`<${Moment} at=${refusal.first_at} />`],
      [t("refusals.last"), html`<${Moment} at=${refusal.last_at} />`],
      [t("refusal.http"), refusal.http_status === 0 ? t("refusal.tls") : refusal.http_status],
      [t("refusal.gateway"), refusal.gateway_id],
      [t("refusals.reason"), html`<code>${refusal.reason}</code>`],
    ]} /><//>`;
}
