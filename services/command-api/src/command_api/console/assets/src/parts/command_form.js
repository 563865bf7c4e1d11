// A command's content as a form, made from the schema by which REST checks it, with its JSON beside.

import { described, VERSIONS } from "../lib/command_schemas.js";
import { useLive } from "../lib/live.js";
import { hasText, t, word } from "../lib/text.js";
import { html, useEffect, useRef, useState } from "../lib/view.js";
import { AreaField, CheckField, ListField, NumberField, SelectField, TextField, TimeField, useFieldProblem } from "./form.js";
import { Loaded } from "./loaded.js";
import { RawJson } from "./raw_json.js";

export { actionsOf } from "./command_actions.js";

/** @typedef {import("../lib/command_schemas.js").Schema} Schema */

// Beyond, a text has more than one line.
const LONG_TEXT = 600;

/**
 * `onChange` gets the payload, and null while the JSON is none; nothing can be sent then. It must
 * stand in a `Form`: what REST finds wrong with a field is shown there.
 * @param {{action: string, version: string, value: Record<string, any>, onChange: (value: Record<string, any> | null) => void}} props
 */
export function CommandForm({ action, version, value, onChange }) {
  const live = useLive(() => described(version, action).then((found) => ({ found })), [version, action]);
  return html`<${Loaded} of=${live}>${(/** @type {{found: import("../lib/command_schemas.js").Described | null}} */ { found }) =>
    found
      ? html`<${Known} key=${`${version} ${action}`} action=${action} described=${found} value=${value} onChange=${onChange} />`
      : html`<p class="problem">${t("command_form.unknown", { action, version, versions: VERSIONS.join(", ") })}</p>`}<//>`;
}

/** @param {{action: string, described: import("../lib/command_schemas.js").Described, value: Record<string, any>, onChange: (value: Record<string, any> | null) => void}} props */
function Known({ action, described: { schema, example }, value, onChange }) {
  // What the fields show while the JSON beside them is none.
  const last = useRef(value ?? {});
  if (value) last.current = value;
  // Fields that hold text of their own are made anew when the JSON was typed.
  const [turn, setTurn] = useState(0);
  const typed = (/** @type {Record<string, any> | null} */ payload) => {
    if (payload) setTurn((n) => n + 1);
    onChange(payload);
  };
  const alternatives = schema.oneOf ?? [schema];
  const said = alternatives.findIndex((one) => Object.keys(last.current).some((name) => name in (one.properties ?? {})));
  const [wanted, choose] = useState(0);
  const chosen = said < 0 ? wanted : said;
  const isEmpty = alternatives.every((one) => Object.keys(one.properties ?? {}).length === 0);
  const take = (/** @type {string} */ n) => {
    choose(Number(n));
    typed({});
  };
  return html`<div class="command-form">
    <div>
      ${hasText(`command.help.${action}`) && html`<p>${t(`command.help.${action}`)}</p>`}
      ${isEmpty && html`<p class="hint">${t("command_form.empty")}</p>`}
      <div key=${turn} class="fields">
        ${alternatives.length > 1 && html`<${SelectField} label=${t("command_form.how")} value=${String(chosen)} onChange=${take}
          options=${alternatives.map((one, n) => ({ value: String(n), text: t(`command_form.by.${Object.keys(one.properties ?? {})[0]}`) }))} />`}
        <${Properties} action=${action} schema=${alternatives[chosen]} path="" value=${last.current} onChange=${onChange} />
      </div>
    </div>
    <${RawJson} value=${value} onChange=${typed} example=${isEmpty ? null : example} />
  </div>`;
}

/**
 * @param {{action: string, schema: Schema, path: string, value: Record<string, any>, onChange: (value: Record<string, any>) => void}} props
 *   `path`: a JSON pointer, by which REST names fields too
 */
function Properties({ action, schema, path, value, onChange }) {
  const required = schema.required ?? [];
  const properties = schema.properties ?? {};
  const set = (/** @type {string} */ name, /** @type {any} */ next) => {
    const changed = { ...value };
    if (next === undefined || next === null || next === "") delete changed[name];
    else changed[name] = next;
    onChange(changed);
  };
  // What must be given first.
  const names = Object.keys(properties).sort((a, b) => Number(required.includes(b)) - Number(required.includes(a)));
  return html`${names.map((name) => html`<${Value} key=${name} action=${action} name=${name} schema=${properties[name]} path=${`${path}/${name}`}
    required=${required.includes(name)} value=${value?.[name]} onChange=${(/** @type {any} */ next) => set(name, next)} />`)}`;
}

/** @param {string} action @param {string} name */
function fieldTexts(action, name) {
  const own = `${action}.${name}`;
  return {
    label: hasText(`command.label.${name}`) ? t(`command.label.${name}`) : name,
    hint: hasText(`command.field.${own}`) ? t(`command.field.${own}`) : hasText(`command.field.${name}`) ? t(`command.field.${name}`) : undefined,
  };
}

/** @param {{action: string, name: string, schema: Schema, path: string, required: boolean, value: any, onChange: (value: any) => void}} props */
function Value({ action, name, schema, path, required, value, onChange }) {
  const { label: text, hint } = fieldTexts(action, name);
  const label = html`${text} <code>${name}</code>${!required && html` <small class="hint">${t("command_form.optional")}</small>`}`;
  const field = { label, name: path, hint, value, onChange, required };
  if (schema.type === "object") return html`<${Nested} action=${action} text=${text} name=${name} hint=${hint} schema=${schema} path=${path} required=${required} value=${value} onChange=${onChange} />`;
  if (schema.type === "array" && schema.items?.type === "object") return html`<${Rows} action=${action} text=${text} name=${name} hint=${hint} schema=${schema} path=${path} required=${required} value=${value} onChange=${onChange} />`;
  if (schema.type === "array") return html`<${ListField} ...${field} onChange=${(/** @type {string[]} */ list) => onChange(list.length > 0 || required ? list : undefined)} />`;
  if (schema.enum)
    return html`<${SelectField} ...${field} empty=${required ? t("command_form.choose") : t("command_form.not_given")}
      options=${schema.enum.map((one) => ({ value: one, text: hasText(`command.word.${one}`) ? t(`command.word.${one}`) : word(one) }))} />`;
  if (schema.type === "boolean") return html`<${CheckField} ...${field} value=${Boolean(value)} />`;
  if (schema.type === "integer" || schema.type === "number")
    return html`<${NumberField} ...${field} min=${bound(schema.minimum)} max=${bound(schema.maximum)} step=${schema.type === "integer" ? 1 : (schema.multipleOf ?? "any")} />`;
  if (schema.format === "date-time") return html`<${TimeField} ...${field} />`;
  if ((schema.maxLength ?? 0) > LONG_TEXT) return html`<${AreaField} ...${field} rows=${5} maxLength=${schema.maxLength} />`;
  return html`<${TextField} ...${field} maxLength=${schema.maxLength} />`;
}

/** A bound that means something to people. @param {number | undefined} limit */
const bound = (limit) => (limit === undefined || Math.abs(limit) > Number.MAX_SAFE_INTEGER ? undefined : limit);

/** @typedef {{action: string, text: string, name: string, hint?: string, schema: Schema, path: string, required: boolean, value: any, onChange: (value: any) => void}} GroupProps */

/** An object in the payload. @param {GroupProps} props */
function Nested({ action, text, name, hint, schema, path, required, value, onChange }) {
  const wrong = useFieldProblem(path);
  const isGiven = required || value !== undefined;
  return html`<fieldset><legend>${text} <code>${name}</code></legend>
    ${hint && html`<small class="hint">${hint}</small>`}
    ${wrong && html`<small class="wrong">${wrong}</small>`}
    ${!required && html`<${CheckField} label=${t("command_form.give", { name: text })} value=${isGiven} onChange=${(/** @type {boolean} */ yes) => onChange(yes ? {} : undefined)} />`}
    ${isGiven && html`<${Properties} action=${action} schema=${schema} path=${path} value=${value ?? {}} onChange=${onChange} />`}
  </fieldset>`;
}

/** A list of objects in the payload. @param {GroupProps} props */
function Rows({ action, text, name, hint, schema, path, required, value, onChange }) {
  const wrong = useFieldProblem(path);
  /** @type {any[]} */
  const rows = Array.isArray(value) ? value : [];
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (required && rows.length === 0) onChange([{}]);
  }, []);
  const remove = (/** @type {number} */ n) => {
    const left = rows.filter((_, at) => at !== n);
    onChange(left.length > 0 || required ? left : undefined);
    list.current?.querySelector("button")?.focus();
  };
  return html`<fieldset ref=${list}><legend>${text} <code>${name}</code></legend>
    ${hint && html`<small class="hint">${hint}</small>`}
    ${wrong && html`<small class="wrong">${wrong}</small>`}
    ${rows.map((row, n) => html`<fieldset key=${n}><legend>${t("command_form.row", { n: n + 1 })}</legend>
      <${Properties} action=${action} schema=${schema.items} path=${`${path}/${n}`} value=${row} onChange=${(/** @type {any} */ next) => onChange(rows.map((one, at) => (at === n ? next : one)))} />
      <div class="actions"><button type="button" onClick=${() => remove(n)}>${t("command_form.remove", { n: n + 1 })}</button></div></fieldset>`)}
    <div class="actions"><button type="button" disabled=${schema.maxItems !== undefined && rows.length >= schema.maxItems} onClick=${() => onChange([...rows, {}])}>${t("command_form.add")}</button></div>
  </fieldset>`;
}
