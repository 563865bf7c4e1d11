// A button for what takes a while.

import { html } from "../lib/view.js";

/**
 * It can't be pressed meanwhile, and keeps the focus, which one that is disabled would lose.
 * @param {{isBusy: boolean, onClick: () => void, style?: string, children?: any}} props
 */
export const BusyButton = ({ isBusy, onClick, style = "", children }) =>
  html`<button type="button" class=${style} aria-disabled=${isBusy ? "true" : null} onClick=${() => !isBusy && onClick()}>${children}</button>`;
