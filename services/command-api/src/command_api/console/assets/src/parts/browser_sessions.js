// Where a user is logged in.

import { at, get, remove } from "../lib/api.js";
import { usePages } from "../lib/live.js";
import { navigate } from "../lib/router.js";
import { ended, me } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { confirm } from "./dialog.js";
import { Loaded } from "./loaded.js";
import { notify, notifyProblem } from "./notices.js";
import { Section } from "./page.js";
import { Ago, Moment, State } from "./shown.js";
import { More, Table } from "./table.js";

/** `turn` grows when they must be read anew. @param {{username: string, turn?: number}} props */
export function BrowserSessions({ username, turn = 0 }) {
  const pages = usePages(({ cursor }, signal) => get(at`/users/${username}/sessions`, { cursor, limit: 100 }, signal), [username, turn]);
  const isOwn = me.peek()?.username === username;
  const end = async (/** @type {any} */ one) => {
    try {
      await remove(at`/users/${username}/sessions/${one.session_id}`);
      notify(t("sessions.was_ended"));
      pages.reload();
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const endAll = async () => {
    if (!(await confirm({ title: t("sessions.end_all_title", { name: username }), text: t(isOwn ? "sessions.end_all_own" : "sessions.end_all_text"), action: t("sessions.end_all"), danger: true }))) return;
    try {
      await remove(at`/users/${username}/sessions`);
      notify(t("sessions.were_ended"));
      if (isOwn) {
        navigate("./");
        ended();
      } else pages.reload();
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  return html`<${Section} title=${t("sessions.title")} actions=${Boolean(pages.items?.length) && html`<button type="button" onClick=${endAll}>${t("sessions.end_all")}</button>`}>
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("sessions.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.session_id} empty=${t("sessions.empty")}
      columns=${[
        { key: "agent", title: t("sessions.agent"), wide: true, show: (/** @type {any} */ one) => html`${one.user_agent || "–"} ${one.current && html`<${State} of=${t("sessions.current")} tone="good" />`}` },
        { key: "address", title: t("sessions.address"), show: (/** @type {any} */ one) => one.address },
        { key: "seen", title: t("sessions.seen"), show: (/** @type {any} */ one) => html`<${Ago} at=${one.last_seen_at} />` },
        { key: "began", title: t("sessions.began"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.created_at} />` },
        { key: "expires", title: t("sessions.expires"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.expires_at} />` },
        { key: "end", title: t("sessions.actions"), show: (/** @type {any} */ one) => !one.current && html`<button type="button" class="quiet" aria-label=${t("sessions.end_of", { agent: one.user_agent || one.address })} onClick=${() => end(one)}>${t("sessions.end")}</button>` },
      ]} /><${More} of=${pages} />`}<//>
  <//>`;
}
