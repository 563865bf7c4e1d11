// Questions that must be answered before anything happens.

import { focusAt, placeOf } from "../lib/focus.js";
import { t } from "../lib/text.js";
import { html, signal, useEffect, useRef, useState, useValue } from "../lib/view.js";

/** @type {import("../../vendor/signals-core.js").Signal<any>} */
const asked = signal(null);
let last = 0;

/**
 * Ask for a confirmation. `typed`: what must be typed where it can't be undone.
 * @param {{title: string, text?: string, action: string, danger?: boolean, typed?: string, content?: any}} question
 * @returns {Promise<boolean>}
 */
export function confirm(question) {
  return new Promise((resolve) => {
    asked.value = { ...question, resolve };
  });
}

export function DialogHost() {
  const question = useValue(asked);
  if (!question) return null;
  const answer = (/** @type {boolean} */ yes) => {
    asked.value = null;
    question.resolve(yes);
  };
  return html`<${Dialog} title=${question.title} onClose=${() => answer(false)}>
    <${Question} question=${question} onAnswer=${answer} /><//>`;
}

/** @param {{question: any, onAnswer: (yes: boolean) => void}} props */
function Question({ question, onAnswer }) {
  const [typed, setTyped] = useState("");
  const mayGo = !question.typed || typed === question.typed;
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (mayGo) onAnswer(true);
  };
  return html`<form onSubmit=${submit}>
    ${question.text && html`<p>${question.text}</p>`}
    ${question.content}
    ${question.typed && html`<label>${t("dialog.type", { text: question.typed })}
      <input autocomplete="off" spellcheck=${false} value=${typed} onInput=${(/** @type {any} */ e) => setTyped(e.currentTarget.value)} /></label>`}
    <div class="actions">
      <button type="button" onClick=${() => onAnswer(false)}>${t("action.cancel")}</button>
      <button class=${question.danger ? "danger" : "primary"} disabled=${!mayGo}>${question.action}</button>
    </div>
  </form>`;
}

/**
 * Show a dialog above all else. When it closes the focus goes back to where it was, or to what has
 * taken its place.
 * @param {{current: HTMLDialogElement | null}} element @param {boolean} [isWanted] otherwise it is none
 */
export function useModal(element, isWanted = true) {
  useEffect(() => {
    const dialog = element.current;
    if (!isWanted || !dialog) return undefined;
    const before = placeOf(document.activeElement);
    dialog.showModal();
    return () => {
      // What is beneath can't have the focus before.
      dialog.close();
      focusAt(before);
    };
  }, []);
}

/**
 * A modal dialog; Escape closes it.
 * @param {{title: string, onClose: () => void, children?: any, wide?: boolean}} props
 */
export function Dialog({ title, onClose, children, wide = false }) {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  // A confirmation may stand above a dialog.
  const heading = useRef("");
  if (!heading.current) heading.current = `dialog-title-${(last += 1)}`;
  useModal(element);
  const cancel = (/** @type {Event} */ event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${element} class=${wide ? "wide" : ""} aria-labelledby=${heading.current} onCancel=${cancel}>
    <h2 id=${heading.current}>${title}</h2>${children}</dialog>`;
}
