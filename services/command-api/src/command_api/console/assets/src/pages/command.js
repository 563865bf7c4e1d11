// One command: what was asked, what was answered, and when.

import { at, parameters, post } from "../lib/api.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { Answer, between, CommandState, isOpen, meaning, useCommand } from "../parts/command_state.js";
import { confirm } from "../parts/dialog.js";
import { Loaded } from "../parts/loaded.js";
import { notify, notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Json, Moment } from "../parts/shown.js";
import { StillRunning } from "../parts/still_running.js";

// Frames that belong to a command come shortly before and after.
const AROUND_MS = 60_000;

/** @param {{params: Record<string, string>}} props */
export default function Command({ params }) {
  const live = useCommand(params.command_id);
  const command = live.data;
  const cancel = async () => {
    if (!(await confirm({ title: t("command.cancel_confirm"), text: t("command.cancel_text"), action: t("command.cancel"), danger: true }))) return;
    try {
      const after = await post(at`/commands/${params.command_id}/cancel`);
      if (after) live.change(() => after);
      notify(t("command.cancelled"));
    } catch (problem) {
      notifyProblem(problem);
    }
    live.reload();
  };
  const mayCancel = command && ["waiting", "pending"].includes(command.status) && can("operator");
  return html`<${Page} title=${command ? t("command.at_station", { action: command.action, station: command.station_id }) : t("command.title")}
    crumbs=${[{ href: "commands", text: t("commands.title") }]}
    subtitle=${command && html`<${CommandState} of=${command} />`}
    actions=${mayCancel && html`<button type="button" class="danger" onClick=${cancel}>${t("command.cancel")}</button>`}>
    <${Loaded} of=${live}>${(/** @type {any} */ one) => html`<${Whole} command=${one} />`}<//><//>`;
}

/** @param {{command: any}} props */
function Whole({ command }) {
  const until = Date.parse(command.completed_at ?? command.sent_at ?? command.created_at) + AROUND_MS;
  const frames = to`stations/${command.station_id}/messages` + parameters({
    action: command.action,
    from: new Date(Date.parse(command.sent_at ?? command.created_at) - AROUND_MS).toISOString(),
    to: new Date(until).toISOString(),
  });
  return html`
    <p>${meaning(command)}</p>
    <${StillRunning} of=${command} />
    <div class="columns">
      <${Section} title=${t("command.payload")}><${Json} value=${command.payload} label=${t("command.payload")} /><//>
      <${Section} title=${command.error ? t("command.error") : t("command.answer")}><${Answer} of=${command} /><//>
    </div>
    <${Section} title=${t("command.times")}><${Facts} rows=${[
      [t("command.station"), html`<a href=${to`stations/${command.station_id}`}>${command.station_id}</a>`],
      [t("command.created"), html`<${Moment} at=${command.created_at} />`],
      [t("command.created_by"), command.created_by],
      [t("command.deadline"), html`<${Moment} at=${command.deadline} />`],
      [t("command.sent"), html`<${Moment} at=${command.sent_at} />`],
      [t("command.sent_in"), between(command.created_at, command.sent_at)],
      [t("command.completed"), html`<${Moment} at=${command.completed_at} />`],
      [t("command.answered_in"), !isOpen(command) && command.response ? between(command.sent_at, command.completed_at) : null],
      command.accepted !== null && [t("command.accepted"), t(`command.accepted.${command.accepted}`)],
      command.transaction_id !== null && [t("command.transaction"), html`<a href=${to`transactions/${command.transaction_id}`}>${command.transaction_id}</a>`],
      [t("command.version"), command.ocpp_version],
      [t("command.id"), html`<code>${command.command_id}</code>`],
    ]} />
    <div class="actions"><a href=${frames}>${t("command.frames")}</a></div><//>`;
}
