// Commands of one station: what may be sent, and what became of those that were.

import { get } from "../../lib/api.js";
import { RELOAD, usePages } from "../../lib/live.js";
import { to, useQuery } from "../../lib/router.js";
import { can } from "../../lib/session.js";
import { t, word } from "../../lib/text.js";
import { html, useEffect, useMemo } from "../../lib/view.js";
import { actionsOf } from "../../parts/command_actions.js";
import { between, CommandLink, CommandState, isOpen } from "../../parts/command_state.js";
import { choices, Filters } from "../../parts/filters.js";
import { Loaded } from "../../parts/loaded.js";
import { Section } from "../../parts/page.js";
import { Moment } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { More, Table } from "../../parts/table.js";

const STATUSES = ["waiting", "pending", "sent", "completed", "error", "station_offline", "expired", "outcome_unknown"];
// Only the end of a command is told by an event.
const OPEN_MS = 3000;

/** @param {{params: {station_id: string}}} props */
export default function StationCommands({ params: { station_id: id } }) {
  return html`<${StationFrame} id=${id} tab="commands">${(/** @type {any} */ station) => html`
    ${can("operator") && html`<${Offered} station=${station} />`}
    <${Section} title=${t("station_commands.sent")}><${Sent} id=${id} version=${versionOf(station)} /><//>`}<//>`;
}

/** What the station speaks, or most speak. @param {any} station */
const versionOf = (station) => station.ocpp_version ?? "ocpp16";

/** @param {{station: any}} props */
function Offered({ station }) {
  const groups = actionsOf(versionOf(station));
  return html`<${Section} title=${t("station_commands.send")}>
    ${!station.online && html`<p class="hint">${t("station_commands.offline")}</p>`}
    ${groups.length === 0 && html`<p class="none">${t("station_commands.none_known", { version: word(station.ocpp_version) })}</p>`}
    <div class="offered">${groups.map(({ group, actions }) => html`<div key=${group}>
      <h3 id=${`group-${group}`}>${t(`command.group.${group}`)}</h3>
      <ul aria-labelledby=${`group-${group}`}>${actions.map((action) => html`<li key=${action}><a href=${to`stations/${station.station_id}/commands/${action}`}>${action}</a></li>`)}</ul>
    </div>`)}</div>
  <//>`;
}

/** @param {{id: string, version: string}} props */
function Sent({ id, version }) {
  const [{ action, status }] = useQuery();
  const pages = usePages(({ cursor }, signal) => get("/commands", { station_id: id, action, status, cursor, limit: 100 }, signal), [id, action, status], (items, events) => {
    let changed = items;
    for (const { type, data } of events) {
      if (type !== "command.completed" || data.station_id !== id) continue;
      // Under a filter by state, what has ended may have to go, or to come.
      if (status || !changed.some((one) => one.command_id === data.command_id)) return RELOAD;
      changed = changed.map((one) => (one.command_id === data.command_id ? { ...one, ...data } : one));
    }
    return changed;
  });
  const isAnyOpen = (pages.items ?? []).some(isOpen);
  useEffect(() => {
    if (!isAnyOpen) return undefined;
    const timer = setInterval(() => !document.hidden && pages.reload(), OPEN_MS);
    return () => clearInterval(timer);
  }, [isAnyOpen]);
  const columns = useMemo(() => [
    { key: "created", title: t("commands.created"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
    { key: "action", title: t("commands.action"), show: (/** @type {any} */ one) => html`<${CommandLink} of=${one} />` },
    { key: "status", title: t("commands.status"), show: (/** @type {any} */ one) => html`<${CommandState} of=${one} />` },
    { key: "answer", title: t("commands.answer"), show: (/** @type {any} */ one) => one.response?.status ?? one.error?.description ?? "–" },
    { key: "took", title: t("commands.took"), number: true, show: (/** @type {any} */ one) => between(one.sent_at, one.completed_at) },
    { key: "by", title: t("commands.by"), show: (/** @type {any} */ one) => one.created_by },
    { key: "asked", title: t("station_commands.asked"), wide: true, show: (/** @type {any} */ one) => html`<code class="clipped">${JSON.stringify(one.payload)}</code>` },
  ], []);
  return html`<${Filters} filters=${[
      { name: "action", label: t("commands.action"), kind: "choice", options: choices(actionsOf(version).flatMap((group) => group.actions).sort(), (one) => one) },
      { name: "status", label: t("commands.status"), kind: "choice", options: choices(STATUSES, word) },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("station_commands.sent")} columns=${columns} rows=${pages.items ?? []}
      keyOf=${(/** @type {any} */ one) => one.command_id} empty=${t(action || status ? "station_commands.empty_filtered" : "station_commands.empty")} />`}<//>
    <${More} of=${pages} />`;
}
