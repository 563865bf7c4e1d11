// The way to every page that has a group; what one may not see is not offered.

import { routes } from "../pages.js";
import { can, isOfDeployment } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html } from "../lib/view.js";

const GROUPS = ["watch", "fleet", "charging", "money", "control", "security", "system"];

/** @param {{isOpen: boolean, path: string}} props */
export function Navigation({ isOpen, path }) {
  const offered = routes.filter((route) => (!route.role || can(route.role)) && (!route.deployment || isOfDeployment()));
  const first = path.split("/")[0];
  const shown = GROUPS.map((group) => ({ group, of: offered.filter((route) => route.group === group) }))
    .filter(({ of }) => of.length > 0);
  return html`<nav id="navigation" class=${isOpen ? "open" : ""} aria-label=${t("frame.navigation")}>
    ${shown.map(({ group, of }) => html`<h2 key=${group} id=${`nav-${group}`}>${t(`group.${group}`)}</h2>
      <ul aria-labelledby=${`nav-${group}`}>${of.map((route) => html`<li key=${route.path}>
        <a href=${route.path || "./"} aria-current=${route.path === first ? "page" : null}>${t(route.title)}</a></li>`)}
      </ul>`)}
    <p><a href="../docs" target="_blank" rel="noopener">${t("frame.rest")}</a></p>
  </nav>`;
}
