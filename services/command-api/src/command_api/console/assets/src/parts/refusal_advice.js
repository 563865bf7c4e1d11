// What is said of a refusal to whoever stands before the station: what happened, and what to do.

import { hasText, t } from "../lib/text.js";
import { html } from "../lib/view.js";

/** @param {any} refusal */
export const refusalTitle = (refusal) => (hasText(`refusal.title.${refusal.reason}`) ? t(`refusal.title.${refusal.reason}`) : refusal.title);

/** Line by line, the likeliest first; what REST says where the catalogue says nothing. @param {{of: any}} props */
export function Advice({ of: refusal }) {
  const lines = hasText(`refusal.do.${refusal.reason}`) ? t(`refusal.do.${refusal.reason}`).split("\n") : refusal.check;
  return html`<ul>${lines.map((/** @type {string} */ line) => html`<li key=${line}>${line}</li>`)}</ul>`;
}
