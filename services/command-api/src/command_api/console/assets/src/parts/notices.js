// Short messages about what was done, or could not be.

import { t } from "../lib/text.js";
import { html, signal, useEffect, useValue } from "../lib/view.js";

const AT_MOST = 5;
const SHOWN_MS = 8000;
/** @type {import("../../vendor/signals-core.js").Signal<{id: number, text: string, tone: string, href?: string}[]>} */
const notices = signal([]);
let last = 0;

/**
 * @param {string} text @param {{tone?: "good" | "bad", href?: string}} [options] a bad one, and one
 *   that leads somewhere, stay until they are closed or followed: nobody has to be there in time
 */
export function notify(text, { tone = "good", href } = {}) {
  const id = (last += 1);
  notices.value = [...notices.peek(), { id, text, tone, href }].slice(-AT_MOST);
  if (tone === "good" && !href) setTimeout(() => close(id), SHOWN_MS);
}

/** @param {any} problem */
export const notifyProblem = (problem) => notify(sentence(problem), { tone: "bad" });

/** A problem in one sentence. @param {any} problem */
export function sentence(problem) {
  const fields = (problem.errors ?? []).map((/** @type {{field?: string, message?: string}} */ one) => ofField(one));
  return [problem.message, ...fields].filter(Boolean).join(" – ");
}

/** What is wrong with a field; of a payload the message names it already. @param {{field?: string, message?: string}} one */
function ofField({ field = "", message = "" }) {
  const name = field.replace(/^\//, "").replaceAll("/", ".");
  return [message.startsWith(name) ? "" : name, message].filter(Boolean).join(": ");
}

/** @param {number} id */
const close = (id) => {
  notices.value = notices.peek().filter((notice) => notice.id !== id);
};

export function Notices() {
  const shown = useValue(notices);
  useEffect(() => () => {
    // What was said to whom, or of which tenant, this is no more.
    notices.value = [];
  }, []);
  return html`<div class="notices" role="status" aria-live="polite">
    ${shown.map((notice) => html`<div key=${notice.id} class="notice ${notice.tone}">
      ${notice.href ? html`<a href=${notice.href} onClick=${() => close(notice.id)}>${notice.text}</a>` : html`<span>${notice.text}</span>`}
      <button type="button" class="quiet" aria-label=${t("action.close")} onClick=${() => close(notice.id)}>×</button>
    </div>`)}
  </div>`;
}
