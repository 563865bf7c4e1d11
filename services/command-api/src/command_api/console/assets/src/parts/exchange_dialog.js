// One exchange in full: the request beside its answer.

import { at, get } from "../lib/api.js";
import { useLive } from "../lib/live.js";
import { t } from "../lib/text.js";
import { latency } from "../lib/units.js";
import { html } from "../lib/view.js";
import { deviation } from "./deviation.js";
import { Dialog } from "./dialog.js";
import { exchanges } from "./exchanges.js";
import { Loaded } from "./loaded.js";
import { Facts } from "./page.js";
import { Json, Moment, State } from "./shown.js";

/**
 * Both halves are read anew: filters of a list may show one alone.
 * @param {{station: string, exchange: import("./exchanges.js").Exchange, onClose: () => void}} props
 */
export function ExchangeDialog({ station, exchange, onClose }) {
  const known = exchange.call ?? exchange.answer;
  const isWhole = (exchange.call && exchange.answer) || !known.message_id;
  const live = useLive(
    async (signal) => {
      if (isWhole) return exchange;
      const { items } = await get(at`/stations/${station}/messages`, { message_id: known.message_id, limit: 100 }, signal);
      return exchanges(items.filter((/** @type {any} */ one) => one.connection_id === known.connection_id))
        .find((one) => [one.call, one.answer].some((frame) => frame?.at === known.at && frame.direction === known.direction)) ?? exchange;
    },
    [exchange.key],
  );
  return html`<${Dialog} wide title=${known.action ?? t("frames.frame")} onClose=${onClose}>
    <${Loaded} of=${live}>${(/** @type {import("./exchanges.js").Exchange} */ one) => html`<div class="columns">
      ${one.call && html`<${Frame} frame=${one.call} title=${t(one.call.kind === "unreadable" ? "frames.unreadable" : one.call.direction === "in" ? "frames.call_in" : "frames.call_out")} />`}
      ${one.answer
        ? html`<${Frame} frame=${one.answer} title=${t(one.answer.kind === "error" ? "frames.answer_error" : "frames.answer")} />`
        : one.call?.kind === "call" && html`<div><h3>${t("frames.answer")}</h3><p class="none">${t("frames.no_answer_text")}</p></div>`}
    </div>`}<//>
    <div class="actions"><button type="button" onClick=${onClose}>${t("action.close")}</button></div>
  <//>`;
}

/** @param {{frame: any, title: string}} props */
function Frame({ frame, title }) {
  return html`<div>
    <h3>${title}</h3>
    <${Facts} rows=${[
      [t("frames.at"), html`<${Moment} at=${frame.at} />`],
      frame.message_id && [t("frames.message_id"), html`<code>${frame.message_id}</code>`],
      frame.latency_ms !== null && frame.latency_ms !== undefined && [t("frames.latency"), latency(frame.latency_ms)],
      frame.error && [t("frames.refused_with"), html`<${State} of=${frame.error} tone="bad" />`],
      frame.tolerated?.length > 0 && [t("frames.tolerated"), frame.tolerated.map(deviation).join("; ")],
      [t("frames.gateway"), frame.gateway_id],
      frame.connection_id && [t("frames.connection"), html`<code>${frame.connection_id}</code>`],
    ]} />
    <${Json} value=${pretty(frame.frame)} label=${title} />
  </div>`;
}

/** @param {string | null | undefined} text */
function pretty(text) {
  if (!text) return t("frames.not_shown");
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
