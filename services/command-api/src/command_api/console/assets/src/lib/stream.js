// The event stream: one for the whole console, resumed by position, so that nothing is missed.

import { ask } from "./api.js";
import { signal } from "./view.js";

// Everything but meter values and heartbeats.
const TYPES = [
  "connector", "station.*ed", "station.o*", "transaction", "command", "command_group", "job", "rollout",
  "quarantine", "reservation", "security", "system", "id_token", "configuration", "charging_profile",
  "certificate", "certificate_authority", "site", "tenant", "bill",
];
const RETRY_MS = [300, 1000, 2000, 5000, 10_000];
// Keep-alives come every 15 s.
const SILENT_MS = 40_000;
const HIDDEN_MS = 60_000;
// So long pages wait for the stream before they read; they are read anew if it opens later.
const OPENING_MS = 1000;

/**
 * @typedef {{type: string, subject: string, time: string, source: string, id: string, position: number, data: any}} StreamEvent
 *   `type` without `csms.` and `.v1`.
 */

/** `off`, `connecting`, `live`, `lost` (it is tried again). @type {import("../../vendor/signals-core.js").Signal<string>} */
export const streamState = signal("off");
/** Grows when what happened meanwhile can't be told any more: what is shown must be read anew. */
export const gaps = signal(0);

/** @type {Set<(events: StreamEvent[]) => void>} */
const listeners = new Set();
/** @type {string | null} */
let position = null;
/** @type {AbortController | null} */
let running = null;
/** Whether something may have been read of which it is not told what happened next. */
let isBlind = false;
/** @type {Promise<void>} */
let opening = Promise.resolve();
let opened = () => {};

/** Settles when what is read from then on misses nothing, or when that can't be had for now. */
export const whenOpen = () => opening;

/**
 * Be told of events from now on, in batches, in their order.
 * @param {(events: StreamEvent[]) => void} listener
 * @returns {() => void} ends it
 */
export function listen(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Follow the stream until `stopStream`. Whoever is hidden for long does not; it catches up when shown. */
export function startStream() {
  if (running) return;
  running = new AbortController();
  if (position === null) expectOpening();
  void follow(running.signal);
}

function expectOpening() {
  isBlind = false;
  opening = new Promise((resolve) => {
    opened = resolve;
  });
  const mine = opening;
  setTimeout(() => mine === opening && goOn(), OPENING_MS);
}

/** Whoever waits for the stream goes on without it. */
function goOn() {
  if (position === null) isBlind = true;
  opened();
}

/** The stream is this far. @param {string} id */
function reached(id) {
  const isNew = position === null;
  position = id;
  opened();
  if (!isNew || !isBlind) return;
  isBlind = false;
  gaps.value += 1;
}

/** End it, and forget where it was. */
export function stopStream() {
  running?.abort();
  running = null;
  position = null;
  opened();
  streamState.value = "off";
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let hiding;
document.addEventListener("visibilitychange", () => {
  clearTimeout(hiding);
  if (document.hidden) {
    // Browsers open six connections to a host; a page that nobody sees keeps none of them.
    hiding = setTimeout(() => {
      if (running) {
        running.abort();
        running = null;
        streamState.value = "connecting";
      }
    }, HIDDEN_MS);
  } else if (streamState.peek() !== "off") startStream();
});

/** @param {AbortSignal} ending */
async function follow(ending) {
  let failures = 0;
  while (!ending.aborted) {
    if (streamState.peek() !== "lost") streamState.value = "connecting";
    const told = await connection(ending);
    if (ending.aborted) return;
    goOn();
    failures = told ? 0 : failures + 1;
    streamState.value = "lost";
    await pause(RETRY_MS[Math.min(failures, RETRY_MS.length - 1)] * (0.7 + 0.6 * Math.random()), ending);
  }
}

/** One connection, until it ends; whether it told anything. @param {AbortSignal} ending */
async function connection(ending) {
  const silent = new AbortController();
  let watch = setTimeout(() => silent.abort(), SILENT_MS);
  let told = false;
  try {
    const response = await ask("GET", "/events", {
      query: { type: TYPES },
      headers: { Accept: "text/event-stream", ...(position === null ? {} : { "Last-Event-ID": position }) },
      signal: AbortSignal.any([ending, silent.signal]),
      stream: true,
    });
    if (response.status === 410 || response.status === 422) {
      // What follows the position is kept no longer: all is read anew once it is known what follows.
      const isKnown = position !== null;
      position = null;
      return isKnown;
    }
    if (!response.ok || !response.body) return false;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      // What is still told was asked for by whom, or for which tenant, this is no more.
      if (done || ending.aborted) return told;
      clearTimeout(watch);
      watch = setTimeout(() => silent.abort(), SILENT_MS);
      streamState.value = "live";
      told = true;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop() ?? "";
      const events = blocks.map(parse).filter((event) => event !== null);
      if (events.length > 0) for (const listener of [...listeners]) listener(events);
    }
  } catch {
    return told;
  } finally {
    clearTimeout(watch);
  }
}

/** @param {string} block @returns {StreamEvent | null} */
function parse(block) {
  /** @type {string[]} */
  const data = [];
  /** @type {string | null} */
  let id = null;
  for (const line of block.split("\n")) {
    if (line.startsWith("data:")) data.push(line.slice(5).trimStart());
    else if (line.startsWith("id:")) id = line.slice(3).trim();
  }
  if (id !== null) reached(id);
  if (data.length === 0) return null;
  const event = JSON.parse(data.join("\n"));
  return { ...event, type: event.type.replace(/^csms\.|\.v\d+$/g, ""), position: Number(id) };
}

/** @param {number} ms @param {AbortSignal} ending */
function pause(ms, ending) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    ending.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
