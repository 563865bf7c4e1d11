// One command for one station.

import { to, useQuery } from "../../lib/router.js";
import { t } from "../../lib/text.js";
import { html, useMemo } from "../../lib/view.js";
import { actionsOf } from "../../parts/command_actions.js";
import { Section } from "../../parts/page.js";
import { SendCommand } from "../../parts/send_command.js";
import { StationFrame } from "../../parts/station_frame.js";

/** @param {{params: {station_id: string, action: string}}} props */
export default function Send({ params: { station_id: id, action } }) {
  const [{ payload }] = useQuery();
  const initial = useMemo(() => begun(payload), [payload]);
  return html`<${StationFrame} id=${id} tab="commands">${(/** @type {any} */ station) => {
    const isKnown = actionsOf(station.ocpp_version ?? "ocpp16").some((group) => group.actions.includes(action));
    return html`<${Section} title=${action} actions=${html`<a href=${to`stations/${id}/commands`}>${t("station_commands.others")}</a>`}>
      ${isKnown
        ? html`<${SendCommand} key=${`${action} ${payload ?? ""}`} station=${station} action=${action} initial=${initial} />`
        : html`<p class="none">${t("station_commands.unknown", { action })}</p>`}
    <//>`;
  }}<//>`;
}

/** What the address begins the command with. @param {string | undefined} text @returns {Record<string, any>} */
function begun(text) {
  try {
    const value = JSON.parse(text ?? "{}");
    return value !== null && typeof value === "object" && !Array.isArray(value) ? value : {};
  } catch {
    return {};
  }
}
