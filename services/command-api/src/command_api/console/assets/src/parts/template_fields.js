// A configuration template as a form, and for whom one is.

import { to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { useSites } from "./fleet.js";
import { ListField, TextField, useFieldProblem } from "./form.js";
import { SiteChoice } from "./site_choice.js";

/** @typedef {{name: string, values: {key: string, value: string}[], station_ids: string[], vendor: string, model: string, site_ids: string[], tags: string[]}} Draft */

/** @param {any} [template] @returns {Draft} */
export const draftOf = (template = {}) => ({
  name: template.name ?? "",
  values: Object.entries(template.values ?? { "": "" }).map(([key, value]) => ({ key, value: String(value) })),
  station_ids: template.station_ids ?? [],
  vendor: template.vendor ?? "",
  model: template.model ?? "",
  site_ids: template.site_ids ?? [],
  tags: template.tags ?? [],
});

/** As REST takes it. @param {Draft} draft */
export const templateOf = ({ values, vendor, model, ...rest }) => ({
  ...rest, vendor: vendor || null, model: model || null,
  values: Object.fromEntries(values.filter(({ key }) => key).map(({ key, value }) => [key, value])),
});

/** Fields of a `<Form>`. @param {{value: Draft, onChange: (value: Draft) => void}} props */
export function TemplateFields({ value, onChange }) {
  const set = (/** @type {string} */ name) => (/** @type {any} */ said) => onChange({ ...value, [name]: said });
  return html`
    <${TextField} label=${t("template.name")} name="name" required maxLength=${100} value=${value.name} onChange=${set("name")} />
    <${Values} value=${value.values} onChange=${set("values")} />
    <fieldset><legend>${t("template.for_whom")}</legend>
      <p class="hint">${t("template.for_hint")}</p>
      <div class="pair">
        <${TextField} label=${t("stations.vendor")} name="vendor" maxLength=${500} value=${value.vendor} onChange=${set("vendor")} />
        <${TextField} label=${t("stations.model")} name="model" maxLength=${500} value=${value.model} onChange=${set("model")} />
      </div>
      <${SiteChoice} label=${t("sites.title")} name="site_ids" value=${value.site_ids} onChange=${set("site_ids")} />
      <${ListField} label=${t("stations.tags")} name="tags" value=${value.tags} onChange=${set("tags")} />
      <${ListField} label=${t("stations.title")} name="station_ids" value=${value.station_ids} onChange=${set("station_ids")} />
    </fieldset>`;
}

/** @param {{value: {key: string, value: string}[], onChange: (value: {key: string, value: string}[]) => void}} props */
function Values({ value, onChange }) {
  const wrong = useFieldProblem("values");
  const set = (/** @type {number} */ n, /** @type {any} */ said) => onChange(value.map((one, at) => (at === n ? { ...one, ...said } : one)));
  return html`<fieldset><legend>${t("template.values")}</legend>
    ${value.map((one, n) => html`<div key=${n} class="hours">
      <${TextField} label=${t("configuration.key")} required maxLength=${50} value=${one.key} onChange=${(/** @type {string} */ key) => set(n, { key })} />
      <${TextField} label=${t("configuration.value")} maxLength=${500} value=${one.value} onChange=${(/** @type {string} */ said) => set(n, { value: said })} />
      ${value.length > 1 && html`<button type="button" class="quiet" aria-label=${t("template.without", { key: one.key || String(n + 1) })} onClick=${() => onChange(value.filter((_, at) => at !== n))}>${t("site_choice.remove")}</button>`}
    </div>`)}
    ${wrong && html`<small class="wrong">${wrong}</small>`}
    <div><button type="button" onClick=${() => onChange([...value, { key: "", value: "" }])}>${t("template.more_values")}</button></div>
  </fieldset>`;
}

/** For whom a template is, in words. @param {{of: any}} props */
export function MeantBy({ of: { vendor, model, site_ids, tags, station_ids } }) {
  const sites = useSites();
  const nameOf = (/** @type {string} */ id) => sites.data?.find((site) => site.site_id === id)?.name ?? id;
  const said = [
    (vendor || model) && html`${[vendor, model].filter(Boolean).join(" ")}`,
    ...site_ids.map((/** @type {string} */ id) => html`<a href=${to`sites/${id}`}>${nameOf(id)}</a>`),
    ...tags.map((/** @type {string} */ tag) => html`<a href=${`stations?tag=${encodeURIComponent(tag)}`}>${t("command_groups.to_tag", { tag })}</a>`),
    station_ids.length > 0 && t("template.named", { n: station_ids.length }),
  ].filter(Boolean);
  return said.length === 0 ? html`<span class="none">${t("template.nobody")}</span>` : html`${said.map((one, n) => html`${n > 0 ? ", " : ""}${one}`)}`;
}
