// What is shown of command groups: to whom they go, how far they are.

import { to } from "../lib/router.js";
import { t, word } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html } from "../lib/view.js";

/** Statuses of a command, in the order that it has them. */
export const COMMAND_STATUSES = ["waiting", "pending", "sent", "completed", "error", "station_offline", "expired", "outcome_unknown"];
const OPEN = ["waiting", "pending", "sent"];

/** @param {any} group */
export const isUnderWay = (group) => group.status === "running" || group.status === "cancelling";

/** @param {Record<string, number>} commands @param {(status: string) => boolean} [counts] */
const sum = (commands, counts = () => true) =>
  Object.entries(commands).reduce((total, [status, n]) => (counts(status) ? total + n : total), 0);

/** How many commands there will be; null where the stations are still being asked for. @param {any} group @returns {number | null} */
export const totalOf = (group) =>
  group.is_expanded || !isUnderWay(group) ? sum(group.commands) : group.to.station_ids ? new Set(group.to.station_ids).size : null;

/** @param {any} group */
export const endedOf = (group) => sum(group.commands, (status) => !OPEN.includes(status));

/** To whom a group goes. @param {{of: any, siteName?: (id: string) => string}} props */
export function Addressees({ of: addressed, siteName = (id) => id }) {
  if (addressed.station_ids) return t("command_groups.to_chosen", { n: addressed.station_ids.length });
  const site = addressed.site_id && html`<a href=${to`sites/${addressed.site_id}`}>${siteName(addressed.site_id)}</a>`;
  const tag = addressed.tag && html`<a href=${`stations?tag=${encodeURIComponent(addressed.tag)}`}>${t("command_groups.to_tag", { tag: addressed.tag })}</a>`;
  return html`${site}${site && tag && ", "}${tag}`;
}

/** How many commands are in which state. @param {{of: any}} props */
export function CountsLine({ of: group }) {
  const shown = COMMAND_STATUSES.filter((status) => group.commands[status]);
  if (shown.length === 0) return html`<span class="none">–</span>`;
  return shown.map((status) => `${count(group.commands[status])} ${word(status)}`).join(", ");
}

/** How much of a group is done. @param {{of: any}} props */
export function Progress({ of: group }) {
  const total = totalOf(group);
  const ended = endedOf(group);
  const text = total === null ? t("command_group.ended_so_far", { n: ended, count: count(ended) }) : t("command_group.ended", { n: total, ended: count(ended), total: count(total) });
  return html`<div class="progress"><label for="group-progress">${text}</label>
    <progress id="group-progress" max=${total ?? 1} value=${total === null ? null : ended}>${text}</progress></div>`;
}
