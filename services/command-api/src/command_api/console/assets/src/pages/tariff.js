// One tariff: in words, where it holds, what sessions would cost by it, its versions.

import { at, get, put, remove } from "../lib/api.js";
import { useLive, usePages } from "../lib/live.js";
import { navigate, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Assign, Assignments, readAssignments } from "../parts/assignments.js";
import { confirm } from "../parts/dialog.js";
import { useSites } from "../parts/fleet.js";
import { Form } from "../parts/form.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Json, Moment } from "../parts/shown.js";
import { Simulator } from "../parts/simulator.js";
import { More } from "../parts/table.js";
import { TariffFields } from "../parts/tariff_fields.js";
import { TariffInWords } from "../parts/tariff_words.js";

/** @param {{params: {tariff_id: string}}} props */
export default function Tariff({ params: { tariff_id } }) {
  const [{ version }, change] = useQuery();
  const live = useLive((signal) => get(at`/tariffs/${tariff_id}`, {}, signal), [tariff_id]);
  const newest = live.data;
  // Beside it, so that the choice of a version stays while another is read.
  const old = useLive(async (signal) => ({ found: version === undefined ? null : await get(at`/tariffs/${tariff_id}`, { version }, signal) }), [tariff_id, version]);
  const [isEditing, setEditing] = useState(false);
  const erase = async () => {
    if (!(await confirm({ title: t("tariff.delete_title", { name: newest.name }), text: t("tariff.delete_text"), action: t("tariff.delete"), danger: true, typed: newest.name }))) return;
    try {
      await remove(at`/tariffs/${tariff_id}`);
      notify(t("tariff.deleted", { name: newest.name }));
      navigate("tariffs");
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const saved = (/** @type {any} */ changed) => {
    setEditing(false);
    if (!changed) return;
    change({ version: null });
    live.reload();
  };
  const actions = can("admin") && newest && html`${!isEditing && html`<button type="button" onClick=${() => setEditing(true)}>${t("action.edit")}</button>`}
    <button type="button" onClick=${erase}>${t("action.delete")}</button>`;
  return html`<${Page} title=${(old.data?.found ?? newest)?.name ?? t("tariff.title")} crumbs=${[{ href: "tariffs", text: t("tariffs.title") }]} actions=${actions}>
    <${Loaded} of=${live}>${(/** @type {any} */ last) => isEditing
      ? html`<${Edit} tariff=${last} onEnd=${saved} />`
      : html`
        <${Section} title=${t("tariff.in_words")} actions=${last.version > 1 && html`<${Versions} newest=${last.version} shown=${Number(version ?? last.version)} onChoose=${(/** @type {string} */ n) => change({ version: n === String(last.version) ? null : n }, { push: true })} />`}>
          <${Loaded} of=${old}>${(/** @type {{found: any}} */ { found }) => html`
            ${found && found.version !== last.version && html`<p><span class="state busy">${t("tariff.old_version")}</span></p>`}
            <${TariffInWords} tariff=${(found ?? last).tariff} />`}<//>
        <//>
        <${WhereItHolds} tariff=${last} />
        ${old.data && html`<${OfVersion} shown=${old.data.found ?? last} />`}`}<//>
  <//>`;
}

/** @param {{shown: any}} props a tariff, in the version that is shown */
const OfVersion = ({ shown }) => html`
  ${can("operator") && html`<${Section} title=${t("simulate.title")}><${Simulator} key=${shown.version} tariff_id=${shown.tariff_id} version=${shown.version} /><//>`}
  <${Section} title=${t("tariff.facts")}><${Facts} rows=${[
    [t("tariff.id"), shown.tariff_id],
    [t("tariff.version"), shown.version],
    [t("tariff.changed"), html`<${Moment} at=${shown.changed_at} /> · ${shown.changed_by}`],
    [t("tariff.created"), html`<${Moment} at=${shown.created_at} /> · ${shown.created_by}`],
  ]} />
    <details><summary>${t("tariff.json")}</summary><${Json} value=${shown.tariff} label=${t("tariff.json")} /></details><//>`;

/** @param {{newest: number, shown: number, onChoose: (version: string) => void}} props */
const Versions = ({ newest, shown, onChoose }) => html`<label>${t("tariff.version")} <select value=${String(shown)} onChange=${(/** @type {any} */ e) => onChoose(e.currentTarget.value)}>
  ${Array.from({ length: newest }, (_, n) => newest - n).map((n) => html`<option key=${n} value=${String(n)} selected=${n === shown}>${t(n === newest ? "tariff.newest_version" : "tariff.nth_version", { n })}</option>`)}</select></label>`;

/** @param {{tariff: any, onEnd: (changed: any) => void}} props */
function Edit({ tariff, onEnd }) {
  const [name, setName] = useState(tariff.name);
  const [value, setValue] = useState(/** @type {any} */ (tariff.tariff));
  const save = async () => {
    const changed = await put(at`/tariffs/${tariff.tariff_id}`, { name, tariff: value });
    notify(t(changed.version === tariff.version ? "tariff.unchanged" : "tariff.saved", { n: changed.version }));
    onEnd(changed);
  };
  return html`<${Section} title=${t("tariff.edit")}><p class="hint">${t("tariff.edit_text")}</p>
    <${Form} onSubmit=${save} submit=${t("tariff.save")} disabled=${value === null} actions=${html`<button type="button" onClick=${() => onEnd(null)}>${t("action.cancel")}</button>`}>
      <${TariffFields} name=${name} onName=${setName} tariff=${value} onTariff=${setValue} /><//><//>`;
}

/** @param {{tariff: any}} props */
function WhereItHolds({ tariff }) {
  const { tariff_id } = tariff;
  const pages = usePages(readAssignments({ tariff_id }), [tariff_id]);
  const sites = useSites();
  const [isMaking, setMaking] = useState(false);
  return html`<${Section} title=${t("tariff.holds_for")} actions=${can("admin") && html`<button type="button" onClick=${() => setMaking(true)}>${t("assignment.new")}</button>`}>
    <${Loaded} of=${pages}>${() => html`<${Assignments} assignments=${pages.items ?? []} sites=${sites.data ?? []} onChange=${pages.reload} /><${More} of=${pages} />`}<//>
    ${isMaking && html`<${Assign} tariff=${tariff} sites=${sites.data ?? []} onClose=${() => setMaking(false)} onMade=${pages.reload} />`}
  <//>`;
}
