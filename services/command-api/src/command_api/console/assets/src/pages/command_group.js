// One command group: how far it is, and what became of each station's command.

import { at, everything, get, post } from "../lib/api.js";
import { RELOAD, useLive } from "../lib/live.js";
import { navigate, to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useEffect, useMemo, useState } from "../lib/view.js";
import { keepChosen } from "../parts/chosen_stations.js";
import { Addressees, COMMAND_STATUSES, isUnderWay, Progress } from "../parts/command_groups.js";
import { between, CommandState, isOpen, meaning } from "../parts/command_state.js";
import { confirm } from "../parts/dialog.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Json, Moment, State } from "../parts/shown.js";
import { Table } from "../parts/table.js";

const TOGETHER_MS = 500;
// Only the end of a command, and of the group, is told by an event.
const GROUP_MS = 2000;
const COMMANDS_MS = 4000;
const MANY_COMMANDS_MS = 30_000;
const MANY = 1000;
const SEND_AGAIN_AT_MOST = 1000;
// What REST shows in a secret's place.
const SECRET = "***";
const REFUSED = "refused";
// As `CommandState` says it: the completed ones are those that the station did not refuse.
const OUTCOMES = COMMAND_STATUSES.flatMap((status) => (status === "completed" ? [status, REFUSED] : [status]));

/** @type {import("../parts/table.js").Column[]} */
const COLUMNS = [
  { key: "station_id", title: t("stations.id"), sort: (row) => row.station_id, show: (row) => html`<a href=${to`stations/${row.station_id}`}>${row.station_id}</a>` },
  { key: "status", title: t("command_groups.status"), sort: (row) => word(outcomeOf(row)), show: (row) => html`<${CommandState} of=${row} />` },
  { key: "answer", title: t("command_group.answer"), sort: answerOf, show: (row) => html`<span title=${meaning(row)}>${answerOf(row) ?? "–"}</span>` },
  { key: "took", title: t("command_group.took"), number: true, sort: (row) => (row.sent_at && row.completed_at ? Date.parse(row.completed_at) - Date.parse(row.sent_at) : null), show: (row) => between(row.sent_at, row.completed_at) },
  { key: "ended", title: t("command_group.ended_at"), sort: (row) => (row.completed_at ? Date.parse(row.completed_at) : null), show: (row) => html`<${Moment} at=${row.completed_at} short />` },
  { key: "command", title: t("command_group.command"), show: (row) => html`<a href=${to`commands/${row.command_id}`}>${t("command_group.details")}<span class="visually-hidden"> ${t("command_group.command_of", { station: row.station_id })}</span></a>` },
];

/** @param {any} command @returns {string | null} */
function answerOf(command) {
  if (command.response) return command.response.status ?? t("command_group.answered");
  return command.error ? command.error.description || command.error.code : null;
}

/** A command's status, and `refused` where the station answered no. @param {any} command @returns {string} */
const outcomeOf = (command) => (command.status === "completed" && command.accepted === false ? REFUSED : command.status);

/** @param {any} command */
const hasFailed = (command) => !isOpen(command) && (command.status !== "completed" || command.accepted === false);

/** How many have come to what; those that are refused are among the completed ones of REST. @param {Record<string, number>} commands @param {number} refused @returns {[string, number][]} */
function outcomes(commands, refused) {
  const counts = { ...commands, completed: Math.max(0, (commands.completed ?? 0) - refused), [REFUSED]: refused };
  return OUTCOMES.filter((one) => counts[one]).map((one) => [one, counts[one]]);
}

/** @param {{params: {group_id: string}}} props */
export default function CommandGroup({ params: { group_id } }) {
  const [query] = useQuery();
  const group = useLive((signal) => get(at`/command-groups/${group_id}`, {}, signal), [group_id], (before, events) => {
    const ended = events.find((event) => event.type === "command_group.completed" && event.subject === group_id);
    if (ended) return { ...before, ...ended.data };
    return isUnderWay(before) && events.some((event) => event.type === "command.completed" && event.data.action === before.action) ? RELOAD : before;
  });
  const commands = useLive(
    (signal) => everything(at`/command-groups/${group_id}/commands`, {}, { signal }), [group_id],
    (before, events) => {
      const ended = new Map(events.filter((event) => event.type === "command.completed").map((event) => [event.data.command_id, event.data]));
      return before.some((one) => ended.has(one.command_id)) ? before.map((one) => ({ ...one, ...ended.get(one.command_id) })) : before;
    },
    { everyMs: TOGETHER_MS },
  );
  const isLive = group.data !== null && isUnderWay(group.data);
  const isAnyOpen = commands.data?.some(isOpen) ?? false;
  const isMany = (commands.data?.length ?? 0) > MANY;
  const isIncomplete = isLive || isAnyOpen;
  useEffect(() => {
    if (!isLive) {
      // What was made, or ended, just before the end.
      if (group.data) commands.reload();
      return undefined;
    }
    const timer = setInterval(group.reload, GROUP_MS);
    return () => clearInterval(timer);
  }, [isLive]);
  useEffect(() => {
    if (!isIncomplete) return undefined;
    const timer = setInterval(commands.reload, isMany ? MANY_COMMANDS_MS : COMMANDS_MS);
    return () => clearInterval(timer);
  }, [isIncomplete, isMany]);
  const [order, setOrder] = useState({ by: "station_id", descending: false });
  const rows = useMemo(() => (commands.data ?? []).filter((row) => !query.status || outcomeOf(row) === query.status), [commands.data, query.status]);
  const failed = useMemo(() => (commands.data ?? []).filter(hasFailed), [commands.data]);
  const refused = useMemo(() => (commands.data ?? []).filter((one) => outcomeOf(one) === REFUSED).length, [commands.data]);
  const title = group.data?.action ?? t("command_group.title");

  const cancel = async () => {
    if (!(await confirm({ title: t("command_group.cancel_title"), text: t("command_group.cancel_text"), action: t("command_group.cancel"), danger: true }))) return;
    try {
      const cancelled = await post(at`/command-groups/${group_id}/cancel`);
      group.change(() => cancelled);
      commands.reload();
      notify(t("command_group.cancelled"));
    } catch (problem) {
      notifyProblem(problem);
      group.reload();
    }
  };
  const again = () => {
    keepChosen(failed.map((one) => one.station_id));
    const payload = JSON.stringify(group.data.payload);
    const said = payload.includes(SECRET) ? "" : `&payload=${encodeURIComponent(payload)}`;
    navigate(`command-groups/new?chosen=1&action=${encodeURIComponent(group.data.action)}${said}`);
  };
  const actions = can("operator") && group.data && html`
    ${group.data.status === "running" && html`<button type="button" class="danger" onClick=${cancel}>${t("command_group.cancel")}</button>`}
    ${!isLive && failed.length > 0 && failed.length <= SEND_AGAIN_AT_MOST && html`<button type="button" onClick=${again}>${t("command_group.again", { n: failed.length })}</button>`}`;

  return html`<${Page} title=${title} crumbs=${[{ href: "command-groups", text: t("command_groups.title") }]} actions=${actions}
      subtitle=${group.data && html`<${State} of=${group.data.status} />`}>
    <${Loaded} of=${group}>${(/** @type {any} */ data) => html`
      <${Section} title=${t("command_group.progress")}>
        <${Progress} of=${data} />
        <div class="figures">${outcomes(data.commands, refused).map(([status, n]) => html`<a key=${status} class="figure"
          href=${`${to`command-groups/${group_id}`}?status=${status}`} aria-current=${query.status === status ? "true" : null}><b>${count(n)}</b><span>${word(status)}</span></a>`)}</div>
      <//>
      <${Section} title=${t("command_group.what")}>
        <${Facts} rows=${[
          [t("command_groups.to"), html`<${Addressees} of=${data.to} />`],
          [t("command_groups.by"), data.created_by],
          [t("command_groups.at"), html`<${Moment} at=${data.created_at} />`],
          [t("command_group.hold_until"), data.hold_until && html`<${Moment} at=${data.hold_until} />`],
          [t("command_group.ended_at"), html`<${Moment} at=${data.completed_at} />`],
        ]} />
        <details><summary>${t("command_group.payload")}</summary><${Json} value=${data.payload} label=${t("command_group.payload")} /></details>
      <//>`}<//>
    ${group.data && html`<${Section} title=${t("command_group.results")}>
      <${Filters} filters=${[{ name: "status", label: t("command_groups.status"), kind: "choice", options: choices(OUTCOMES, word) }]} />
      <${Loaded} of=${commands}>${() => html`<${Table} label=${t("command_group.table")} columns=${COLUMNS} rows=${rows} keyOf=${(/** @type {any} */ row) => row.command_id}
        order=${order} onOrder=${setOrder} empty=${query.status ? t("command_group.none_in_state") : t("command_group.none_yet")} />`}<//>
    <//>`}
  <//>`;
}
