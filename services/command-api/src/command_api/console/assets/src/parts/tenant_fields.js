// A tenant as a form.

import { countries, timeZones } from "../lib/places.js";
import { t } from "../lib/text.js";
import { html, useMemo } from "../lib/view.js";
import { NumberField, SelectField, TextField } from "./form.js";

/** A tenant as REST takes it, null: not known, or no bound. @param {any} [tenant] @returns {any} */
export const tenantOf = (tenant = {}) => ({
  name: tenant.name ?? "",
  party_id: tenant.party_id ?? null,
  country_code: tenant.country_code ?? null,
  time_zone: tenant.time_zone ?? null,
  max_stations: tenant.max_stations ?? null,
  max_requests_per_s: tenant.max_requests_per_s ?? null,
});

/** Fields of a `<Form>`. @param {{value: any, onChange: (value: any) => void}} props */
export function TenantFields({ value, onChange }) {
  const set = (/** @type {string} */ name) => (/** @type {any} */ said) => onChange({ ...value, [name]: said === "" ? null : said });
  const [ofCountries, ofZones] = useMemo(() => [countries(), timeZones()], []);
  return html`
    <${TextField} label=${t("tenant.name")} name="name" required maxLength=${255} value=${value.name} onChange=${(/** @type {string} */ name) => onChange({ ...value, name })} />
    <${TextField} label=${t("tenant.time_zone")} name="time_zone" hint=${t("tenant.time_zone_hint")} list=${ofZones} value=${value.time_zone} onChange=${set("time_zone")} />
    <div class="pair">
      <${NumberField} label=${t("tenant.max_stations")} name="max_stations" hint=${t("tenant.no_bound")} min=${0} value=${value.max_stations} onChange=${set("max_stations")} />
      <${NumberField} label=${t("tenant.max_requests")} name="max_requests_per_s" hint=${t("tenant.no_bound")} min=${1} value=${value.max_requests_per_s} onChange=${set("max_requests_per_s")} />
    </div>
    <div class="pair">
      <${SelectField} label=${t("tenant.country")} name="country_code" empty=${t("site.not_known")} options=${ofCountries} value=${value.country_code} onChange=${set("country_code")} />
      <${TextField} label=${t("tenant.party_id")} name="party_id" hint=${t("tenant.party_hint")} maxLength=${3} value=${value.party_id} onChange=${set("party_id")} />
    </div>`;
}
