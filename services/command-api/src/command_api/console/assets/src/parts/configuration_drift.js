// Where a station's known configuration is not as templates want it.

/**
 * @typedef {{template: any, key: string, wanted: string, value: string | null, state: "differs" | "unread" | "not_supported" | "read_only" | "reboot_required"}} Drift
 */

/** Whether a template is for a station. @param {any} template @param {any} station */
const isFor = (template, station) =>
  (template.station_ids ?? []).includes(station.station_id) ||
  (template.site_ids ?? []).includes(station.site_id) ||
  (template.tags ?? []).some((/** @type {string} */ tag) => station.tags?.includes(tag)) ||
  ((template.vendor || template.model) && (!template.vendor || template.vendor === station.vendor) && (!template.model || template.model === station.model));

/**
 * @param {any[]} templates @param {any} station @param {any[]} items what is known of its configuration
 * @returns {Drift[]}
 */
export function driftOf(templates, station, items) {
  const known = new Map(items.map((item) => [item.key, item]));
  /** @type {Drift[]} */
  const found = [];
  for (const template of templates.filter((one) => isFor(one, station))) {
    for (const [key, wanted] of Object.entries(template.values)) {
      const item = known.get(key);
      const isEqual = item?.value === wanted;
      if (isEqual && !item.reboot_required) continue;
      const state = !item ? "unread" : !item.known ? "not_supported" : isEqual ? "reboot_required" : item.readonly ? "read_only" : "differs";
      found.push({ template, key, wanted, value: item?.value ?? null, state });
    }
  }
  return found;
}
