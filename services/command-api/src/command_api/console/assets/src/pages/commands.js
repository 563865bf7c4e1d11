// All commands, newest first.

import { get } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { t, word } from "../lib/text.js";
import { html } from "../lib/view.js";
import { actionsOf } from "../parts/command_actions.js";
import { between, CommandLink, CommandState } from "../parts/command_state.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { Page } from "../parts/page.js";
import { Moment } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";
import { VERSIONS } from "../lib/command_schemas.js";

const STATUSES = ["waiting", "pending", "sent", "completed", "error", "station_offline", "expired", "outcome_unknown"];
const ACTIONS = [...new Set(VERSIONS.flatMap((version) => actionsOf(version).flatMap((group) => group.actions)))].sort();

/** @typedef {{station_id?: string, action?: string, status?: string}} Wanted */

/** @param {any} command @param {Wanted} wanted */
const fits = (command, wanted) =>
  (!wanted.station_id || command.station_id === wanted.station_id) &&
  (!wanted.action || command.action === wanted.action) &&
  (!wanted.status || command.status === wanted.status);

/** The events that end commands hold them whole. @param {Wanted} wanted */
const ended = (wanted) => (/** @type {any[]} */ items, /** @type {import("../lib/stream.js").StreamEvent[]} */ events) => {
  let next = items;
  for (const { type, data } of events) {
    if (type !== "command.completed") continue;
    const n = next.findIndex((one) => one.command_id === data.command_id);
    if (n >= 0) next = next.with(n, { ...next[n], ...data });
    else if (fits(data, wanted) && (next.length === 0 || data.created_at >= next[0].created_at)) next = [data, ...next];
  }
  return next;
};

export default function Commands() {
  const [{ station_id, action, status }] = useQuery();
  const wanted = { station_id, action, status };
  const pages = usePages(
    ({ cursor }, signal) => get("/commands", { ...wanted, limit: 100, cursor }, signal),
    [station_id, action, status],
    ended(wanted),
  );
  return html`<${Page} title=${t("commands.title")}>
    <${Filters} filters=${[
      { name: "station_id", label: t("commands.station") },
      { name: "action", label: t("commands.action"), kind: "choice", options: choices(ACTIONS, word) },
      { name: "status", label: t("commands.status"), kind: "choice", options: choices(STATUSES, word) },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${CommandTable} commands=${pages.items ?? []} /><${More} of=${pages} />`}<//>
  <//>`;
}

/** @param {{commands: any[]}} props */
const CommandTable = ({ commands }) =>
  html`<${Table} label=${t("commands.title")} rows=${commands} keyOf=${(/** @type {any} */ one) => one.command_id} empty=${t("commands.empty")}
    columns=${[
      { key: "created_at", title: t("commands.created"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
      { key: "action", title: t("commands.action"), show: (/** @type {any} */ one) => html`<${CommandLink} of=${one} />` },
      { key: "station_id", title: t("commands.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a>` },
      { key: "status", title: t("commands.status"), show: (/** @type {any} */ one) => html`<${CommandState} of=${one} />` },
      { key: "answer", title: t("commands.answer"), show: (/** @type {any} */ one) => one.response?.status ?? one.error?.code },
      { key: "took", title: t("commands.took"), number: true, show: (/** @type {any} */ one) => between(one.created_at, one.completed_at) },
      { key: "created_by", title: t("commands.by"), show: (/** @type {any} */ one) => one.created_by },
    ]} />`;
