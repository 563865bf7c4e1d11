// What users and API keys may do, and where.

import { isOfDeployment, me } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { useSites } from "./fleet.js";
import { CheckField, ListField, SelectField } from "./form.js";
import { SiteChoice } from "./site_choice.js";

const ROLES = ["viewer", "operator", "admin"];

/** @typedef {{role: string, platform: boolean, scope: {site_ids: string[], tags: string[]} | null}} Access */

/** @param {any} [one] a user or a key @returns {Access} */
export const accessOf = (one) => ({
  role: one?.role ?? "viewer",
  platform: one?.platform ?? false,
  scope: one?.scope ? { site_ids: one.scope.site_ids ?? [], tags: one.scope.tags ?? [] } : null,
});

/** Fields of a `<Form>`. @param {{value: Access, onChange: (value: Access) => void}} props */
export function AccessFields({ value, onChange }) {
  const { role, platform, scope } = value;
  // Of the platform is an administrator of the deployment's own tenant, and nobody else.
  const mayBePlatform = Boolean(me.peek()?.is_platform) && isOfDeployment() && role === "admin" && !scope;
  return html`
    <${SelectField} label=${t("access.role")} name="role" value=${role} hint=${t(`access.role_hint.${role}`)} options=${ROLES.map((one) => ({ value: one, text: t(`role.${one}`) }))}
      onChange=${(/** @type {string} */ next) => onChange({ ...value, role: next, platform: platform && next === "admin" })} />
    ${mayBePlatform && html`<${CheckField} label=${t("access.platform")} hint=${t("access.platform_hint")} value=${platform} onChange=${(/** @type {boolean} */ yes) => onChange({ ...value, platform: yes })} />`}
    ${!platform && html`<${CheckField} label=${t("access.limited")} hint=${t("access.limited_hint")} value=${scope !== null}
      onChange=${(/** @type {boolean} */ yes) => onChange({ ...value, scope: yes ? { site_ids: [], tags: [] } : null })} />`}
    ${scope && html`<fieldset><legend>${t("access.scope")}</legend>
      <${SiteChoice} label=${t("access.sites")} name="scope" value=${scope.site_ids} onChange=${(/** @type {string[]} */ site_ids) => onChange({ ...value, scope: { ...scope, site_ids } })} />
      <${ListField} label=${t("access.tags")} value=${scope.tags} onChange=${(/** @type {string[]} */ tags) => onChange({ ...value, scope: { ...scope, tags } })} />
    </fieldset>`}`;
}

/** A role, and whether it reaches every tenant. @param {{of: any}} props */
export const RoleOf = ({ of: { role, platform } }) => html`${t(`role.${role}`)}${platform ? html` <span class="none">${t("access.of_platform")}</span>` : ""}`;

/** @param {{of: {site_ids?: string[], tags?: string[]} | null}} props */
export function ScopeOf({ of: scope }) {
  if (!scope) return html`<span class="none">${t("access.everything")}</span>`;
  return html`<${Limits} of=${scope} />`;
}

/** @param {{of: {site_ids?: string[], tags?: string[]}}} props */
function Limits({ of: { site_ids = [], tags = [] } }) {
  const sites = useSites();
  const names = site_ids.map((id) => sites.data?.find((site) => site.site_id === id)?.name ?? id);
  const said = [names.length > 0 && t("access.at_sites", { sites: names.join(", ") }), tags.length > 0 && t("access.with_tags", { tags: tags.join(", ") })].filter(Boolean);
  return html`${said.join("; ") || t("access.nothing")}`;
}
