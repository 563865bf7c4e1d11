// The bar above every page.

import { request } from "../lib/api.js";
import { acting, actFor, ended, me } from "../lib/session.js";
import { streamState } from "../lib/stream.js";
import { t } from "../lib/text.js";
import { html, useValue } from "../lib/view.js";
import { navigate } from "../lib/router.js";
import { notifyProblem } from "./notices.js";

/** @param {{isOpen: boolean, onMenu: () => void}} props */
export function Header({ isOpen, onMenu }) {
  const user = useValue(me);
  const tenant = useValue(acting);
  const stream = useValue(streamState);
  const logOut = async () => {
    try {
      await request("POST", "/auth/logout", { open: true });
    } catch (problem) {
      // A session that has ended already is what was wanted.
      if (problem.status !== 401) {
        notifyProblem(problem);
        return;
      }
    }
    navigate("./");
    ended();
  };
  const search = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const q = String(new FormData(form).get("q") ?? "").trim();
    navigate(q ? `stations?q=${encodeURIComponent(q)}` : "stations");
  };
  return html`<header class="bar">
    <button type="button" class="menu" aria-expanded=${String(isOpen)} aria-controls="navigation" onClick=${onMenu}>${t("frame.menu")}</button>
    <a class="brand" href="./">CSMS</a>
    <form role="search" class="search" onSubmit=${search}>
      <input type="search" name="q" aria-label=${t("frame.search")} placeholder=${t("frame.search")} maxlength="255" />
    </form>
    <span class="stream ${stream}" role="status" title=${t(`stream.${stream}_text`)}>${t(`stream.${stream}`)}</span>
    ${tenant && html`<span class="acting">${t("frame.acting", { tenant })}
      <button type="button" class="quiet" onClick=${() => actFor(null)}>${t("frame.act_for_own")}</button></span>`}
    <a href="account" class="user">${user?.username} <small>${user && t(`role.${user.role}`)}</small></a>
    <button type="button" class="quiet" onClick=${logOut}>${t("frame.log_out")}</button>
  </header>`;
}
