// Some of the sites: those that are chosen, and one more.

import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { useSites } from "./fleet.js";
import { Field } from "./form.js";

/** @param {{label: string, name?: string, hint?: string, value: string[], onChange: (ids: string[]) => void}} props */
export function SiteChoice({ label, name, hint, value, onChange }) {
  const sites = useSites();
  const nameOf = (/** @type {string} */ id) => sites.data?.find((site) => site.site_id === id)?.name ?? id;
  const offered = (sites.data ?? []).filter((site) => !value.includes(site.site_id));
  const add = (/** @type {any} */ event) => {
    const id = event.currentTarget.value;
    event.currentTarget.value = "";
    if (id) onChange([...value, id]);
  };
  return html`<${Field} label=${label} name=${name} hint=${hint}>${(/** @type {any} */ tied) => html`<select ...${tied} onChange=${add}>
      <option value="">${t("site_choice.add")}</option>
      ${offered.map((site) => html`<option key=${site.site_id} value=${site.site_id}>${site.name}</option>`)}</select>`}<//>
    ${value.length > 0 && html`<ul class="plain" aria-label=${label}>${value.map((id) => html`<li key=${id}>${nameOf(id)}
      <button type="button" class="quiet" aria-label=${t("site_choice.without", { name: nameOf(id) })} onClick=${() => onChange(value.filter((one) => one !== id))}>${t("site_choice.remove")}</button></li>`)}</ul>`}`;
}
