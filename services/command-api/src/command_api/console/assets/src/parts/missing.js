// What a charge detail record needs and nobody entered.

import { at, get } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { acting, me } from "../lib/session.js";
import { hasText, t } from "../lib/text.js";
import { html, useValue } from "../lib/view.js";

/** @param {string} field as REST names it */
function missingName(field) {
  const last = field.split(".").pop() ?? field;
  return hasText(`missing.${last}`) ? t(`missing.${last}`) : field;
}

/** What is missing, in words; what stands at several places of a record is said once. @param {string[]} fields */
export const missingWords = (fields) => [...new Set(fields.map(missingName))].join(", ");

/** What a site lacks. @param {any} site @returns {string[]} */
const lacksOf = (site) => [
  ...["address", "city", "country"].filter((name) => !site[name]),
  ...(site.latitude === null || site.longitude === null ? ["coordinates"] : []),
];

/** Sites, and the tenant, of which records would lack something. @param {{sites: any[]}} props */
export function MissingForRecords({ sites }) {
  const user = useValue(me);
  const tenant = useValue(acting) ?? user?.tenant_id ?? "";
  // Only a platform administrator may read it.
  const own = useLive(async (signal) => (user?.is_platform ? get(at`/tenants/${tenant}`, {}, signal) : null), [tenant, user?.is_platform], reloadOn(["tenant"]));
  const party = own.data ? ["country_code", "party_id"].filter((name) => !own.data[name]) : [];
  const lacking = sites.map((site) => ({ site, lacks: lacksOf(site) })).filter(({ lacks }) => lacks.length > 0);
  if (lacking.length === 0 && party.length === 0) return html`<p class="none">${t("missing.nothing")}</p>`;
  return html`<p class="hint">${t("missing.text")}</p><ul class="plain">
    ${party.length > 0 && html`<li key="tenant"><a href=${to`tenants/${tenant}`}>${own.data.name}</a>: ${missingWords(party)}</li>`}
    ${lacking.map(({ site, lacks }) => html`<li key=${site.site_id}><a href=${to`sites/${site.site_id}`}>${site.name}</a>: ${missingWords(lacks)}</li>`)}
  </ul>`;
}

/** What a site lacks, in a list. @param {{site: any}} props */
export function SiteLacks({ site }) {
  const lacks = lacksOf(site);
  return lacks.length === 0 ? null : html`<span class="state busy">${t("missing.of_site", { what: missingWords(lacks) })}</span>`;
}
