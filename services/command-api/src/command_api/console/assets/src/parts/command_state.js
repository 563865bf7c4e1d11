// Where one command stands, live until nothing more is expected.

import { at, get } from "../lib/api.js";
import { useEvery, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { hasText, t } from "../lib/text.js";
import { latency } from "../lib/units.js";
import { html } from "../lib/view.js";
import { Json, State } from "./shown.js";

const OPEN = ["waiting", "pending", "sent"];
// Only the end is told by an event.
const OPEN_MS = 2000;
const HELD_MS = 15_000;

/** @param {any} command */
export const isOpen = (command) => OPEN.includes(command.status);

/**
 * A command, read until it has ended, and told of what ends it later.
 * @param {string} id @returns {import("../lib/live.js").Live<any>}
 */
export function useCommand(id) {
  const live = useLive((signal) => get(at`/commands/${id}`, {}, signal), [id], (before, events) => {
    const last = events.filter((event) => event.type === "command.completed" && event.data.command_id === id).at(-1);
    return last ? { ...before, ...last.data } : before;
  });
  const status = live.data?.status;
  useEvery(!OPEN.includes(status) ? null : status === "waiting" ? HELD_MS : OPEN_MS, live.reload);
  return live;
}

/** What its state means, in a sentence. @param {any} command */
export function meaning(command) {
  if (command.status === "completed")
    return t(command.accepted === null ? "command.is.answered" : command.accepted ? "command.is.completed" : "command.is.refused");
  if (command.status === "error" && hasText(`command.error.${command.error?.code}`)) return t(`command.error.${command.error.code}`);
  return hasText(`command.is.${command.status}`) ? t(`command.is.${command.status}`) : "";
}

/** @param {{of: any}} props */
export function CommandState({ of: command }) {
  if (command.status === "completed" && command.accepted === false) return html`<${State} of="refused" />`;
  if (command.error?.code === "CANCELLED") return html`<${State} of="cancelled" />`;
  return html`<${State} of=${command.status} tone=${command.status === "waiting" ? "busy" : undefined} />`;
}

/** Milliseconds from one moment to another. @param {string | null} from @param {string | null} until */
export const between = (from, until) => (from && until ? latency(Date.parse(until) - Date.parse(from)) : null);

/** What the station answered, or why it got nothing. @param {{of: any}} props */
export function Answer({ of: command }) {
  if (command.response) return html`<${Json} value=${command.response} label=${t("command.answer")} />`;
  if (command.error)
    return html`<p><code>${command.error.code}</code> ${command.error.description}</p>
      ${Object.keys(command.error.details ?? {}).length > 0 && html`<${Json} value=${command.error.details} label=${t("command.answer")} />`}`;
  return html`<p class="none">${t(isOpen(command) ? "command.no_answer_yet" : "command.no_answer")}</p>`;
}

/** The link to a command's page. @param {{of: any, children?: any}} props */
export const CommandLink = ({ of: command, children }) => html`<a href=${to`commands/${command.command_id}`}>${children ?? command.action}</a>`;
