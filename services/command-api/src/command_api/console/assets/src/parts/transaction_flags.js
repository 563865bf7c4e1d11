// What is odd about a transaction, in words.

import { hasText, keysBelow, t, word } from "../lib/text.js";
import { html } from "../lib/view.js";

export const FLAGS = keysBelow("flag.name.");
/** @param {string} flag */
export const flagName = (flag) => (hasText(`flag.name.${flag}`) ? t(`flag.name.${flag}`) : word(flag));

/** @param {{flags: string[]}} props */
export const Flags = ({ flags }) =>
  flags.length === 0 ? null : html`${flags.map((flag) => html`<span key=${flag} class="state busy" title=${flagText(flag)}>${flagName(flag)}</span> `)}`;

/** What a flag means. @param {string} flag */
export const flagText = (flag) => (hasText(`flag.text.${flag}`) ? t(`flag.text.${flag}`) : "");

/** Each flag with what it means. @param {{flags: string[]}} props */
export const ExplainedFlags = ({ flags }) =>
  html`<dl>${flags.map((flag) => html`<dt key=${flag}><b>${flagName(flag)}</b></dt><dd>${flagText(flag)}</dd>`)}</dl>`;
