// An object as JSON, in step with the fields beside it.

import { t } from "../lib/text.js";
import { html, useEffect, useRef, useState } from "../lib/view.js";
import { Field } from "./form.js";

/**
 * @param {{value: Record<string, any> | null, onChange: (value: Record<string, any> | null) => void,
 *   example?: Record<string, any> | null, label?: string, isWrong?: boolean}} props `value` and what is changed to: null while it is no JSON
 */
export function RawJson({ value, onChange, example = null, label = t("command_form.json"), isWrong = false }) {
  const [text, setText] = useState(() => JSON.stringify(value ?? {}, null, 2));
  const [wrong, setWrong] = useState("");
  const said = useRef(/** @type {any} */ (value));
  useEffect(() => {
    // Changed by the fields, not by what is typed here.
    if (value === null || value === said.current) return;
    said.current = value;
    setWrong("");
    setText(JSON.stringify(value, null, 2));
  }, [value]);
  const type = (/** @type {string} */ typed) => {
    setText(typed);
    try {
      const read = JSON.parse(typed.trim() || "{}");
      if (read === null || typeof read !== "object" || Array.isArray(read)) throw new Error(t("command_form.no_object"));
      said.current = read;
      setWrong("");
      onChange(read);
    } catch (error) {
      setWrong(/** @type {Error} */ (error).message);
      onChange(null);
    }
  };
  const useExample = () => {
    said.current = example;
    setWrong("");
    setText(JSON.stringify(example, null, 2));
    onChange(example);
  };
  return html`<div>
    <${Field} label=${label} hint=${t("command_form.json_hint")}>${(/** @type {any} */ tied) => html`<textarea ...${tied} class="code" rows=${Math.min(24, Math.max(6, text.split("\n").length + 1))}
      spellcheck=${false} aria-invalid=${wrong || isWrong ? "true" : null} value=${text} onInput=${(/** @type {any} */ e) => type(e.currentTarget.value)}></textarea>`}<//>
    <p class="problem" role="status">${wrong && t("command_form.no_json", { problem: wrong })}</p>
    ${example && html`<button type="button" class="quiet" onClick=${useExample}>${t("command_form.example")}</button>`}
  </div>`;
}
