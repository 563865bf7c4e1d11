// One charge detail record, to be read, and as it is.

import { at, get } from "../lib/api.js";
import { useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { hasText, t, word } from "../lib/text.js";
import { decimal, money } from "../lib/units.js";
import { html } from "../lib/view.js";
import { Loaded } from "../parts/loaded.js";
import { missingWords } from "../parts/missing.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Json, Moment } from "../parts/shown.js";
import { SignedValues } from "../parts/signed_values.js";
import { Table } from "../parts/table.js";

const COSTS = ["total_fixed_cost", "total_energy_cost", "total_time_cost", "total_parking_cost", "total_reservation_cost"];

/** @param {{params: {cdr_id: string}}} props */
export default function ChargeDetailRecord({ params: { cdr_id } }) {
  const live = useLive((signal) => get(at`/cdrs/${cdr_id}`, {}, signal), [cdr_id]);
  return html`<${Page} title=${live.data ? t("cdr.at", { n: live.data.position }) : t("cdr.title")} crumbs=${[{ href: "cdrs", text: t("cdrs.title") }]}
      subtitle=${live.data?.cdr.credit && html`<span class="state busy">${t("bill.credit")}</span>`}>
    <${Loaded} of=${live}>${(/** @type {{position: number, cdr: any, missing: string[]}} */ { cdr, missing }) => html`
      ${missing.length > 0 && html`<div class="once"><p>${t("cdr.lacks", { what: missingWords(missing) })} <a href="tariff-assignments">${t("cdr.see_missing")}</a></p></div>`}
      <${Section} title=${t("cdr.costs")}><${Costs} cdr=${cdr} /><//>
      <${Section} title=${t("cdr.session")}><${Session} cdr=${cdr} /><//>
      <${Section} title=${t("cdr.place")}><${Place} cdr=${cdr} /><//>
      <${Section} title=${t("cdr.periods")}><${Periods} cdr=${cdr} /><//>
      ${cdr.signed_data && html`<${Section} title=${t("signed.title")}><${SignedValues} data=${cdr.signed_data} /><//>`}
      <${Section} title=${t("cdr.json")}><details><summary>${t("cdr.json_text")}</summary><${Json} value=${cdr} label=${t("cdr.json")} /></details><//>`}<//>
  <//>`;
}

/** @param {any} price @param {string} currency */
const both = (price, currency) =>
  price && (price.incl_vat === undefined || price.incl_vat === null
    ? money(price.excl_vat, currency)
    : t("tariff.limit_both", { excl: money(price.excl_vat, currency), incl: money(price.incl_vat, currency) }));

/** @param {{cdr: any}} props */
const Costs = ({ cdr }) => html`<${Facts} rows=${[
  [t("cost.total_incl"), html`<b class="total">${money(cdr.total_cost.incl_vat ?? cdr.total_cost.excl_vat, cdr.currency)}</b>`],
  [t("cost.total_excl"), money(cdr.total_cost.excl_vat, cdr.currency)],
  ...COSTS.map((name) => cdr[name] && [t(`cdr.${name}`), both(cdr[name], cdr.currency)]),
  ...(cdr.tariffs ?? []).map((/** @type {any} */ one) => [t("tariff.title"), html`<a href=${to`tariffs/${one.id}`}>${one.id}</a>`]),
  cdr.credit_reference_id && [t("cdr.credit_of"), html`<a href=${to`cdrs/${cdr.credit_reference_id}`}>${cdr.credit_reference_id}</a>`],
  cdr.remark && [t("cdr.remark"), cdr.remark],
]} />`;

/** @param {{cdr: any}} props */
const Session = ({ cdr }) => html`<${Facts} rows=${[
  cdr.session_id && [t("transaction.title"), html`<a href=${to`transactions/${cdr.session_id}`}>${cdr.session_id}</a>`],
  [t("transactions.started"), html`<${Moment} at=${cdr.start_date_time} />`],
  [t("transactions.stopped"), html`<${Moment} at=${cdr.end_date_time} />`],
  [t("transactions.energy"), decimal(cdr.total_energy, "kWh")],
  [t("cdr.time"), decimal(cdr.total_time, "h")],
  cdr.total_parking_time !== undefined && [t("cdr.parking_time"), decimal(cdr.total_parking_time, "h")],
  cdr.cdr_token && [t("transactions.token"), html`<a href=${to`id-tokens/${cdr.cdr_token.uid}`}>${cdr.cdr_token.uid}</a>`],
  cdr.cdr_token?.contract_id && [t("cdr.contract"), cdr.cdr_token.contract_id],
  [t("cdr.auth_method"), cdr.auth_method && (hasText(`cdr.auth.${cdr.auth_method}`) ? t(`cdr.auth.${cdr.auth_method}`) : word(cdr.auth_method))],
  [t("cdr.id"), cdr.id],
  [t("cdr.updated"), html`<${Moment} at=${cdr.last_updated} />`],
]} />`;

/** @param {{cdr: any}} props */
const Place = ({ cdr: { cdr_location: place = {}, country_code, party_id } }) => html`<${Facts} rows=${[
  [t("transactions.site"), place.name ?? place.id],
  [t("site.address"), [place.address, [place.postal_code, place.city].filter(Boolean).join(" "), place.country].filter(Boolean).join(", ") || null],
  [t("site.coordinates"), place.coordinates && `${place.coordinates.latitude}, ${place.coordinates.longitude}`],
  [t("cdr.evse"), place.evse_id ?? place.evse_uid],
  [t("transaction.connector"), place.connector_id],
  [t("cdr.party"), [country_code, party_id].filter(Boolean).join(" ") || null],
]} />`;

/** @param {{cdr: any}} props */
const Periods = ({ cdr }) => html`<${Table} label=${t("cdr.periods")} rows=${(cdr.charging_periods ?? []).map((/** @type {any} */ one, /** @type {number} */ n) => ({ ...one, n }))} keyOf=${(/** @type {any} */ one) => String(one.n)} columns=${[
  { key: "start", title: t("applied.from"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.start_date_time} />` },
  { key: "dimensions", title: t("cdr.dimensions"), wide: true, show: (/** @type {any} */ one) => one.dimensions.map(dimensionWords).join(", ") },
]} />`;

/** @param {{type: string, volume: number}} dimension */
function dimensionWords({ type, volume }) {
  const name = hasText(`cdr.dimension.${type}`) ? t(`cdr.dimension.${type}`) : word(type);
  const unit = type.includes("ENERGY") ? "kWh" : type.includes("TIME") ? "h" : type.includes("POWER") ? "kW" : type.includes("CURRENT") ? "A" : null;
  return `${name} ${decimal(volume, unit)}`;
}
