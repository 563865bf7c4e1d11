// Messages that the services' own code could not process.

import { at, get, post, remove } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can, me } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { BulkDialog, byFilter, oneByOne } from "../parts/bulk_action.js";
import { confirm, Dialog } from "../parts/dialog.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page } from "../parts/page.js";
import { Json, Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

const SERVICES = ["station-registry", "session-service", "command-api", "integration-service", "billing-service"];
const FILTERS = ["service", "queue", "type", "station_id", "error", "from", "to"];

export default function Parked() {
  const [query] = useQuery();
  const wanted = Object.fromEntries([...FILTERS, "replayed"].map((name) => [name, query[name]]));
  const pages = usePages(({ cursor }, signal) => get("/parked", { ...wanted, limit: 100, cursor }, signal), [wanted]);
  const [selected, setSelected] = useState(/** @type {Set<string>} */ (new Set()));
  const [shown, setShown] = useState(/** @type {any} */ (null));
  const [many, setMany] = useState(/** @type {"" | "replay" | "delete" | "replay_selected" | "delete_selected"} */ (""));
  const mayAct = can("admin") && Boolean(me.peek()?.is_platform);
  const chosen = (pages.items ?? []).filter((one) => selected.has(one.id));
  const done = () => {
    setSelected(new Set());
    pages.reload();
  };
  return html`<${Page} title=${t("parked.title")} actions=${html`<button type="button" onClick=${pages.reload}>${t("parked.reload")}</button>`}>
    <p>${t("parked.text")}</p>
    <${Filters} filters=${[
      { name: "service", label: t("parked.service"), kind: "choice", options: choices(SERVICES, word) },
      { name: "queue", label: t("parked.queue") },
      { name: "type", label: t("parked.type") },
      { name: "station_id", label: t("parked.station") },
      { name: "error", label: t("parked.error_part") },
      { name: "replayed", label: t("parked.replayed"), kind: "choice", options: choices(["true", "false"], (one) => t(`parked.replayed.${one}`)) },
      { name: "from", label: t("parked.from"), kind: "time" },
      { name: "to", label: t("parked.to"), kind: "time" },
    ]} />
    ${mayAct && html`<div class="actions above">
      <button type="button" disabled=${chosen.length === 0} onClick=${() => setMany("replay_selected")}>${t("parked.replay_selected", { n: chosen.length })}</button>
      <button type="button" disabled=${chosen.length === 0} onClick=${() => setMany("delete_selected")}>${t("parked.delete_selected", { n: chosen.length })}</button>
      ${wanted.replayed !== "true" && html`<button type="button" onClick=${() => setMany("replay")}>${t("parked.replay_all")}</button>`}
      <button type="button" onClick=${() => setMany("delete")}>${t("parked.delete_all")}</button>
    </div>`}
    <${Loaded} of=${pages}>${() => html`
      <${Table} label=${t("parked.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.id} nameOf=${(/** @type {any} */ one) => `${one.type} ${one.parked_at}`}
        selected=${mayAct ? selected : undefined} onSelect=${mayAct ? setSelected : undefined} empty=${t("parked.empty")}
        columns=${[
          { key: "parked_at", title: t("parked.parked"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.parked_at} />` },
          { key: "type", title: t("parked.type"), show: (/** @type {any} */ one) => html`<button type="button" class="quiet" onClick=${() => setShown(one)}>${one.type || t("parked.no_type")}</button>` },
          { key: "service", title: t("parked.service"), show: (/** @type {any} */ one) => one.service },
          { key: "queue", title: t("parked.queue"), show: (/** @type {any} */ one) => one.queue },
          { key: "station_id", title: t("parked.station"), show: (/** @type {any} */ one) => one.station_id && html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a>` },
          { key: "error", title: t("parked.error"), wide: true, show: (/** @type {any} */ one) => firstLine(one.error) },
          { key: "replayed_at", title: t("parked.replayed"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.replayed_at} />` },
        ]} /><${More} of=${pages} />`}<//>
    ${shown && html`<${Item} item=${shown} mayAct=${mayAct} onClose=${() => setShown(null)} onDone=${done} />`}
    ${many && html`<${Many} what=${many} chosen=${chosen} wanted=${wanted} onClose=${() => setMany("")} onDone=${done} />`}
  <//>`;
}

/** What an error says, without where it was raised. @param {string} error */
function firstLine(error) {
  const lines = error.trim().split("\n");
  return /^Traceback/.test(lines[0]) ? lines[lines.length - 1] : lines[0];
}

/** @param {{what: string, chosen: any[], wanted: Record<string, string | undefined>, onClose: () => void, onDone: () => void}} props */
function Many({ what, chosen, wanted, onClose, onDone }) {
  const [verb, which] = what.split("_");
  const isDeletion = verb === "delete";
  const make = () => {
    if (which === "selected")
      return oneByOne(chosen, (one) => (isDeletion ? remove(at`/parked/${one.id}`) : post(at`/parked/${one.id}/replay`)), (one) => one.id);
    const filters = Object.fromEntries(FILTERS.map((name) => [name, wanted[name]]));
    const replayed = isDeletion && wanted.replayed ? { replayed: wanted.replayed === "true" } : {};
    const isAll = Object.values({ ...filters, ...replayed }).every((value) => value === undefined);
    return byFilter(`/parked/bulk/${verb}`, { ...filters, ...replayed, all: isAll });
  };
  return html`<${BulkDialog} title=${t(`parked.${verb}_many`)} text=${t(`parked.${verb}_text`)} make=${make} danger=${isDeletion} typed=${isDeletion}
    submit=${(/** @type {number} */ n) => t(`parked.${verb}_n`, { n })} onClose=${onClose} onDone=${onDone} />`;
}

/** @param {{item: any, mayAct: boolean, onClose: () => void, onDone: () => void}} props */
function Item({ item, mayAct, onClose, onDone }) {
  const act = async (/** @type {() => Promise<unknown>} */ does, /** @type {string} */ done) => {
    try {
      await does();
      notify(t(done));
      onClose();
    } catch (problem) {
      notifyProblem(problem);
    }
    onDone();
  };
  const replay = () => act(() => post(at`/parked/${item.id}/replay`), "parked.was_replayed");
  const delete_ = async () => {
    onClose();
    if (await confirm({ title: t("parked.delete_one"), text: t("parked.delete_text"), action: t("parked.delete"), danger: true }))
      await act(() => remove(at`/parked/${item.id}`), "parked.was_deleted");
  };
  return html`<${Dialog} title=${item.type || t("parked.no_type")} onClose=${onClose} wide>
    <${Facts} rows=${[
      [t("parked.parked"), html`<${Moment} at=${item.parked_at} />`],
      [t("parked.replayed"), html`<${Moment} at=${item.replayed_at} />`],
      [t("parked.service"), item.service],
      [t("parked.queue"), item.queue],
      item.station_id && [t("parked.station"), html`<a href=${to`stations/${item.station_id}`}>${item.station_id}</a>`],
      [t("parked.id"), html`<code>${item.id}</code>`],
    ]} />
    <h3>${t("parked.error")}</h3><pre tabindex="0">${item.error}</pre>
    <h3>${t("parked.body")}</h3><${Json} value=${readable(item.body)} label=${t("parked.body")} />
    <div class="actions">
      <button type="button" onClick=${onClose}>${t("action.close")}</button>
      ${mayAct && html`<button type="button" class="primary" onClick=${replay}>${t("parked.replay")}</button>
        <button type="button" class="danger" onClick=${delete_}>${t("parked.delete")}</button>`}
    </div><//>`;
}

/** The body as JSON where it is some. @param {string} body */
function readable(body) {
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
