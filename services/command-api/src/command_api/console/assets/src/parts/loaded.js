// What is shown while something is read, and when it can't be.

import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { sentence } from "./notices.js";

export const Loading = () => html`<p class="loading" role="status">${t("loading")}</p>`;

/** @param {{problem: any, onRetry?: () => void}} props */
export function ProblemNotice({ problem, onRetry }) {
  return html`<div class="problem" role="alert">
    <p>${sentence(problem)}</p>
    ${onRetry && html`<button type="button" onClick=${onRetry}>${t("action.try_again")}</button>`}
  </div>`;
}

/**
 * The content, once it is read; what was read before stays while it is read anew, or can't be.
 * @template T
 * @param {{of: import("../lib/live.js").Live<T>, children: (data: T) => any}} props
 */
export function Loaded({ of: live, children }) {
  const show = Array.isArray(children) ? children[0] : children;
  return html`${live.problem && html`<${ProblemNotice} problem=${live.problem} onRetry=${live.reload} />`}
    ${live.data !== null ? show(live.data) : live.problem ? null : html`<${Loading} />`}`;
}
