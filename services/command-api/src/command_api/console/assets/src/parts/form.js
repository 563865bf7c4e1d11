// Forms: labelled fields, problems beside the field that they name.

import { fromInput, inputValue } from "../lib/times.js";
import { t } from "../lib/text.js";
import { createContext, html, useContext, useLayoutEffect, useRef, useState } from "../lib/view.js";
import { sentence } from "./notices.js";

const Problems = createContext(/** @type {Map<string, string>} */ (new Map()));
let last = 0;

/**
 * @param {{onSubmit: () => Promise<unknown>, submit: string, danger?: boolean, disabled?: boolean, actions?: any, children?: any}} props
 *   `onSubmit` throws a `Problem` where REST refuses; what it says of a field is shown there.
 */
export function Form({ onSubmit, submit, danger = false, disabled = false, actions, children }) {
  const [problem, setProblem] = useState(/** @type {any} */ (null));
  const [isBusy, setBusy] = useState(false);
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    // Not disabled meanwhile: it would lose the focus.
    if (isBusy) return;
    setBusy(true);
    setProblem(null);
    const from = document.activeElement;
    try {
      await onSubmit();
    } catch (error) {
      setProblem(error);
      requestAnimationFrame(() => {
        const now = document.activeElement;
        // Whoever writes elsewhere by now is not called back.
        if (now && now !== document.body && now !== from) return;
        const wrong = form.current?.querySelector('[aria-invalid="true"]');
        if (wrong instanceof HTMLElement) wrong.focus();
      });
    } finally {
      setBusy(false);
    }
  };
  const fields = new Map((problem?.errors ?? []).flatMap((/** @type {any} */ one) => namesOf(one.field).map((name) => [name, one.message ?? problem.message])));
  return html`<form ref=${form} class="form" onSubmit=${send}>
    <${Problems.Provider} value=${fields}>${children}<//>
    <p role="alert" class="problem">${problem ? sentence(problem) : ""}</p>
    <div class="actions"><button class=${danger ? "danger" : "primary"} disabled=${disabled} aria-disabled=${isBusy ? "true" : null}>${isBusy ? t("action.busy") : submit}</button>${actions}</div>
  </form>`;
}

/** `body.tags[0]`, `tags.0` -> `tags`, and the whole; a JSON pointer stays as it is. @param {string | undefined} field */
function namesOf(field) {
  const whole = (field ?? "").replace(/^body\./, "");
  return [whole.split(/[.[]/)[0], whole];
}

/** What is wrong with a field, by what REST calls it. @param {string} name */
export const useFieldProblem = (name) => useContext(Problems).get(name);

/** What is wrong below a name, each by the rest of its name. @param {string} name @returns {[string, string][]} */
export const useProblemsBelow = (name) =>
  [...useContext(Problems)].filter(([one]) => one.startsWith(`${name}.`)).map(([one, message]) => [one.slice(name.length + 1), message]);

/**
 * A label with its field, a hint, and what is wrong with it. `children` gets the attributes that
 * tie the field to them.
 * @param {{label: string, name?: string, hint?: any, children: any}} props
 */
export function Field({ label, name, hint, children }) {
  const id = useRef("");
  if (!id.current) id.current = `field-${(last += 1)}`;
  const problems = useContext(Problems);
  const wrong = name ? problems.get(name) : undefined;
  const described = [hint && `${id.current}-hint`, wrong && `${id.current}-wrong`].filter(Boolean).join(" ");
  const show = Array.isArray(children) ? children[0] : children;
  return html`<div class="field"><label for=${id.current}>${label}</label>
    ${show({ id: id.current, name, "aria-describedby": described || null, "aria-invalid": wrong ? "true" : null })}
    ${hint && html`<small id=${`${id.current}-hint`} class="hint">${hint}</small>`}
    ${wrong && html`<small id=${`${id.current}-wrong`} class="wrong">${wrong}</small>`}</div>`;
}

/** @typedef {{label: string, name?: string, hint?: any, value: any, onChange: (value: any) => void, required?: boolean, disabled?: boolean}} FieldProps */
const given = (/** @type {any} */ event) => event.currentTarget.value;

/** @param {FieldProps & {type?: string, maxLength?: number, pattern?: string, placeholder?: string, autocomplete?: string, list?: string[]}} props */
export function TextField({ label, name, hint, value, onChange, required, disabled, type = "text", maxLength, pattern, placeholder, autocomplete = "off", list }) {
  const options = useRef(`options-${(last += 1)}`);
  return html`<${Field} label=${label} name=${name} hint=${hint}>${(/** @type {any} */ tied) => html`<input ...${tied} type=${type} value=${value ?? ""}
    required=${required} disabled=${disabled} maxlength=${maxLength} pattern=${pattern} placeholder=${placeholder} autocomplete=${autocomplete}
    spellcheck=${false} list=${list ? options.current : null} onInput=${(/** @type {any} */ e) => onChange(given(e))} />
    ${list && html`<datalist id=${options.current}>${list.map((one) => html`<option key=${one} value=${one} />`)}</datalist>`}`}<//>`;
}

/** @param {FieldProps & {rows?: number, maxLength?: number}} props */
export const AreaField = ({ label, name, hint, value, onChange, required, rows = 4, maxLength }) =>
  html`<${Field} label=${label} name=${name} hint=${hint}>${(/** @type {any} */ tied) => html`<textarea ...${tied} rows=${rows} required=${required}
    maxlength=${maxLength} spellcheck=${false} value=${value ?? ""} onInput=${(/** @type {any} */ e) => onChange(given(e))}></textarea>`}<//>`;

/** A number, or null where nothing is said. @param {FieldProps & {min?: number, max?: number, step?: number | "any", unit?: string}} props */
export function NumberField({ label, name, hint, value, onChange, required, disabled, min, max, step = 1, unit }) {
  const input = useRef(/** @type {HTMLInputElement | null} */ (null));
  const said = useRef(/** @type {number | null} */ (null));
  useLayoutEffect(() => {
    // What is typed is left as it is: "0." on the way to "0.5" is no number yet.
    if (input.current === null || (value ?? null) === said.current) return;
    said.current = value ?? null;
    input.current.value = value ?? "";
  }, [value]);
  const typed = (/** @type {any} */ event) => {
    if (event.currentTarget.validity.badInput) return;
    said.current = given(event) === "" ? null : Number(given(event));
    onChange(said.current);
  };
  return html`<${Field} label=${unit ? `${label} (${unit})` : label} name=${name} hint=${hint}>${(/** @type {any} */ tied) => html`<input ...${tied} ref=${input} type="number"
    required=${required} disabled=${disabled} min=${min} max=${max} step=${step} onInput=${typed} />`}<//>`;
}

/** @param {FieldProps & {options: {value: string, text: string}[], empty?: string}} props `empty`: the text of no choice */
export const SelectField = ({ label, name, hint, value, onChange, required, disabled, options, empty }) =>
  html`<${Field} label=${label} name=${name} hint=${hint}>${(/** @type {any} */ tied) => html`<select ...${tied} value=${value ?? ""} required=${required}
    disabled=${disabled} onChange=${(/** @type {any} */ e) => onChange(given(e))}>
    ${empty !== undefined && html`<option value="">${empty}</option>`}
    ${options.map((one) => html`<option key=${one.value} value=${one.value} selected=${one.value === (value ?? "")}>${one.text}</option>`)}</select>`}<//>`;

/** @param {{label: string, hint?: any, value: boolean, onChange: (value: boolean) => void, disabled?: boolean}} props */
export const CheckField = ({ label, hint, value, onChange, disabled }) =>
  html`<div class="field check"><label><input type="checkbox" checked=${value} disabled=${disabled}
    onChange=${(/** @type {any} */ e) => onChange(e.currentTarget.checked)} /> ${label}</label>${hint && html`<small class="hint">${hint}</small>`}</div>`;

/** A time in the viewer's zone; RFC 3339 or null. @param {FieldProps} props */
export const TimeField = ({ label, name, hint, value, onChange, required, disabled }) =>
  html`<${Field} label=${label} name=${name} hint=${hint}>${(/** @type {any} */ tied) => html`<input ...${tied} type="datetime-local" required=${required}
    disabled=${disabled} value=${value ? inputValue(value) : ""} onChange=${(/** @type {any} */ e) => onChange(fromInput(given(e)))} />`}<//>`;

/** Words with commas between them. @param {FieldProps} props `value` is a list */
export function ListField({ label, name, hint, value, onChange }) {
  const [text, setText] = useState((value ?? []).join(", "));
  const change = (/** @type {string} */ typed) => {
    setText(typed);
    onChange(typed.split(",").map((one) => one.trim()).filter(Boolean));
  };
  return html`<${TextField} label=${label} name=${name} hint=${hint ?? t("form.commas")} value=${text} onChange=${change} />`;
}
