// Who changed what: every change, and every try to make one.

import { get } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { hasText, t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Dialog } from "../parts/dialog.js";
import { Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { Facts, Page } from "../parts/page.js";
import { Json, Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

/** Where what was changed has its page. @type {Record<string, (id: string) => string>} */
const PAGES = {
  stations: (id) => to`stations/${id}`, sites: (id) => to`sites/${id}`, users: (id) => to`users/${id}`, "id-tokens": (id) => to`id-tokens/${id}`,
  transactions: (id) => to`transactions/${id}`, reservations: (id) => to`reservations/${id}`, certificates: (id) => to`certificates/${id}`,
  commands: (id) => to`commands/${id}`, "command-groups": (id) => to`command-groups/${id}`, "firmware-rollouts": (id) => to`rollouts/${id}`,
  "configuration-templates": (id) => to`templates/${id}`, tenants: (id) => to`tenants/${id}`,
};

export default function Audit() {
  const [{ actor, target, from, to: until }] = useQuery();
  const wanted = { actor, target, from, to: until };
  const pages = usePages(({ cursor }, signal) => get("/audit", { ...wanted, cursor, limit: 100 }, signal), [wanted]);
  const [shown, setShown] = useState(/** @type {any} */ (null));
  return html`<${Page} title=${t("audit.title")} actions=${html`<button type="button" onClick=${pages.reload}>${t("audit.reload")}</button>`}>
    <p>${t("audit.text")}</p>
    <${Filters} filters=${[
      { name: "actor", label: t("audit.actor") },
      { name: "target", label: t("audit.target") },
      { name: "from", label: t("audit.from"), kind: "time" },
      { name: "to", label: t("audit.to"), kind: "time" },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("audit.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => String(one.id)} empty=${t("audit.empty")}
      columns=${[
        { key: "at", title: t("audit.at"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.at} />` },
        { key: "actor", title: t("audit.actor"), show: (/** @type {any} */ one) => html`<${Actor} of=${one} />` },
        { key: "what", title: t("audit.what"), show: (/** @type {any} */ one) => html`<button type="button" class="quiet" onClick=${() => setShown(one)}>${whatOf(one)}</button>` },
        { key: "target", title: t("audit.target"), show: (/** @type {any} */ one) => html`<${Target} of=${one} />` },
        { key: "status", title: t("audit.outcome"), show: (/** @type {any} */ one) => html`<${Outcome} of=${one} />` },
        { key: "address", title: t("audit.address"), show: (/** @type {any} */ one) => one.address },
      ]} /><${More} of=${pages} />`}<//>
    ${shown && html`<${Entry} entry=${shown} onClose=${() => setShown(null)} />`}
  <//>`;
}

/** What was done to what, in words. @param {any} one */
function whatOf(one) {
  const verb = `audit.verb.${one.path.split("/").pop()}`;
  const method = `audit.method.${one.method}`;
  const of = `audit.of.${one.target_type}`;
  return `${t(hasText(verb) ? verb : hasText(method) ? method : "audit.method")} · ${hasText(of) ? t(of) : one.target_type ?? one.path.replace(/^\/api\/v1\//, "")}`;
}

/** @param {{of: any}} props */
function Actor({ of: one }) {
  const name = one.actor_name ?? one.actor;
  return one.actor.startsWith("user:") ? html`<a href=${to`users/${one.actor.slice("user:".length)}`}>${name}</a>` : html`${name} <span class="none">${t("audit.key")}</span>`;
}

/** @param {{of: any}} props */
function Target({ of: one }) {
  if (!one.target) return html`<span class="none">–</span>`;
  const page = PAGES[one.target_type];
  return page ? html`<a href=${page(one.target)}>${one.target}</a>` : html`${one.target}`;
}

/** @param {{of: any}} props */
function Outcome({ of: one }) {
  if (one.status === null) return html`<${State} of=${t("audit.open")} tone="busy" />`;
  return one.status < 400 ? html`<${State} of=${t("audit.done")} tone="good" />` : html`<${State} of=${t("audit.refused", { status: one.status })} tone="bad" />`;
}

/** @param {{entry: any, onClose: () => void}} props */
function Entry({ entry, onClose }) {
  const changes = changesOf(entry.before, entry.after);
  return html`<${Dialog} wide title=${whatOf(entry)} onClose=${onClose}>
    <${Facts} rows=${[
      [t("audit.at"), html`<${Moment} at=${entry.at} />`],
      [t("audit.actor"), html`<${Actor} of=${entry} />`],
      [t("audit.role"), t(`role.${entry.role}`)],
      [t("audit.target"), html`<${Target} of=${entry} />`],
      [t("audit.outcome"), html`<${Outcome} of=${entry} />`],
      [t("audit.address"), entry.address],
      [t("audit.request"), html`<code>${entry.method} ${entry.path}</code>`],
      entry.request_id && [t("audit.request_id"), html`<code>${entry.request_id}</code>`],
    ]} />
    ${changes.length > 0 && html`<h3>${t("audit.changes")}</h3><${Table} label=${t("audit.changes")} rows=${changes} keyOf=${(/** @type {any} */ one) => one.name} columns=${[
      { key: "name", title: t("audit.field"), show: (/** @type {any} */ one) => one.name },
      { key: "before", title: t("audit.before"), wide: true, show: (/** @type {any} */ one) => shownValue(one.before) },
      { key: "after", title: t("audit.after"), wide: true, show: (/** @type {any} */ one) => shownValue(one.after) },
    ]} />`}
    ${entry.outcome !== null && entry.outcome !== undefined && html`<h3>${t("audit.said")}</h3><${Json} value=${entry.outcome} label=${t("audit.said")} />`}
    <details><summary>${t("audit.asked")}</summary><${Json} value=${entry.asked} label=${t("audit.asked")} /></details>
    <div class="actions"><button type="button" onClick=${onClose}>${t("action.close")}</button></div>
  <//>`;
}

/** @param {any} value */
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/** What is another after than before; all of it where something came or went. @param {any} before @param {any} after @returns {{name: string, before: any, after: any}[]} */
function changesOf(before, after) {
  if (!isObject(before) && !isObject(after)) return [];
  const [old, now] = [isObject(before) ? before : {}, isObject(after) ? after : {}];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .map((name) => ({ name, before: old[name], after: now[name] }));
}

/** @param {any} value */
const shownValue = (value) => (value === undefined || value === null ? "–" : typeof value === "object" ? html`<code>${JSON.stringify(value)}</code>` : String(value));
