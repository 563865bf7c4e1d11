// Recorded frames as they pass: every request beside its answer.

import { at, get } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { count, latency } from "../lib/units.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib/view.js";
import { deviation } from "./deviation.js";
import { ExchangeDialog } from "./exchange_dialog.js";
import { exchanges, frameKey } from "./exchanges.js";
import { Filters } from "./filters.js";
import { Loaded } from "./loaded.js";
import { Moment, State } from "./shown.js";
import { More, Table } from "./table.js";

// Frames are no events, and appear two to three seconds after they passed.
const POLL_MS = 2500;
const PAGE = 200;

/** @param {import("./exchanges.js").Exchange} one */
const stationOf = ({ gap, call, answer }) => (gap ?? call ?? answer).station_id;

/** Followed, or not. @param {{isFollowing: boolean, onChange: (isFollowing: boolean) => void}} props */
export const FollowButton = ({ isFollowing, onChange }) =>
  html`<button type="button" aria-pressed=${String(isFollowing)} onClick=${() => onChange(!isFollowing)}>${t(isFollowing ? "frames.pause" : "frames.follow")}</button>`;

/** @typedef {{station: string | null, filters: Record<string, string | undefined>, isFollowing: boolean}} Wanted `station` null: of all */

/** @param {Wanted} props */
export function ExchangeList({ station, filters, isFollowing }) {
  const [shown, setShown] = useState(/** @type {import("./exchanges.js").Exchange | null} */ (null));
  const path = station === null ? "/messages" : at`/stations/${station}/messages`;
  const pages = usePages(({ cursor }, signal) => get(path, { ...filters, limit: PAGE, cursor }, signal), [station, filters]);
  useNewest(pages, path, filters, isFollowing);
  const rows = useMemo(() => exchanges(pages.items ?? []), [pages.items]);
  // These filters may show one half of an exchange alone.
  const isHalf = Boolean(filters.direction || filters.level || filters.q);
  const columns = useMemo(() => [
    { key: "at", title: t("frames.at"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.at} />` },
    ...(station === null ? [{ key: "station", title: t("frames.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${stationOf(one)}/messages`}>${stationOf(one)}</a>` }] : []),
    { key: "way", title: t("frames.way"), show: wayOf },
    { key: "action", title: t("frames.action"), show: (/** @type {any} */ one) => (one.gap ? "–" : html`<button type="button" class="quiet" onClick=${() => setShown(one)}>${(one.call ?? one.answer).action ?? t("frames.frame")}</button>`) },
    { key: "outcome", title: t("frames.outcome"), show: (/** @type {any} */ one) => outcomeOf(one, isHalf) },
    { key: "latency", title: t("frames.latency"), number: true, show: (/** @type {any} */ one) => latency(one.answer?.latency_ms) },
    { key: "note", title: t("frames.note"), wide: true, show: noteOf },
  ], [isHalf, station]);
  return html`<${Filters} filters=${[
      ...(station === null ? [{ name: "station_id", label: t("frames.station") }] : []),
      { name: "action", label: t("frames.action") },
      { name: "direction", label: t("frames.way"), kind: "choice", options: [{ value: "in", text: t("frames.in") }, { value: "out", text: t("frames.out") }] },
      { name: "level", label: t("frames.level"), kind: "choice", options: [{ value: "warning", text: t("frames.level_warning") }, { value: "error", text: t("frames.level_error") }] },
      ...(station === null ? [] : [{ name: "q", label: t("frames.q") }, { name: "message_id", label: t("frames.message_id") }]),
      { name: "from", label: t("frames.from"), kind: "time" },
      { name: "to", label: t("frames.to"), kind: "time" },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("messages.title")} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ one) => one.key}
      rowClass=${(/** @type {any} */ one) => (one.gap ? "gap" : "")} empty=${t(pages.hasMore ? "frames.empty_so_far" : "frames.empty")} />`}<//>
    <${More} of=${pages} />
    ${shown && html`<${ExchangeDialog} station=${stationOf(shown)} exchange=${shown} onClose=${() => setShown(null)} />`}`;
}

/**
 * What came since the newest frame that is shown, put before it.
 * @param {any} pages @param {string} path @param {Record<string, string | undefined>} filters @param {boolean} isFollowing
 */
function useNewest(pages, path, filters, isFollowing) {
  const now = useRef(pages);
  now.current = pages;
  const question = JSON.stringify(filters);
  useEffect(() => {
    if (!isFollowing) return undefined;
    const ending = new AbortController();
    let isAsking = false;
    const timer = setInterval(async () => {
      const { items } = now.current;
      if (isAsking || document.hidden || items === null) return;
      isAsking = true;
      try {
        const since = items[0]?.at ?? filters.from;
        const page = await get(path, { ...filters, from: since, limit: PAGE }, ending.signal);
        if (ending.signal.aborted) return;
        // More than a page came: what lies between is read by reading all anew.
        if (page.next_cursor !== null && since && items.length > 0 && page.items.every((/** @type {any} */ one) => one.at > since)) now.current.reload();
        else {
          const known = new Set(items.map(frameKey));
          const fresh = page.items.filter((/** @type {any} */ one) => !known.has(frameKey(one)));
          if (fresh.length > 0) now.current.change((/** @type {any} */ before) => ({ ...before, items: [...fresh, ...before.items] }));
        }
      } catch {
        // It is asked again; what is wrong for long shows in the state of the stream.
      } finally {
        isAsking = false;
      }
    }, POLL_MS);
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [path, question, isFollowing]);
}

/** @param {import("./exchanges.js").Exchange} one */
function wayOf({ gap, call, answer }) {
  if (gap) return "–";
  const isFromStation = call ? call.direction === "in" : answer.direction === "out";
  return t(isFromStation ? "frames.in" : "frames.out");
}

/** @param {import("./exchanges.js").Exchange} one @param {boolean} isHalf */
function outcomeOf({ gap, call, answer }, isHalf) {
  if (gap) return html`<${State} of=${t("frames.gap")} tone="busy" />`;
  if (call?.kind === "unreadable") return html`<${State} of=${t("frames.unreadable")} tone="bad" />`;
  if (call?.error) return html`<${State} of=${call.error} tone="bad" />`;
  if (!answer) return isHalf ? "–" : html`<span class="none">${t("frames.no_answer")}</span>`;
  if (answer.kind === "error" || answer.error) return html`<${State} of=${answer.error ?? codeOf(answer.frame) ?? t("frames.answer_error")} tone="bad" />`;
  return html`<${State} of=${statusOf(answer.frame) ?? t("frames.answered")} tone=${statusOf(answer.frame) ? undefined : "good"} />`;
}

/** What was tolerated, or how much is missing. @param {import("./exchanges.js").Exchange} one */
function noteOf({ gap, call, answer }) {
  if (gap) return html`${t("frames.gap_text", { n: gap.gap_frames ?? 0, count: count(gap.gap_frames) })} <${Moment} at=${gap.gap_from} /> – <${Moment} at=${gap.gap_to} />`;
  const forgiven = [...(call?.tolerated ?? []), ...(answer?.tolerated ?? [])];
  if (forgiven.length > 0) return html`<${State} of=${t("frames.tolerated")} tone="busy" /> ${forgiven.map(deviation).join("; ")}`;
  const said = answer?.kind === "error" ? parsed(answer.frame)?.[3] : null;
  return said || "";
}

/** @param {string | null} frame */
function parsed(frame) {
  try {
    return JSON.parse(frame ?? "null");
  } catch {
    return null;
  }
}

/** @param {string | null} frame */
const codeOf = (frame) => parsed(frame)?.[2];

/** What an answer says of itself. @param {string | null} frame */
function statusOf(frame) {
  const payload = parsed(frame)?.[2];
  const status = payload?.status ?? payload?.idTagInfo?.status;
  return typeof status === "string" ? status : null;
}
