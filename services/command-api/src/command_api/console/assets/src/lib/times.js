// Times: RFC 3339 in UTC from REST, in the viewer's zone on the screen.

const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** @param {string} at */
export const dateOf = (at) => new Date(at);
/** Date and time in the viewer's zone. @param {string | number | Date} at */
export function local(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : `${day.format(date)}, ${clock.format(date)}`;
}
/** The time of day in the viewer's zone. @param {string | number | Date} at */
export const localTime = (at) => clock.format(new Date(at));
/** @param {string | number | Date} at */
export const utc = (at) => {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? String(at) : date.toISOString().replace("T", " ").replace(/\.000Z$|Z$/, " UTC");
};
/** As RFC 3339 in UTC; null for what is no time, or none that can be told. @param {string | number} at */
export function rfc3339(at) {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? null : date.toISOString();
}
/** For `<input type="datetime-local">`, which takes the years 1 to 9999. @param {string | number | Date} at */
export function inputValue(at) {
  const date = new Date(at);
  const text = rfc3339(date.getTime() - date.getTimezoneOffset() * 60_000);
  return text !== null && /^(?!0000)\d{4}-/.test(text) ? text.slice(0, 16) : "";
}
/** What such an input says, as RFC 3339; null where it says nothing. @param {string} value */
export function fromInput(value) {
  const date = new Date(value);
  return value === "" || Number.isNaN(date.getTime()) ? null : date.toISOString();
}
/** So many seconds ago, as RFC 3339. @param {number} seconds */
export const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

/** @type {Map<string, Intl.DateTimeFormat>} */
const zones = new Map();
/** @param {string} zone */
const inThat = (zone) => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", timeZone: zone });
/** @param {string | null | undefined} zone */
function formatOf(zone) {
  const key = zone ?? "UTC";
  let format = zones.get(key);
  if (!format) {
    try {
      format = inThat(key);
    } catch {
      // The browser is older than the zone.
      format = inThat("UTC");
    }
    zones.set(key, format);
  }
  return format;
}
/** In which zone times of a place are told: its own, else UTC. @param {string | null | undefined} zone */
export const toldZone = (zone) => (formatOf(zone).resolvedOptions().timeZone === "UTC" ? "UTC" : String(zone));
/** Date and time in a place's zone. @param {string} at @param {string | null} [zone] */
export const inZone = (at, zone) => formatOf(zone).format(new Date(at));
/** The same of a time that passed. @param {string} from @param {string} to @param {string | null} [zone] */
export const spanInZone = (from, to, zone) => formatOf(zone).formatRange(new Date(from), new Date(to));
/** The zone of the viewer. */
export const ownZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
