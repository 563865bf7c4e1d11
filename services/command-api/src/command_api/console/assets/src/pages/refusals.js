// Refused handshakes: which stations don't get in, and why.

import { get } from "../lib/api.js";
import { useEvery, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { keysBelow, t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html } from "../lib/view.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { refusalTitle } from "../parts/refusal_advice.js";
import { Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

const PAGE = 100;
// REST has no filter of addresses: so much of the list is looked through for one page.
const LOOKED_THROUGH = 5000;
// No event tells of refusals.
const EVERY_MS = 10_000;
const REASONS = keysBelow("refusal.title.");

/**
 * A page of refusals; of one address, where it is given.
 * @param {Record<string, string | undefined>} query @param {string} address @param {string | null} cursor @param {AbortSignal} signal
 */
async function page(query, address, cursor, signal) {
  if (!address) return get("/refusals", { ...query, limit: PAGE, cursor }, signal);
  /** @type {any[]} */
  const items = [];
  let next = cursor;
  let looked = 0;
  do {
    const one = await get("/refusals", { ...query, limit: 500, cursor: next }, signal);
    items.push(...one.items.filter((/** @type {any} */ item) => item.remote_address.includes(address)));
    next = one.next_cursor;
    looked += one.items.length;
  } while (next !== null && items.length < PAGE && looked < LOOKED_THROUGH);
  return { items, next_cursor: next };
}

export default function Refusals() {
  const [{ station_id, reason, address = "", from, to: until }] = useQuery();
  const pages = usePages(
    ({ cursor }, signal) => page({ station_id, reason, from, to: until }, address, cursor, signal),
    [station_id, reason, address, from, until],
  );
  // Looking through the list for an address is too much to do again and again.
  useEvery(address ? null : EVERY_MS, pages.reload);
  return html`<${Page} title=${t("refusals.title")}>
    <p>${t("refusals.text")}</p>
    <${Filters} filters=${[
      { name: "station_id", label: t("refusals.station") },
      { name: "address", label: t("refusals.address") },
      { name: "reason", label: t("refusals.reason"), kind: "choice", options: choices(REASONS, (one) => t(`refusal.title.${one}`)) },
      { name: "from", label: t("refusals.from"), kind: "time" },
      { name: "to", label: t("refusals.to"), kind: "time" },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${RefusalTable} refusals=${pages.items ?? []} /><${More} of=${pages} />`}<//>
  <//>`;
}

/** @param {{refusals: any[]}} props */
const RefusalTable = ({ refusals }) =>
  html`<${Table} label=${t("refusals.title")} rows=${refusals} keyOf=${(/** @type {any} */ one) => String(one.id)} empty=${t("refusals.empty")}
    columns=${[
      { key: "last_at", title: t("refusals.last"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.last_at} />` },
      { key: "station_id", title: t("refusals.station"), show: (/** @type {any} */ one) => one.station_id ?? html`<span class="none">${t("refusals.no_station")}</span>` },
      { key: "title", title: t("refusals.what"), wide: true, show: (/** @type {any} */ one) => html`<a href=${to`refusals/${one.id}`}>${refusalTitle(one)}</a>` },
      { key: "remote_address", title: t("refusals.address"), show: (/** @type {any} */ one) => one.remote_address },
      { key: "times", title: t("refusals.times"), number: true, show: (/** @type {any} */ one) => count(one.times) },
      { key: "detail", title: t("refusals.detail"), wide: true, show: (/** @type {any} */ one) => one.detail },
    ]} />`;
