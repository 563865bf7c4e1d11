// One configuration template: what it wants, which stations are otherwise, and its application.

import { at, get, post, put, remove } from "../lib/api.js";
import { reloadOn, useLive, usePages } from "../lib/live.js";
import { navigate, to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useMemo, useState } from "../lib/view.js";
import { BusyButton } from "../parts/busy_button.js";
import { confirm } from "../parts/dialog.js";
import { Form } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";
import { draftOf, MeantBy, TemplateFields, templateOf } from "../parts/template_fields.js";

// What one call orders.
const BATCH = 100;

/** @param {{params: {template_id: string}}} props */
export default function Template({ params: { template_id: id } }) {
  const template = useLive((signal) => get(at`/configuration-templates/${id}`, {}, signal), [id]);
  const [isEditing, setEditing] = useState(false);
  const data = template.data;
  const erase = async () => {
    if (!(await confirm({ title: t("template.delete_title", { name: data.name }), text: t("template.delete_text"), action: t("template.delete"), danger: true, typed: data.name }))) return;
    try {
      await remove(at`/configuration-templates/${id}`);
      notify(t("template.deleted", { name: data.name }));
      navigate("templates");
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const actions = can("admin") && data && html`${!isEditing && html`<button type="button" onClick=${() => setEditing(true)}>${t("action.edit")}</button>`}
    <button type="button" onClick=${erase}>${t("action.delete")}</button>`;
  return html`<${Page} title=${data?.name ?? t("template.title")} crumbs=${[{ href: "templates", text: t("templates.title") }]} actions=${actions}>
    <${Loaded} of=${template}>${(/** @type {any} */ known) => isEditing
      ? html`<${Edit} template=${known} onEnd=${(/** @type {any} */ changed) => {
          if (changed) template.change(() => changed);
          setEditing(false);
        }} />`
      : html`<${Section} title=${t("template.wants")}>
          <${Facts} rows=${[[t("template.for_whom"), html`<${MeantBy} of=${known} />`], [t("template.updated"), html`<${Moment} at=${known.updated_at} />`]]} />
          <${Table} label=${t("template.values")} rows=${Object.entries(known.values)} keyOf=${(/** @type {[string, string]} */ one) => one[0]} columns=${[
            { key: "key", title: t("configuration.key"), show: (/** @type {[string, string]} */ one) => one[0] },
            { key: "value", title: t("configuration.value"), wide: true, show: (/** @type {[string, string]} */ one) => html`<code>${one[1]}</code>` },
          ]} /><//>
        <${Drift} key=${known.updated_at} template=${known} />`}<//>
  <//>`;
}

/** @param {{template: any, onEnd: (changed: any) => void}} props */
function Edit({ template, onEnd }) {
  const [draft, setDraft] = useState(draftOf(template));
  const save = async () => {
    const changed = await put(at`/configuration-templates/${template.template_id}`, templateOf(draft));
    notify(t("template.saved"));
    onEnd(changed);
  };
  return html`<${Section} title=${t("template.edit")}><${Form} onSubmit=${save} submit=${t("action.save")} actions=${html`<button type="button" onClick=${() => onEnd(null)}>${t("action.cancel")}</button>`}>
    <${TemplateFields} value=${draft} onChange=${setDraft} /><//><//>`;
}

/** Which stations are not as the template wants them. @param {{template: any}} props */
function Drift({ template }) {
  const path = at`/configuration-templates/${template.template_id}`;
  const pages = usePages(({ cursor }, signal) => get(`${path}/drift`, { cursor, limit: 100 }, signal), [path], reloadOn(["configuration"]));
  const [applied, setApplied] = useState(/** @type {{stations: number, commands: number, unread: string[]} | null} */ (null));
  const [isApplying, setApplying] = useState(false);
  const rows = useMemo(() => (pages.items ?? []).flatMap((station) => station.drift.map((/** @type {any} */ one) => ({ ...one, station_id: station.station_id }))), [pages.items]);
  const apply = async () => {
    if (!(await confirm({ title: t("template.apply_title", { name: template.name }), text: t("template.apply_text"), action: t("template.apply"), danger: true }))) return;
    setApplying(true);
    const sum = { stations: 0, commands: 0, unread: /** @type {string[]} */ ([]) };
    try {
      /** @type {string | null} */
      let cursor = null;
      do {
        const one = await post(`${path}/apply`, undefined, { query: { limit: BATCH, cursor } });
        sum.stations += one.stations;
        sum.commands += one.command_ids.length;
        sum.unread.push(...one.unread);
        setApplied({ ...sum });
        cursor = one.next_cursor;
      } while (cursor !== null);
      notify(t("template.applied", { n: sum.commands, count: count(sum.commands) }), { href: "commands?action=ChangeConfiguration" });
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setApplying(false);
      pages.reload();
    }
  };
  return html`<${Section} title=${t("template.drift")} actions=${can("operator") && html`<${BusyButton} style="primary" isBusy=${isApplying} onClick=${apply}>${t(isApplying ? "action.busy" : "template.apply")}<//>`}>
    <p class="hint">${t("template.drift_text")}</p>
    <div role="status">${applied && html`<p>${t("template.applied_to", { stations: count(applied.stations), commands: count(applied.commands) })}
      ${applied.unread.length > 0 && html` ${t("template.unread", { n: applied.unread.length })} ${applied.unread.slice(0, 20).map((id) => html`<a key=${id} href=${to`stations/${id}/configuration`}>${id}</a> `)}`}</p>`}</div>
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("template.drift")} rows=${rows} keyOf=${(/** @type {any} */ one) => `${one.station_id} ${one.key}`} empty=${t(pages.hasMore ? "template.none_so_far" : "template.no_drift")}
      columns=${[
        { key: "station", title: t("stations.id"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}/configuration`}>${one.station_id}</a>` },
        { key: "key", title: t("configuration.key"), show: (/** @type {any} */ one) => one.key },
        { key: "wanted", title: t("configuration.wanted"), show: (/** @type {any} */ one) => html`<code>${one.wanted}</code>` },
        { key: "value", title: t("template.is"), show: (/** @type {any} */ one) => one.value !== null && html`<code>${one.value}</code>` },
        { key: "state", title: t("configuration.state"), show: (/** @type {any} */ one) => html`<${State} of=${one.state} />` },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
