// Logging in; `again`: above a page whose session has ended, and which stays as it is.

import { request } from "../lib/api.js";
import { began, me } from "../lib/session.js";
import { t } from "../lib/text.js";
import { html, useEffect, useRef, useState, useValue } from "../lib/view.js";
import { useModal } from "./dialog.js";

/** @param {{again?: boolean}} props */
export function LogIn({ again = false }) {
  const user = useValue(me);
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const first = useRef(/** @type {HTMLInputElement | null} */ (null));
  useModal(dialog, again);
  useEffect(() => {
    if (again) return;
    document.title = `${t("log_in.title")} · CSMS`;
    // A browser does so by itself only when the document is loaded.
    first.current?.focus();
  }, []);
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (isBusy) return;
    const fields = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    setBusy(true);
    setProblem("");
    try {
      const body = { username: fields.get("username"), password: fields.get("password") };
      const opened = await request("POST", "/auth/session", { body, open: true });
      const found = await request("GET", "/users/me", { open: true });
      began({ ...found, is_platform: opened.is_platform });
    } catch (error) {
      setProblem(error.status === 401 ? t("log_in.wrong") : error.message);
      setBusy(false);
    }
  };
  const form = html`<form class="log-in" onSubmit=${submit}>
    <h1>${again ? t("log_in.again") : t("log_in.title")}</h1>
    ${again && html`<p>${t("log_in.again_text")}</p>`}
    <label>${t("log_in.username")}
      <input ref=${first} name="username" autocomplete="username" autocapitalize="none" spellcheck=${false} required maxlength="255"
        defaultValue=${again ? user?.username : ""} /></label>
    <label>${t("log_in.password")}
      <input name="password" type="password" autocomplete="current-password" required maxlength="1000" autofocus=${again} /></label>
    <button class="primary" aria-disabled=${isBusy ? "true" : null}>${t("log_in.submit")}</button>
    <p role="alert" class="problem">${problem}</p>
  </form>`;
  if (!again) return form;
  // Escape does not end it. A browser that is asked often enough closes it all the same, and the
  // page beneath would wait for ever.
  return html`<dialog ref=${dialog} onCancel=${(/** @type {Event} */ event) => event.preventDefault()} onClose=${() => dialog.current?.showModal()} aria-label=${t("log_in.again")}>${form}</dialog>`;
}
