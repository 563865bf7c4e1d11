// A site as a form.

import { countries, timeZones, weekdayName } from "../lib/places.js";
import { t } from "../lib/text.js";
import { html, useMemo } from "../lib/view.js";
import { AreaField, Field, ListField, NumberField, SelectField, TextField } from "./form.js";

const DAYS = [1, 2, 3, 4, 5, 6, 7];
const NAMES = ["address", "city", "postal_code", "country", "latitude", "longitude", "time_zone", "opening_hours", "notes"];

/** A site as REST takes it, null: not known; a new one where nothing is said. @param {any} [site] @returns {any} */
export const siteOf = (site = {}) => ({
  name: site.name ?? "",
  tags: site.tags ?? [],
  ...Object.fromEntries(NAMES.map((name) => [name, site[name] ?? null])),
});

/** Fields of a `<Form>`. @param {{value: any, onChange: (value: any) => void}} props */
export function SiteFields({ value, onChange }) {
  const set = (/** @type {string} */ name) => (/** @type {any} */ said) => onChange({ ...value, [name]: said === "" ? null : said });
  const [ofCountries, ofZones] = useMemo(() => [countries(), timeZones()], []);
  const isLocated = value.latitude !== null || value.longitude !== null;
  return html`
    <${TextField} label=${t("site.name")} name="name" required maxLength=${255} value=${value.name} onChange=${(/** @type {string} */ name) => onChange({ ...value, name })} />
    <${TextField} label=${t("site.address")} name="address" maxLength=${255} value=${value.address} onChange=${set("address")} />
    <div class="pair">
      <${TextField} label=${t("site.postal_code")} name="postal_code" maxLength=${20} value=${value.postal_code} onChange=${set("postal_code")} />
      <${TextField} label=${t("site.city")} name="city" maxLength=${255} value=${value.city} onChange=${set("city")} />
    </div>
    <${SelectField} label=${t("site.country")} name="country" empty=${t("site.not_known")} options=${ofCountries} value=${value.country} onChange=${set("country")} />
    <div class="pair">
      <${NumberField} label=${t("site.latitude")} name="latitude" hint=${t("site.coordinates_hint")} min=${-90} max=${90} step="any" required=${isLocated} value=${value.latitude} onChange=${set("latitude")} />
      <${NumberField} label=${t("site.longitude")} name="longitude" min=${-180} max=${180} step="any" required=${isLocated} value=${value.longitude} onChange=${set("longitude")} />
    </div>
    <${TextField} label=${t("site.time_zone")} name="time_zone" hint=${t("site.time_zone_hint")} list=${ofZones} value=${value.time_zone} onChange=${set("time_zone")} />
    <${OpeningHours} value=${value.opening_hours} onChange=${set("opening_hours")} />
    <${ListField} label=${t("site.tags")} name="tags" value=${value.tags} onChange=${set("tags")} />
    <${AreaField} label=${t("site.notes")} name="notes" maxLength=${4000} value=${value.notes} onChange=${set("notes")} />`;
}

/** @param {{value: any, onChange: (value: any) => void}} props */
function OpeningHours({ value, onChange }) {
  const kind = value === null ? "" : value.twentyfourseven ? "always" : "hours";
  const hours = value?.regular_hours ?? [];
  const choose = (/** @type {string} */ next) => {
    if (next === "") onChange(null);
    else if (next === "always") onChange({ twentyfourseven: true, regular_hours: [] });
    else onChange({ twentyfourseven: false, regular_hours: [{ weekday: 1, period_begin: "08:00", period_end: "20:00" }] });
  };
  const change = (/** @type {any[]} */ next) => onChange(next.length === 0 ? null : { twentyfourseven: false, regular_hours: next });
  const set = (/** @type {number} */ n, /** @type {any} */ said) => change(hours.map((/** @type {any} */ one, /** @type {number} */ at) => (at === n ? { ...one, ...said } : one)));
  const add = () => {
    const latest = hours[hours.length - 1];
    change([...hours, { ...latest, weekday: (latest.weekday % 7) + 1 }]);
  };
  return html`
    <${SelectField} label=${t("site.opening_hours")} name="opening_hours" empty=${t("site.not_known")} value=${kind} onChange=${choose}
      options=${[{ value: "always", text: t("site.always_open") }, { value: "hours", text: t("site.open_at") }]} />
    ${kind === "hours" && html`<fieldset><legend>${t("site.open_at")}</legend>
      ${hours.map((/** @type {any} */ one, /** @type {number} */ n) => html`<div key=${n} class="hours">
        <${Field} label=${t("site.weekday")}>${(/** @type {any} */ tied) => html`<select ...${tied} value=${String(one.weekday)} onChange=${(/** @type {any} */ e) => set(n, { weekday: Number(e.currentTarget.value) })}>
          ${DAYS.map((day) => html`<option key=${day} value=${day} selected=${day === one.weekday}>${weekdayName(day)}</option>`)}</select>`}<//>
        <${Field} label=${t("site.from")}>${(/** @type {any} */ tied) => html`<input ...${tied} type="time" required value=${one.period_begin} onInput=${(/** @type {any} */ e) => set(n, { period_begin: e.currentTarget.value })} />`}<//>
        <${Field} label=${t("site.until")}>${(/** @type {any} */ tied) => html`<input ...${tied} type="time" required value=${one.period_end} onInput=${(/** @type {any} */ e) => set(n, { period_end: e.currentTarget.value })} />`}<//>
        <button type="button" class="quiet" aria-label=${t("site.without_hours", { day: weekdayName(one.weekday) })} onClick=${() => change(hours.filter((/** @type {any} */ _, /** @type {number} */ at) => at !== n))}>${t("site.remove_hours")}</button>
      </div>`)}
      <div><button type="button" onClick=${add}>${t("site.more_hours")}</button></div>
    </fieldset>`}`;
}
