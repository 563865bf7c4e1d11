// The list by which a station decides while it is offline.

import { at, get, post, put, remove } from "../../lib/api.js";
import { reloadOn, useLive } from "../../lib/live.js";
import { to } from "../../lib/router.js";
import { can } from "../../lib/session.js";
import { t } from "../../lib/text.js";
import { count } from "../../lib/units.js";
import { html, useEffect, useState } from "../../lib/view.js";
import { confirm, Dialog } from "../../parts/dialog.js";
import { Form, ListField, SelectField } from "../../parts/form.js";
import { Loaded } from "../../parts/loaded.js";
import { notify, notifyProblem } from "../../parts/notices.js";
import { Facts, Section } from "../../parts/page.js";
import { Ago, Moment, State } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";

const UNDER_WAY = ["updating", "retrying"];
// Where the list stands is told by no event of its own.
const LOOK_MS = 4000;
const LISTS = new Set(["SendLocalList", "GetLocalListVersion"]);

/** @param {{params: {station_id: string}}} props */
export default function LocalList({ params: { station_id: id } }) {
  return html`<${StationFrame} id=${id} tab="local_list">${() => html`<${List} id=${id} />`}<//>`;
}

/** @param {{id: string}} props */
function List({ id }) {
  const path = at`/stations/${id}/local-list`;
  const [isChoosing, setChoosing] = useState(false);
  const live = useLive(
    async (signal) => {
      try {
        return { list: await get(path, {}, signal) };
      } catch (problem) {
        // None was ever kept.
        if (problem.status === 404) return { list: null };
        throw problem;
      }
    },
    [id],
    reloadOn(["command.completed"], (event) => event.data.station_id === id && LISTS.has(event.data.action)),
  );
  const status = live.data?.list?.status;
  useEffect(() => {
    if (!UNDER_WAY.includes(status)) return undefined;
    const timer = setInterval(() => !document.hidden && live.reload(), LOOK_MS);
    return () => clearInterval(timer);
  }, [status]);
  const act = async (/** @type {() => Promise<unknown>} */ done, /** @type {string} */ told) => {
    try {
      await done();
      notify(told);
      live.reload();
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const leave = async () => {
    if (await confirm({ title: t("local_list.leave_title"), text: t("local_list.leave_text"), action: t("local_list.leave"), danger: true }))
      await act(() => remove(path), t("local_list.left"));
  };
  return html`<${Loaded} of=${live}>${(/** @type {{list: any}} */ { list }) => {
    const isKept = list && list.status !== "off";
    const actions = html`
      ${isKept && can("operator") && html`<button type="button" onClick=${() => act(() => post(`${path}/sync`), t("local_list.synced"))}>${t("local_list.sync")}</button>`}
      ${can("admin") && html`<button type="button" class=${isKept ? "" : "primary"} onClick=${() => setChoosing(true)}>${t(isKept ? "local_list.choose" : "local_list.keep")}</button>`}
      ${isKept && can("admin") && html`<button type="button" onClick=${leave}>${t("local_list.leave")}</button>`}`;
    return html`<${Section} title=${t("station.local_list")} actions=${actions}>
      <p class="hint">${t("local_list.text")}</p>
      ${list === null
        ? html`<p class="none">${t("local_list.none")}</p>`
        : html`<p><${State} of=${list.status} /> ${t(`local_list.is.${list.status}`)}</p>
          <${Facts} rows=${[
            [t("local_list.of"), selectionOf(list)],
            [t("local_list.wanted"), count(list.wanted_entries)],
            list.left_out > 0 && [t("local_list.left_out"), count(list.left_out)],
            [t("local_list.version"), count(list.known_version)],
            [t("local_list.last_result"), list.last_result && html`<${State} of=${list.last_result} /> <${Ago} at=${list.last_result_at} />`],
            [t("local_list.checked"), html`<${Moment} at=${list.checked_at} />`],
            list.failures > 0 && [t("local_list.failures"), count(list.failures)],
            list.next_try_at && [t("local_list.next_try"), html`<${Moment} at=${list.next_try_at} />`],
            [t("local_list.max_entries"), count(list.max_entries)],
            [t("local_list.max_entries_per_message"), count(list.max_entries_per_message)],
          ]} />
          <p><a href=${`${to`stations/${id}/commands`}?action=SendLocalList`}>${t("local_list.sent")}</a></p>`}
    <//>
    ${isChoosing && html`<${Choose} path=${path} list=${isKept ? list : null} onClose=${() => setChoosing(false)} onDone=${live.reload} />`}`;
  }}<//>`;
}

/** @param {any} list */
function selectionOf(list) {
  if (list.group_ids === null && list.id_tokens === null) return t("local_list.all");
  const groups = (list.group_ids ?? []).length > 0 ? t("local_list.of_groups", { groups: list.group_ids.join(", ") }) : null;
  const tokens = (list.id_tokens ?? []).map((/** @type {string} */ one) => html`<a key=${one} href=${to`id-tokens/${one}`}>${one}</a> `);
  return groups || tokens.length > 0 ? html`${groups}${groups && tokens.length > 0 ? "; " : ""}${tokens}` : t("local_list.nobody");
}

/** @param {{path: string, list: any, onClose: () => void, onDone: () => void}} props */
function Choose({ path, list, onClose, onDone }) {
  const isSome = list && (list.group_ids !== null || list.id_tokens !== null);
  const [which, setWhich] = useState(isSome ? "some" : "all");
  const [groups, setGroups] = useState(/** @type {string[]} */ (list?.group_ids ?? []));
  const [tokens, setTokens] = useState(/** @type {string[]} */ (list?.id_tokens ?? []));
  const keep = async () => {
    await put(path, which === "all" ? {} : { group_ids: groups, id_tokens: tokens });
    notify(t("local_list.kept"));
    onDone();
    onClose();
  };
  return html`<${Dialog} title=${t(list ? "local_list.choose" : "local_list.keep")} onClose=${onClose}>
    <${Form} onSubmit=${keep} submit=${t("local_list.submit")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <${SelectField} label=${t("local_list.which")} value=${which} onChange=${setWhich} options=${[{ value: "all", text: t("local_list.all") }, { value: "some", text: t("local_list.some") }]} />
      ${which === "some" && html`
        <${ListField} label=${t("local_list.groups")} name="group_ids" value=${groups} onChange=${setGroups} />
        <${ListField} label=${t("local_list.tokens")} name="id_tokens" value=${tokens} onChange=${setTokens} />
        ${groups.length + tokens.length === 0 && html`<p class="hint">${t("local_list.empties")}</p>`}`}
    <//>
  <//>`;
}
