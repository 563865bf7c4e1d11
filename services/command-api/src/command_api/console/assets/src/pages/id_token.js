// One id token: what it may, what it charged.

import { at, everything, get, idempotencyKey, patch, post, remove } from "../lib/api.js";
import { reloadOn, useLive, usePages } from "../lib/live.js";
import { navigate, to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { count, duration, energy } from "../lib/units.js";
import { html, useState } from "../lib/view.js";
import { confirm, Dialog } from "../parts/dialog.js";
import { CheckField, Form } from "../parts/form.js";
import { TokenFields, tokenOf } from "../parts/id_token_fields.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";
import { Flags } from "../parts/transaction_flags.js";

/** @param {{params: {id_token: string}}} props */
export default function IdToken({ params: { id_token: id } }) {
  const live = useLive((signal) => get(at`/id-tokens/${id}`, {}, signal), [id], reloadOn(["id_token"], (event) => event.data.id_token === id));
  const [isEditing, setEditing] = useState(false);
  const [isBlocking, setBlocking] = useState(false);
  const token = live.data;
  const activate = async () => {
    try {
      const changed = await post(at`/id-tokens/${id}/activate`);
      live.change(() => changed);
      notify(t("id_token.activated"));
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const erase = async () => {
    if (!(await confirm({ title: t("id_token.delete_title", { id }), text: t("id_token.delete_text"), action: t("id_token.delete"), danger: true, typed: id }))) return;
    try {
      await remove(at`/id-tokens/${id}`);
      notify(t("id_token.deleted", { id }));
      navigate("id-tokens");
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const actions = token && html`
    ${can("operator") && (token.status === "accepted"
      ? html`<button type="button" class="danger" onClick=${() => setBlocking(true)}>${t("id_token.block")}</button>`
      : token.status !== "expired" && html`<button type="button" class="primary" onClick=${activate}>${t("id_token.activate")}</button>`)}
    ${can("admin") && html`${!isEditing && html`<button type="button" onClick=${() => setEditing(true)}>${t("action.edit")}</button>`}
      <button type="button" onClick=${erase}>${t("action.delete")}</button>`}`;
  return html`<${Page} title=${id} crumbs=${[{ href: "id-tokens", text: t("id_tokens.title") }]} actions=${actions} subtitle=${token && html`<${State} of=${token.status} />`}>
    <${Loaded} of=${live}>${(/** @type {any} */ data) => isEditing
      ? html`<${Edit} token=${data} onEnd=${(/** @type {any} */ changed) => {
          if (changed) live.change(() => changed);
          setEditing(false);
        }} />`
      : html`<${Section} title=${t("id_token.facts")}><${Facts} rows=${[
          [t("id_token.group"), data.group_id],
          [t("id_token.expires"), html`<${Moment} at=${data.expires_at} />`],
          [t("id_token.concurrent"), data.max_concurrent === null ? t("id_token.no_bound") : count(data.max_concurrent)],
          data.type && [t("id_token.type"), data.type],
          [t("id_token.created"), html`<${Moment} at=${data.created_at} />`],
          [t("id_token.updated"), html`<${Moment} at=${data.updated_at} />`],
          [t("reservations.title"), html`<a href=${`reservations?id_token=${encodeURIComponent(id)}`}>${t("id_token.reservations")}</a>`],
        ]} /><//>`}<//>
    <${History} id=${id} />
    ${isBlocking && html`<${Block} id=${id} onClose=${() => setBlocking(false)} onBlocked=${(/** @type {any} */ changed) => live.change(() => changed)} />`}
  <//>`;
}

/** @param {{token: any, onEnd: (changed: any) => void}} props */
function Edit({ token, onEnd }) {
  const [value, setValue] = useState(tokenOf(token));
  const save = async () => {
    const before = tokenOf(token);
    const changes = Object.fromEntries(Object.entries(value).filter(([name, said]) => said !== before[name]));
    const changed = Object.keys(changes).length > 0 ? await patch(at`/id-tokens/${token.id_token}`, changes) : token;
    notify(t("id_token.saved"));
    onEnd(changed);
  };
  return html`<${Section} title=${t("id_token.edit")}><${Form} onSubmit=${save} submit=${t("action.save")} actions=${html`<button type="button" onClick=${() => onEnd(null)}>${t("action.cancel")}</button>`}>
    <${TokenFields} value=${value} onChange=${setValue} /><//><//>`;
}

/** Blocking ends nothing that goes on: that is asked for here, too. @param {{id: string, onClose: () => void, onBlocked: (token: any) => void}} props */
function Block({ id, onClose, onBlocked }) {
  const open = useLive((signal) => everything("/transactions", { id_token: id, status: "active" }, { signal, atMost: 500 }), [id], reloadOn(["transaction.started", "transaction.stopped"]));
  const [isStopping, setStopping] = useState(true);
  const running = open.data ?? [];
  const block = async () => {
    onBlocked(await post(at`/id-tokens/${id}/block`));
    notify(t("id_token.blocked", { id }));
    if (isStopping) await Promise.all(running.map(stop));
    onClose();
  };
  return html`<${Dialog} title=${t("id_token.block_title", { id })} onClose=${onClose}>
    <${Form} danger onSubmit=${block} submit=${t("id_token.block")} disabled=${open.loading && open.data === null} actions=${html`<button type="button" onClick=${onClose}>${t("action.cancel")}</button>`}>
      <p>${t("id_token.block_text")}</p>
      <${Loaded} of=${open}>${() => (running.length === 0
        ? html`<p class="none">${t("id_token.none_open")}</p>`
        : html`<p>${t("id_token.open", { n: running.length })}</p>
          <ul>${running.map((/** @type {any} */ one) => html`<li key=${one.transaction_id}><a href=${to`transactions/${one.transaction_id}`}>${one.transaction_id}</a> ${one.station_id}, ${energy(one.live?.energy_wh)}</li>`)}</ul>
          <${CheckField} label=${t("id_token.stop", { n: running.length })} value=${isStopping} onChange=${setStopping} />`)}<//>
    <//>
  <//>`;
}

/** @param {any} one */
async function stop(one) {
  try {
    const command = await post(at`/stations/${one.station_id}/commands/RemoteStopTransaction`, { transactionId: one.transaction_id }, { query: { wait: 0 }, headers: { "Idempotency-Key": idempotencyKey() } });
    notify(t("id_token.stopping", { id: one.transaction_id, station: one.station_id }), { href: to`commands/${command.command_id}` });
  } catch (problem) {
    notifyProblem(problem);
  }
}

/** @param {{id: string}} props */
function History({ id }) {
  const pages = usePages(({ cursor }, signal) => get("/transactions", { id_token: id, cursor, limit: 50 }, signal), [id],
    reloadOn(["transaction.started", "transaction.stopped"], ({ data }) => data.id_token === id || data.id_token === undefined));
  return html`<${Section} title=${t("transactions.title")} actions=${html`<a href=${`transactions?id_token=${encodeURIComponent(id)}`}>${t("id_token.in_list")}</a>`}>
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("transactions.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => String(one.transaction_id)} empty=${t("id_token.no_history")}
      columns=${[
        { key: "id", title: t("transactions.id"), number: true, show: (/** @type {any} */ one) => html`<a href=${to`transactions/${one.transaction_id}`}>${one.transaction_id}</a>` },
        { key: "station", title: t("transactions.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a> <span class="none">${one.connector_id}</span>` },
        { key: "status", title: t("transactions.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
        { key: "authorization", title: t("transaction.authorization"), show: (/** @type {any} */ one) => html`<${State} of=${one.authorization_status} />` },
        { key: "started", title: t("transactions.started"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.started_at} />` },
        { key: "lasted", title: t("transactions.lasted"), number: true, show: (/** @type {any} */ one) => duration(((one.stopped_at ? Date.parse(one.stopped_at) : Date.now()) - Date.parse(one.started_at)) / 1000) },
        { key: "energy", title: t("transactions.energy"), number: true, show: (/** @type {any} */ one) => energy(one.energy_wh ?? one.live?.energy_wh) },
        { key: "flags", title: t("transactions.flags"), show: (/** @type {any} */ one) => html`<${Flags} flags=${one.flags} />` },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
