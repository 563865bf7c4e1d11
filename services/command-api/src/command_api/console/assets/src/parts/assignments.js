// For which sessions tariffs hold: lists of it, new ones, and their end.

import { at, everything, get, idempotencyKey, post, remove } from "../lib/api.js";
import { useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { local } from "../lib/times.js";
import { html, useRef, useState } from "../lib/view.js";
import { confirm, Dialog } from "./dialog.js";
import { Form, SelectField, TextField, TimeField } from "./form.js";
import { Loaded } from "./loaded.js";
import { SiteLacks } from "./missing.js";
import { notify, notifyProblem } from "./notices.js";
import { Moment } from "./shown.js";
import { Table } from "./table.js";

/** What a tariff can be assigned to, in the order in which it is looked for. */
export const TARGETS = ["id_token", "group_id", "station_id", "tag", "site_id", "tenant"];

/** @param {any} assignment @returns {{target: string, value: string}} */
export function targetOf(assignment) {
  const target = TARGETS.find((name) => assignment[name] !== undefined && assignment[name] !== null) ?? "tenant";
  return { target, value: assignment[target] ?? "" };
}

/** @param {{of: any, sites: any[]}} props */
function Target({ of: assignment, sites }) {
  const { target, value } = targetOf(assignment);
  if (target === "id_token") return html`<a href=${to`id-tokens/${value}`}>${value}</a>`;
  if (target === "station_id") return html`<a href=${to`stations/${value}`}>${value}</a>`;
  if (target === "tag") return html`<a href=${`stations?tag=${encodeURIComponent(value)}`}>${value}</a>`;
  if (target === "group_id") return value;
  if (target === "tenant") return t("assignment.everything");
  const site = sites.find((one) => one.site_id === value);
  return html`<a href=${to`sites/${value}`}>${site?.name ?? value}</a> ${site && html`<${SiteLacks} site=${site} />`}`;
}

/** Whether it holds now. @param {any} assignment */
const holdsNow = ({ valid_from, valid_to }) =>
  (!valid_from || Date.parse(valid_from) <= Date.now()) && (!valid_to || Date.parse(valid_to) > Date.now());

/** @param {{of: {valid_from: string | null, valid_to: string | null}}} props */
const Validity = ({ of: { valid_from, valid_to } }) => html`${!valid_from && !valid_to && t("assignment.always")}
  ${valid_from && html`${t("assignment.valid_from")} <${Moment} at=${valid_from} />`} ${valid_to && html`${t("assignment.valid_to")} <${Moment} at=${valid_to} />`}`;

/** @param {any} assignment @param {() => void} onDone */
async function end(assignment, onDone) {
  if (!(await confirm({ title: t("assignment.remove_title", { name: assignment.tariff_name }), text: t("assignment.remove_text"), action: t("assignment.remove"), danger: true }))) return;
  try {
    await remove(at`/tariff-assignments/${assignment.assignment_id}`);
    notify(t("assignment.removed"));
  } catch (problem) {
    notifyProblem(problem);
  }
  onDone();
}

/** @param {{assignments: any[], sites: any[], withTariff?: boolean, onChange: () => void}} props */
export const Assignments = ({ assignments, sites, withTariff = false, onChange }) =>
  html`<${Table} label=${t("assignments.title")} rows=${assignments} keyOf=${(/** @type {any} */ one) => one.assignment_id} empty=${t("assignments.empty")} columns=${[
    ...(withTariff ? [{ key: "tariff", title: t("tariff.title"), show: (/** @type {any} */ one) => html`<a href=${to`tariffs/${one.tariff_id}`}>${one.tariff_name}</a>` }] : []),
    { key: "kind", title: t("assignment.to"), show: (/** @type {any} */ one) => t(`assignment.target.${targetOf(one).target}`) },
    { key: "value", title: t("assignment.which"), wide: true, show: (/** @type {any} */ one) => html`<${Target} of=${one} sites=${sites} />` },
    { key: "now", title: t("assignment.now"), show: (/** @type {any} */ one) => html`<span class=${`state ${holdsNow(one) ? "good" : ""}`}>${t(holdsNow(one) ? "assignment.holds" : "assignment.holds_not")}</span>` },
    { key: "validity", title: t("assignment.validity"), wide: true, show: (/** @type {any} */ one) => html`<${Validity} of=${one} />` },
    { key: "created", title: t("assignment.created"), show: (/** @type {any} */ one) => html`<span title=${local(one.created_at)}>${one.created_by}</span>` },
    ...(can("admin") ? [{ key: "remove", title: html`<span class="visually-hidden">${t("assignment.remove")}</span>`, show: (/** @type {any} */ one) => html`<button type="button" class="quiet" onClick=${() => end(one, onChange)}>${t("assignment.remove")}</button>` }] : []),
  ]} />`;

/**
 * A new assignment; of the tariff that is given, or of one that is chosen.
 * @param {{tariff?: {tariff_id: string, name: string}, sites: any[], onClose: () => void, onMade: () => void}} props
 */
export function Assign({ tariff, sites, onClose, onMade }) {
  const tariffs = useLive((signal) => (tariff ? Promise.resolve([tariff]) : everything("/tariffs", {}, { signal })), []);
  const [chosen, setChosen] = useState(tariff?.tariff_id ?? "");
  const [target, setTarget] = useState("site_id");
  const [value, setValue] = useState("");
  const [from, setFrom] = useState(/** @type {string | null} */ (null));
  const [until, setUntil] = useState(/** @type {string | null} */ (null));
  const attempt = useRef({ question: "", key: "" });
  const make = async () => {
    const body = { tariff_id: chosen, valid_from: from, valid_to: until, ...(target === "tenant" ? {} : { [target]: value }) };
    const question = JSON.stringify(body);
    if (attempt.current.question !== question) attempt.current = { question, key: idempotencyKey() };
    await post("/tariff-assignments", body, { headers: { "Idempotency-Key": attempt.current.key } });
    notify(t("assignment.made"));
    onMade();
    onClose();
  };
  const choose = (/** @type {string} */ next) => {
    setTarget(next);
    setValue("");
  };
  const site = target === "site_id" && sites.find((one) => one.site_id === value);
  return html`<${Dialog} title=${tariff ? t("assignment.new_of", { name: tariff.name }) : t("assignment.new")} onClose=${onClose}>
    <${Loaded} of=${tariffs}>${(/** @type {any[]} */ all) => html`<${Form} onSubmit=${make} submit=${t("assignment.submit")} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      ${!tariff && html`<${SelectField} label=${t("tariff.title")} name="tariff_id" required empty=${t("assignment.choose")} value=${chosen} onChange=${setChosen} options=${all.map((one) => ({ value: one.tariff_id, text: one.name }))} />`}
      <${SelectField} label=${t("assignment.to")} name="target" hint=${t("assignment.order")} value=${target} onChange=${choose} options=${TARGETS.map((one) => ({ value: one, text: t(`assignment.target.${one}`) }))} />
      ${target === "site_id"
        ? html`<${SelectField} label=${t("assignment.target.site_id")} name="site_id" required empty=${t("assignment.choose")} value=${value} onChange=${setValue} options=${sites.map((one) => ({ value: one.site_id, text: one.name }))} />`
        : target !== "tenant" && html`<${TextField} key=${target} label=${t(`assignment.target.${target}`)} name=${target} required maxLength=${255} value=${value} onChange=${setValue} />`}
      ${site && html`<p><${SiteLacks} site=${site} /></p>`}
      <div class="pair">
        <${TimeField} label=${t("assignment.from")} name="valid_from" hint=${t("assignment.from_hint")} value=${from} onChange=${setFrom} />
        <${TimeField} label=${t("assignment.until")} name="valid_to" hint=${t("assignment.until_hint")} value=${until} onChange=${setUntil} />
      </div>
    <//>`}<//>
    ${tariffs.data === null && html`<div class="actions"><button type="button" onClick=${onClose}>${t("action.cancel")}</button></div>`}
  <//>`;
}

/** @param {Record<string, unknown>} query */
export const readAssignments = (query) => (/** @type {{cursor: string | null}} */ { cursor }, /** @type {AbortSignal} */ signal) =>
  get("/tariff-assignments", { ...query, cursor, limit: 100 }, signal);
