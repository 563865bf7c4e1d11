// All that happened at one station, in one line of time.

import { RELOAD, useLive } from "../../lib/live.js";
import { useQuery } from "../../lib/router.js";
import { ago, rfc3339 } from "../../lib/times.js";
import { t } from "../../lib/text.js";
import { html, useMemo, useRef, useState } from "../../lib/view.js";
import { BusyButton } from "../../parts/busy_button.js";
import { choices, Filters } from "../../parts/filters.js";
import { Loaded, ProblemNotice } from "../../parts/loaded.js";
import { notifyProblem } from "../../parts/notices.js";
import { Moment, State } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { Table } from "../../parts/table.js";
import { kinds, sources } from "../../parts/timeline_sources.js";

const DAY_S = 86_400;
// After every time.
const NOTHING = "~";

/** @typedef {{entries: import("../../parts/timeline_sources.js").Entry[], next: string | null, edge?: string, problem?: any}} Read */

/** @param {{params: {station_id: string}}} props */
export default function Timeline({ params: { station_id: id } }) {
  const line = html`<${Line} id=${id} />`;
  return html`<${StationFrame} id=${id} tab="timeline" without=${line}>${() => line}<//>`;
}

/** @param {{id: string}} props */
function Line({ id }) {
  const [query] = useQuery();
  const { kind = "", from: asked = "", to: until = "" } = query;
  // A day, unless said otherwise; it does not move while the page is shown.
  const day = useRef("");
  day.current ||= ago(DAY_S);
  const from = asked || (until && until < day.current ? (rfc3339(Date.parse(until) - DAY_S * 1000) ?? day.current) : day.current);
  const wanted = useMemo(() => sources.filter((source) => kind === "" || source.kinds.includes(kind)), [kind]);
  const { live, more, fetching } = useMerged(id, wanted, from, until || null);
  const columns = useMemo(() => [
    { key: "at", title: t("timeline.at"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.at} />` },
    { key: "kind", title: t("timeline.kind"), show: (/** @type {any} */ one) => t(`timeline.kind.${one.kind}`) },
    { key: "state", title: t("timeline.state"), show: (/** @type {any} */ one) => (one.state ? html`<${State} of=${one.state} tone=${one.tone} />` : "") },
    { key: "text", title: t("timeline.what"), wide: true, show: (/** @type {any} */ one) => (one.href ? html`<a href=${one.href}>${one.text}</a>` : one.text) },
  ], []);
  return html`<${Filters} filters=${[
      { name: "kind", label: t("timeline.kind"), kind: "choice", options: choices(kinds, (one) => t(`timeline.kind.${one}`)) },
      { name: "from", label: t("timeline.from"), kind: "time" },
      { name: "to", label: t("timeline.to"), kind: "time" },
    ]} />
    ${!asked && html`<p class="hint">${t("timeline.since")} <${Moment} at=${from} />${until ? "" : `. ${t("timeline.further")}`}</p>`}
    <${Loaded} of=${live}>${(/** @type {Record<string, Read>} */ read) => {
      const { rows, isMore } = merged(wanted.map((source) => read[source.name]).filter(Boolean), kind);
      return html`${wanted.filter((source) => read[source.name]?.problem).map((source) => html`<${ProblemNotice} key=${source.name} problem=${read[source.name].problem} onRetry=${live.reload} />`)}
        <${Table} label=${t("station.timeline")} columns=${columns} rows=${rows} keyOf=${(/** @type {any} */ one) => one.key} empty=${t("timeline.empty")} />
        ${isMore && html`<${BusyButton} style="more" isBusy=${fetching} onClick=${more}>${t("table.more")}<//>`}`;
    }}<//>`;
}

/**
 * Every source page by page. What an event tells has only its own sources read anew.
 * @param {string} id @param {import("../../parts/timeline_sources.js").Source[]} wanted @param {string} from @param {string | null} until
 */
function useMerged(id, wanted, from, until) {
  const [fetching, setFetching] = useState(false);
  const names = wanted.map((source) => source.name);
  const question = JSON.stringify([id, names, from, until]);
  /** What is known, and what of it is stale (null: all of it). */
  const known = useRef(/** @type {{question: string, read: Record<string, Read>, stale: Set<string> | null}} */ ({ question: "", read: {}, stale: null }));
  const live = useLive(
    async (signal) => {
      const isSame = known.current.question === question;
      const stale = isSame ? known.current.stale : null;
      const asked = wanted.filter((source) => stale === null || stale.has(source.name));
      const found = await Promise.all(asked.map(async (source) => {
        try {
          const before = isSame ? known.current.read[source.name] : undefined;
          return [source.name, await anew(source, before, { id, from, to: until }, signal)];
        } catch (problem) {
          if (signal.aborted) throw problem;
          return [source.name, { entries: [], next: null, problem }];
        }
      }));
      const read = { ...(stale === null ? {} : known.current.read), ...Object.fromEntries(found) };
      known.current = { question, read, stale: null };
      return read;
    },
    [id, names, from, until],
    (read, events) => {
      const told = events.filter((event) => event.data?.station_id === id && event.type !== "transaction.updated");
      if (told.length === 0 || until !== null) return read;
      const touched = wanted.filter((source) => told.some((event) => source.told(event.type)));
      if (touched.length === 0) return read;
      const stale = known.current.stale ?? new Set();
      for (const source of touched) stale.add(source.name);
      known.current = { ...known.current, stale };
      return RELOAD;
    },
  );
  const more = async () => {
    if (live.data === null || fetching) return;
    const read = live.data;
    const edge = edgeOf(Object.values(read));
    setFetching(true);
    try {
      const found = await Promise.all(wanted.filter((source) => read[source.name]?.next && lastAt(read[source.name]) >= edge).map(async (source) => {
        const before = read[source.name];
        const page = await source.page({ id, from, to: until, cursor: before.next }, new AbortController().signal);
        return [source.name, { entries: [...before.entries, ...page.entries], next: page.next, edge: page.edge }];
      }));
      live.change((before) => {
        const read_ = { ...before, ...Object.fromEntries(found) };
        known.current = { ...known.current, read: read_ };
        return read_;
      });
    } catch (problem) {
      notifyProblem(problem);
    } finally {
      setFetching(false);
    }
  };
  return { live, more, fetching };
}

/**
 * The newest page; what was known beyond it stays.
 * @param {import("../../parts/timeline_sources.js").Source} source @param {Read | undefined} before
 * @param {{id: string, from: string, to: string | null}} query @param {AbortSignal} signal @returns {Promise<Read>}
 */
async function anew(source, before, query, signal) {
  const page = await source.page({ ...query, cursor: null }, signal);
  if (!before || before.problem || page.next === null) return page;
  const keys = new Set(page.entries.map((entry) => entry.key));
  const older = before.entries.filter((entry) => !keys.has(entry.key));
  // Where the two do not meet, what is known begins anew.
  const meets = older.length < before.entries.length;
  return meets && older.length > 0 ? { entries: [...page.entries, ...older], next: before.next, edge: before.edge } : page;
}

/** Down to when a source is known. @param {Read} read @returns {string} */
const lastAt = (read) => read.edge ?? read.entries.reduce((least, entry) => (entry.at < least ? entry.at : least), NOTHING);

/**
 * Down to when all of it is known. One that has found nothing yet (a page of frames may be empty
 * before the end) holds nothing back; it looks further with the others.
 * @param {Read[]} reads
 */
const edgeOf = (reads) => reads.filter((read) => read.next !== null).map(lastAt).filter((one) => one !== NOTHING).reduce((most, one) => (one > most ? one : most), "");

/** @param {Read[]} reads @param {string} kind */
function merged(reads, kind) {
  const edge = edgeOf(reads);
  const rows = reads.flatMap((read) => read.entries).filter((entry) => (kind === "" || entry.kind === kind) && entry.at >= edge);
  rows.sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
  return { rows, isMore: reads.some((read) => read.next !== null) };
}
