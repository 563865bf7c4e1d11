// Where the time line of a station comes from: lists of REST, each newest first, as entries of one kind.

import { at, everything, get } from "../lib/api.js";
import { to } from "../lib/router.js";
import { me } from "../lib/session.js";
import { hasText, t, word } from "../lib/text.js";
import { energy } from "../lib/units.js";
import { deviation } from "./deviation.js";
import { refusalTitle } from "./refusal_advice.js";

/**
 * @typedef {{key: string, at: string, kind: string, state?: string | null, tone?: string, text: string, href?: string}} Entry
 * @typedef {{entries: Entry[], next: string | null, edge?: string}} Page `edge`: down to when it is all, where that is not its last entry
 * @typedef {{name: string, kinds: string[], told: (type: string) => boolean,
 *   page: (query: {id: string, from: string, to: string | null, cursor: string | null}, signal: AbortSignal) => Promise<Page>}} Source
 *   `told`: whether an event tells that there is something new
 */

const PAGE = 100;
const EVENTS_AT_MOST = 5000;
// What other sources say already, or nothing to a reader.
const TOLD_EVENTS = [
  "station.created", "station.booted", "station.registration_changed", "station.placed", "station.moved", "station.security_profile_raised",
  "station.data_transferred", "connector.added", "configuration.changed", "reservation", "job.created", "job.finished",
  "charging_profile", "certificate", "quarantine",
];
const isTold = (/** @type {string} */ type) => TOLD_EVENTS.some((one) => type === one || type.startsWith(`${one}.`));

/** @type {Source[]} */
export const sources = [
  {
    name: "history",
    kinds: ["presence", "connector"],
    told: (type) => ["station.online", "station.offline", "station.connected", "connector.status_changed"].includes(type),
    page: async ({ id, from, to: until, cursor }, signal) => {
      const { items, next_cursor: next } = await get(at`/stations/${id}/history`, { from, to: until, cursor, limit: PAGE }, signal);
      return { entries: items.map(ofHistory), next };
    },
  },
  {
    name: "transactions",
    kinds: ["transaction"],
    told: (type) => type === "transaction.started" || type === "transaction.stopped" || type === "transaction.corrected",
    page: async ({ id, from, to: until, cursor }, signal) => {
      const [{ items, next_cursor: next }, before] = await Promise.all([
        get("/transactions", { station_id: id, from, to: until, cursor, limit: PAGE }, signal),
        // Those that began before, and ended in this time.
        cursor === null ? get("/transactions", { station_id: id, to: from, stopped_from: from, stopped_to: until, limit: PAGE }, signal) : { items: [] },
      ]);
      const entries = [...items, ...before.items].flatMap(ofTransaction).filter((/** @type {Entry} */ one) => within(one.at, from, until));
      return { entries, next, edge: items.at(-1)?.started_at };
    },
  },
  {
    name: "commands",
    kinds: ["command"],
    told: (type) => type === "command.completed",
    page: async ({ id, from, to: until, cursor }, signal) => {
      const { items, next_cursor: next } = await get("/commands", { station_id: id, cursor, limit: PAGE }, signal);
      const isOver = items.some((/** @type {any} */ one) => one.created_at < from);
      return { entries: items.map(ofCommand).filter((/** @type {Entry} */ one) => within(one.at, from, until)), next: isOver ? null : next };
    },
  },
  {
    name: "security",
    kinds: ["security"],
    told: (type) => type === "security.event_reported" || type === "security.event_detected",
    page: async ({ id, from, to: until, cursor }, signal) => {
      // Who is limited to some stations may not read these.
      if (me.peek()?.scope) return { entries: [], next: null };
      const { items, next_cursor: next } = await get("/security-events", { station_id: id, from, to: until, cursor, limit: PAGE }, signal);
      return { entries: items.map(ofSecurity), next };
    },
  },
  {
    name: "refusals",
    kinds: ["refusal"],
    told: (type) => type === "security.connection_refused",
    page: async ({ id, from, to: until, cursor }, signal) => {
      const { items, next_cursor: next } = await get(at`/stations/${id}/refusals`, { from, to: until, cursor, limit: PAGE }, signal);
      return { entries: items.map(ofRefusal), next };
    },
  },
  {
    name: "messages",
    kinds: ["message"],
    // Frames are no events; what is remarkable about them comes with most other things.
    told: () => true,
    page: async ({ id, from, to: until, cursor }, signal) => {
      const { items, next_cursor: next } = await get(at`/stations/${id}/messages`, { level: "warning", from, to: until, cursor, limit: PAGE }, signal);
      return { entries: items.map((/** @type {any} */ one) => ofMessage(id, one)), next };
    },
  },
  {
    name: "events",
    kinds: ["station"],
    told: isTold,
    // Kept in the other order: all of the time that is shown.
    page: async ({ id, from, to: until }, signal) => {
      const items = await everything("/events/history", { station_id: id, from, to: until, type: TOLD_EVENTS }, { signal, atMost: EVENTS_AT_MOST });
      return { entries: items.map(ofEvent).reverse(), next: null };
    },
  },
];

export const kinds = sources.flatMap((source) => source.kinds);

/** @param {string} moment @param {string} from @param {string | null} until */
const within = (moment, from, until) => moment >= from && (until === null || moment < until);

/** @param {any} one @returns {Entry} */
function ofHistory(one) {
  const key = ["history", one.received_at, one.kind, one.connector_id, one.status, one.epoch].join("|");
  if (one.kind === "presence")
    return { key, at: one.received_at, kind: "presence", state: one.status, text: one.reason ? (hasText(`timeline.reason.${one.reason}`) ? t(`timeline.reason.${one.reason}`) : word(one.reason)) : "" };
  const said = [one.error_code === "NoError" ? null : one.error_code, one.info, one.vendor_error_code, ...(one.flags ?? []).map(word)].filter(Boolean);
  return {
    key, at: one.received_at, kind: "connector", state: one.status,
    text: [one.connector_id === 0 ? t("timeline.whole_station") : t("timeline.connector", { connector: one.connector_id }), ...said].join(" · "),
  };
}

/** @param {any} one @returns {Entry[]} */
function ofTransaction(one) {
  const href = to`transactions/${one.transaction_id}`;
  const known = { transaction: one.transaction_id, connector: one.connector_id, token: one.id_token };
  const started = {
    key: `start|${one.transaction_id}`, at: one.started_at, kind: "transaction", state: "started", tone: "busy", href,
    text: [t("timeline.transaction_started", known), one.authorization_status === "accepted" ? null : word(one.authorization_status)].filter(Boolean).join(" · "),
  };
  if (!one.stopped_at) return [started];
  const said = [one.stop_reason, ...(one.flags ?? []).map(word)].filter(Boolean);
  return [
    {
      key: `stop|${one.transaction_id}`, at: one.stopped_at, kind: "transaction", state: one.status, href,
      text: [t("timeline.transaction_stopped", { ...known, energy: energy(one.energy_wh) }), ...said].join(" · "),
    },
    started,
  ];
}

/** @param {any} one @returns {Entry} */
const ofCommand = (one) => ({
  key: `command|${one.command_id}`, at: one.created_at, kind: "command", href: to`commands/${one.command_id}`,
  state: one.status === "completed" ? (one.accepted === false ? "rejected" : "completed") : one.status,
  text: [t("timeline.command", { action: one.action, by: one.created_by }), one.response?.status, one.error && `${one.error.code} ${one.error.description}`].filter(Boolean).join(" · "),
});

/** @param {any} one @returns {Entry} */
const ofSecurity = (one) => ({
  key: `security|${one.security_event_id}`, at: one.received_at, kind: "security", state: one.critical ? "critical" : null,
  text: [word(one.type), one.detail, t(`timeline.source.${one.source}`)].filter(Boolean).join(" · "),
});

/** @param {any} one @returns {Entry} */
const ofRefusal = (one) => ({
  key: `refusal|${one.id}`, at: one.last_at, kind: "refusal", state: "refused", href: to`refusals/${one.id}`,
  text: [refusalTitle(one), one.detail, one.times > 1 ? t("state.refused_times", { n: one.times }) : null].filter(Boolean).join(" · "),
});

/** @param {string} id @param {any} one @returns {Entry} */
function ofMessage(id, one) {
  const key = ["message", one.at, one.direction, one.kind, one.message_id].join("|");
  if (one.kind === "gap") return { key, at: one.at, kind: "message", state: "warning", text: t("timeline.gap", { n: one.gap_frames ?? 0 }) };
  const forgiven = (one.tolerated ?? []).map(deviation);
  const said = one.error ?? (one.kind === "error" ? t("frames.answer_error") : null);
  return {
    key, at: one.at, kind: "message", state: one.level,
    href: one.message_id ? `${to`stations/${id}/messages`}?message_id=${encodeURIComponent(one.message_id)}` : undefined,
    text: [one.action ?? t("frames.frame"), said, ...forgiven, forgiven.length === 0 && !said ? t("timeline.late") : null].filter(Boolean).join(" · "),
  };
}

/** @param {{position: number, event: any}} stored @returns {Entry} */
function ofEvent({ position, event }) {
  const type = event.type.replace(/^csms\.|\.v\d+$/g, "");
  const { data } = event;
  const told = Object.fromEntries(Object.entries(data).map(([name, value]) => [name, value === null ? "–" : Array.isArray(value) ? value.join(", ") : typeof value === "string" ? word(value) : value]));
  const text = hasText(`timeline.event.${type}`) ? t(`timeline.event.${type}`, told) : word(type.replaceAll(".", "_"));
  return { key: `event|${position}`, at: event.time, kind: "station", text, ...linkOf(type, data) };
}

/** @param {string} type @param {any} data @returns {{href?: string, state?: string}} */
function linkOf(type, data) {
  if (type.startsWith("job.")) return { href: to`jobs/${data.job_id}`, state: data.status };
  if (type.startsWith("reservation.")) return { href: to`reservations/${data.reservation_id}`, state: data.status };
  if (type.startsWith("certificate.") && data.certificate_id) return { href: to`certificates/${data.certificate_id}` };
  if (type.startsWith("quarantine.")) return { href: "quarantine" };
  if (type === "configuration.changed" && data.command_id) return { href: to`commands/${data.command_id}` };
  return {};
}
