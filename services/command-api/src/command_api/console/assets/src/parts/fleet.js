// All stations, as they are now: read page by page, then kept up to date by events.

import { at, everything, get } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { listen } from "../lib/stream.js";
import { useEffect, useMemo, useRef } from "../lib/view.js";

// 10,000 rows are put in order and drawn anew not more often than this.
const TOGETHER_MS = 50;
// Stations that are new are read together, not more often than this.
const NEW_MS = 500;
// More stations at once than this are not read one by one.
const ONE_BY_ONE = 20;
const AT_MOST = 20_000;

/**
 * @typedef {{rows: any[], places: Map<string, number>}} Fleet stations as REST lists them, and where in `rows` each is
 * @typedef {{q?: string, site_id?: string, tag?: string, vendor?: string}} FleetQuery
 * @typedef {import("../lib/stream.js").StreamEvent} StreamEvent
 */

/** @param {any[]} rows @returns {Fleet} */
const fleetOf = (rows) => ({ rows, places: new Map(rows.map((row, n) => [row.station_id, n])) });

/** What an event changes in a row. @type {Record<string, (row: any, event: StreamEvent) => any>} */
const CHANGES = {
  "station.connected": (_, { data, time }) => ({
    connection: { ...data, connected_at: time }, ocpp_version: data.ocpp_version, last_seen_at: time, online_unconfirmed: false,
  }),
  "station.disconnected": (row, { data }) => (row.connection?.epoch > data.epoch ? {} : { connection: null }),
  "station.online": (_, { time }) => ({ online: true, online_unconfirmed: false, last_seen_at: time }),
  "station.offline": () => ({ online: false, online_unconfirmed: false, connection: null }),
  "station.booted": (_, { data, time }) => ({
    registration_status: data.registration_status, vendor: data.vendor, model: data.model,
    serial_number: data.serial_number, firmware_version: data.firmware_version, last_boot_at: time,
  }),
  "station.registration_changed": (_, { data }) => ({ registration_status: data.registration_status }),
  "station.security_profile_raised": (_, { data }) => ({ security_profile: data.security_profile }),
  "station.placed": (_, { data }) => ({ site_id: data.site_id, tags: data.tags }),
  "connector.status_changed": (row, { data, time }) => {
    const before = row.connectors.find((/** @type {any} */ one) => one.connector_id === data.connector_id);
    const after = { ...before, evse_id: data.evse_id, connector_id: data.connector_id, status: data.status, error_code: data.error_code, info: data.info, updated_at: time };
    return { connectors: before ? row.connectors.map((/** @type {any} */ one) => (one === before ? after : one)) : [...row.connectors, after] };
  },
};

/** @param {Fleet} fleet @param {StreamEvent[]} events @returns {Fleet} */
function workIn(fleet, events) {
  /** @type {any[] | null} */
  let rows = null;
  const gone = new Set();
  for (const event of events) {
    if (event.type === "station.deleted" || event.type === "station.moved") {
      if (fleet.places.has(event.subject)) gone.add(event.subject);
      continue;
    }
    const place = fleet.places.get(event.subject);
    const change = CHANGES[event.type];
    if (place === undefined || !change) continue;
    rows ??= [...fleet.rows];
    rows[place] = { ...rows[place], ...change(rows[place], event) };
  }
  if (gone.size > 0) return fleetOf((rows ?? fleet.rows).filter((row) => !gone.has(row.station_id)));
  return rows === null ? fleet : { rows, places: fleet.places };
}

/** @param {Fleet} fleet @param {any[]} read @returns {Fleet} */
function withStations(fleet, read) {
  const anew = new Map(read.map((row) => [row.station_id, row]));
  const rows = fleet.rows.map((row) => anew.get(row.station_id) ?? row);
  return fleetOf([...rows, ...read.filter((row) => !fleet.places.has(row.station_id))]);
}

/** Whether REST would list a station. @param {any} row @param {FleetQuery} query */
function fits(row, { q, site_id, tag, vendor }) {
  if (site_id && row.site_id !== site_id) return false;
  if (tag && !row.tags?.includes(tag)) return false;
  if (vendor && row.vendor !== vendor) return false;
  if (!q) return true;
  const sought = q.toLowerCase();
  return [row.station_id, row.vendor, row.model, row.serial_number, row.display_name].some((text) => text?.toLowerCase().includes(sought));
}

/** Whether an event may bring a station to the list that was not in it. @param {StreamEvent} event @param {FleetQuery} query */
const mayBring = ({ type, data }, { site_id, tag, vendor }) =>
  type === "station.created" || type === "station.moved" ||
  (type === "station.placed" && Boolean(site_id || tag) && (!site_id || data.site_id === site_id) && (!tag || data.tags.includes(tag))) ||
  (type === "station.booted" && Boolean(vendor) && data.vendor === vendor);

/**
 * The stations that fit `query`; rows are shown as they come.
 * @param {FleetQuery} [query]
 */
export function useFleet(query = {}) {
  const inputs = [query.q, query.site_id, query.tag, query.vendor];
  const live = useLive(
    async (signal, show) => fleetOf(await everything("/stations", { ...query }, { signal, atMost: AT_MOST, onPage: (items) => show(fleetOf([...items])) })),
    inputs, workIn, { everyMs: TOGETHER_MS },
  );
  const now = useRef({ live, query });
  now.current = { live, query };

  useEffect(() => {
    const wanted = new Set();
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    /** What was told while stations are being read one by one. @type {StreamEvent[] | null} */
    let meanwhile = null;
    let isOver = false;
    const read = async () => {
      timer = undefined;
      // What is being read may, or may not, have them.
      if (now.current.live.loading || meanwhile !== null) {
        timer = setTimeout(read, NEW_MS);
        return;
      }
      const ids = [...wanted];
      wanted.clear();
      if (ids.length > ONE_BY_ONE) {
        now.current.live.reload();
        return;
      }
      meanwhile = [];
      // One that is gone again, or another tenant's, is none.
      const found = await Promise.all(ids.map((id) => get(at`/stations/${id}`).catch(() => null)));
      const fitting = found.filter((one) => one !== null && fits(one, now.current.query));
      // An answer may be older than what was told since it was asked for.
      const events = meanwhile;
      meanwhile = null;
      if (!isOver && fitting.length > 0) now.current.live.change((fleet) => workIn(withStations(fleet, fitting), events));
    };
    const stop = listen((events) => {
      meanwhile?.push(...events);
      for (const event of events) if (mayBring(event, now.current.query)) wanted.add(event.subject);
      if (wanted.size > 0) timer ??= setTimeout(read, NEW_MS);
    });
    return () => {
      isOver = true;
      stop();
      clearTimeout(timer);
    };
  }, inputs);

  // Stations that have left the site, or lost the tag, are none of these any more.
  const rows = useMemo(() => live.data?.rows.filter((row) => fits(row, query)) ?? null, [live.data, ...inputs]);
  return { ...live, rows };
}

/** Open transactions by station. @typedef {Map<string, any[]>} Sessions */

/** @param {any[]} transactions @returns {Sessions} */
function byStation(transactions) {
  const found = new Map();
  for (const one of transactions) found.set(one.station_id, [...(found.get(one.station_id) ?? []), one]);
  return found;
}

/** @param {Sessions} sessions @param {StreamEvent[]} events @returns {Sessions} */
function workInSessions(sessions, events) {
  /** @type {Sessions | null} */
  let changed = null;
  for (const { type, subject, data } of events) {
    if (!type.startsWith("transaction.")) continue;
    const before = (changed ?? sessions).get(subject) ?? [];
    const known = before.find((one) => one.transaction_id === data.transaction_id);
    const others = before.filter((one) => one !== known);
    let after = before;
    if (type === "transaction.started" && data.status === "active") after = [...others, { ...known, ...data }];
    else if (type === "transaction.stopped") after = others;
    else if (type === "transaction.updated" && known) after = before.map((one) => (one === known ? { ...one, live: data } : one));
    if (after === before) continue;
    changed ??= new Map(sessions);
    if (after.length > 0) changed.set(subject, after);
    else changed.delete(subject);
  }
  return changed ?? sessions;
}

/**
 * Open transactions, all or those that began at a site; none are read where `isWanted` is false.
 * @param {boolean} isWanted @param {string} [site_id]
 */
export const useSessions = (isWanted, site_id) =>
  useLive(
    async (signal) => byStation(isWanted ? await everything("/transactions", { status: "active", site_id }, { signal, atMost: AT_MOST }) : []),
    [isWanted, site_id], isWanted ? workInSessions : undefined, { everyMs: TOGETHER_MS },
  );

/** Sites that fit, by name; all where nothing is said. @param {{q?: string, tag?: string}} [query] */
export const useSites = ({ q, tag } = {}) =>
  useLive(
    async (signal) => {
      const sites = await everything("/sites", { q, tag }, { signal });
      return sites.sort((a, b) => a.name.localeCompare(b.name));
    },
    [q, tag], reloadOn(["site"]),
  );

/** @param {any[]} rows stations @returns {{stations: number, online: number, charging: number, faulted: number}} */
export function countsOf(rows) {
  const counts = { stations: rows.length, online: 0, charging: 0, faulted: 0 };
  for (const row of rows) {
    if (row.online) counts.online += 1;
    let isFaulted = false;
    for (const { connector_id, status } of row.connectors) {
      if (status === "Charging" && connector_id > 0) counts.charging += 1;
      if (status === "Faulted") isFaulted = true;
    }
    if (isFaulted) counts.faulted += 1;
  }
  return counts;
}
