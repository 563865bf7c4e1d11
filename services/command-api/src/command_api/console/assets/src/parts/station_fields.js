// What an operator says of a station: where it stands, what it is called, what it is made of.

import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { useSites } from "./fleet.js";
import { ListField, NumberField, SelectField, TextField } from "./form.js";

const PHASES = ["1", "2", "3"];

/**
 * @typedef {{site_id: string | null, display_name: string | null, tags: string[], installed_on: string | null,
 *   commissioned_on: string | null, phase_count: number | null, max_current_a: number | null}} StationDescription
 *   as REST takes it; null: not known
 */

/** What is said of a station so far; of a new one, nothing. @param {any} [station] @returns {StationDescription} */
export const descriptionOf = (station = {}) => ({
  site_id: station.site_id ?? null,
  display_name: station.display_name ?? null,
  tags: station.tags ?? [],
  installed_on: station.installed_on ?? null,
  commissioned_on: station.commissioned_on ?? null,
  phase_count: station.phase_count ?? null,
  max_current_a: station.max_current_a ?? null,
});

/** Fields of a `<Form>`. @param {{value: StationDescription, onChange: (value: StationDescription) => void}} props */
export function StationFields({ value, onChange }) {
  const sites = useSites();
  const set = (/** @type {string} */ name) => (/** @type {any} */ said) => onChange({ ...value, [name]: said === "" ? null : said });
  const options = (sites.data ?? []).map((/** @type {any} */ site) => ({ value: site.site_id, text: site.name }));
  // The site of the station, even where the sites can't be read.
  if (value.site_id && !options.some((/** @type {any} */ one) => one.value === value.site_id)) options.push({ value: value.site_id, text: value.site_id });
  return html`
    <${TextField} label=${t("station_fields.display_name")} name="display_name" hint=${t("station_fields.display_name_hint")} maxLength=${255}
      value=${value.display_name} onChange=${set("display_name")} />
    <${SelectField} label=${t("station_fields.site")} name="site_id" empty=${t("station_fields.no_site")} options=${options} value=${value.site_id} onChange=${set("site_id")} />
    <${ListField} label=${t("station_fields.tags")} name="tags" hint=${t("station_fields.tags_hint")} value=${value.tags} onChange=${set("tags")} />
    <div class="pair">
      <${TextField} label=${t("station_fields.installed_on")} name="installed_on" type="date" value=${value.installed_on} onChange=${set("installed_on")} />
      <${TextField} label=${t("station_fields.commissioned_on")} name="commissioned_on" type="date" value=${value.commissioned_on} onChange=${set("commissioned_on")} />
    </div>
    <div class="pair">
      <${SelectField} label=${t("station_fields.phase_count")} name="phase_count" empty=${t("station_fields.not_known")}
        options=${PHASES.map((one) => ({ value: one, text: one }))} value=${value.phase_count === null ? "" : String(value.phase_count)}
        onChange=${(/** @type {string} */ said) => set("phase_count")(said === "" ? null : Number(said))} />
      <${NumberField} label=${t("station_fields.max_current")} name="max_current_a" unit="A" min=${1} max=${10000} step="any"
        value=${value.max_current_a} onChange=${set("max_current_a")} />
    </div>`;
}
