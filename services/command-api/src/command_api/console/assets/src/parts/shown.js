// Small values: times, states, ids.

import { local, localTime, utc } from "../lib/times.js";
import { t, word } from "../lib/text.js";
import { html, useEffect, useState } from "../lib/view.js";
import { duration } from "../lib/units.js";

/**
 * A time in the viewer's zone, with UTC on hover.
 * @param {{at: string | null | undefined, short?: boolean}} props
 */
export function Moment({ at, short = false }) {
  if (!at) return html`<span class="none">–</span>`;
  return html`<time datetime=${at} title=${utc(at)}>${short ? localTime(at) : local(at)}</time>`;
}

/** How long ago. @param {{at: string | null | undefined}} props */
export function Ago({ at }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  if (!at) return html`<span class="none">–</span>`;
  return html`<time datetime=${at} title=${`${local(at)} · ${utc(at)}`}>${t("time.ago", { time: duration((now - Date.parse(at)) / 1000) })}</time>`;
}

const TONES = {
  good: ["up", "accepted", "Accepted", "Available", "completed", "active", "online", "succeeded", "installed", "in_sync", "used", "running", "sent", "reconciled", "live"],
  busy: ["Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Reserved", "Occupied", "pending", "waiting", "ordered", "started", "updating", "retrying", "issued", "cancelling", "paused", "warning", "unconfirmed"],
  bad: ["down", "rejected", "Rejected", "Faulted", "Unavailable", "stop_missing", "error", "blocked", "expired", "invalid", "failed", "refused", "timed_out", "not_sent", "stopped", "outcome_unknown", "station_offline", "revoked", "critical", "suspended", "differs", "open"],
};
const TONE_OF = new Map(Object.entries(TONES).flatMap(([tone, words]) => words.map((one) => [one, tone])));

/** A state in words, its colour only beside them. @param {{of: string | null | undefined, tone?: string}} props */
export function State({ of: value, tone }) {
  if (!value) return html`<span class="none">–</span>`;
  return html`<span class="state ${tone ?? TONE_OF.get(value) ?? ""}">${word(value)}</span>`;
}

/** @param {{online: boolean, unconfirmed?: boolean}} props */
export const Presence = ({ online, unconfirmed = false }) =>
  html`<${State} of=${unconfirmed ? "unconfirmed" : online ? "online" : "offline"} />`;

/** JSON as it is, to be read and copied. @param {{value: unknown, label?: string}} props */
export function Json({ value, label }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return html`<div class="json"><${Copy} text=${text} /><pre tabindex="0" aria-label=${label ?? t("json")}>${text}</pre></div>`;
}

/** @param {{text: string, label?: string}} props */
export function Copy({ text, label = t("action.copy") }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without TLS a browser has no clipboard: the old way.
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    setDone(true);
    setTimeout(() => setDone(false), 2000);
  };
  return html`<button type="button" class="quiet copy" onClick=${copy}>${isDone ? t("action.copied") : label}</button>`;
}
