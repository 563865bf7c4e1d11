// The same for many items: counted first, confirmed, then done while its progress is shown.

import { idempotencyKey, post } from "../lib/api.js";
import { hasText, t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/view.js";
import { Dialog } from "./dialog.js";
import { ProblemNotice } from "./loaded.js";
import { notify } from "./notices.js";
import { Table } from "./table.js";

// What one call looks at; small enough to show how it gets on.
const BATCH = 200;
const TRIES = 3;
const PAUSE_MS = 2000;

/**
 * @typedef {{done: number, failed: number, failures: {id: string, code: string, detail: string}[]}} Outcome
 * @typedef {{count: () => Promise<number>, run: (tell: (outcome: Outcome) => void, ending: AbortSignal) => Promise<Outcome>}} Many
 */

/** @param {Outcome} a @param {Partial<Outcome>} b @returns {Outcome} */
const sum = (a, b) => ({
  done: a.done + (b.done ?? 0),
  failed: a.failed + (b.failed ?? 0),
  failures: [...a.failures, ...(b.failures ?? [])].slice(0, 200),
});
/** @type {Outcome} */
const NOTHING = { done: 0, failed: 0, failures: [] };

/**
 * All that a filter finds, by a bulk route of REST.
 * @param {string} path @param {Record<string, unknown>} body
 * @returns {Many}
 */
export const byFilter = (path, body) => ({
  count: async () => (await post(path, { ...body, dry_run: true })).matched,
  run: async (tell, ending) => {
    let total = NOTHING;
    /** @type {string | null} */
    let cursor = null;
    do {
      const one = await again(() => ({ ...body, limit: BATCH, cursor }), path);
      total = sum(total, one);
      tell(total);
      cursor = one.next_cursor;
    } while (cursor !== null && !ending.aborted);
    return total;
  },
});

/** One call; where its answer is lost it is asked again with its key, so that nothing is done twice. @param {() => unknown} body @param {string} path */
async function again(body, path) {
  const headers = { "Idempotency-Key": idempotencyKey() };
  for (let tries = 1; ; tries += 1) {
    try {
      return await post(path, body(), { headers });
    } catch (problem) {
      const { status } = /** @type {import("../lib/api.js").Problem} */ (problem);
      if (tries === TRIES || (status !== 0 && status !== 503)) throw problem;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}

/**
 * Chosen items, one after the other.
 * @template T
 * @param {T[]} items @param {(item: T) => Promise<unknown>} act @param {(item: T) => string} nameOf
 * @returns {Many}
 */
export const oneByOne = (items, act, nameOf) => ({
  count: async () => items.length,
  run: async (tell, ending) => {
    let total = NOTHING;
    for (const item of items) {
      if (ending.aborted) break;
      try {
        await act(item);
        total = sum(total, { done: 1 });
      } catch (error) {
        const problem = /** @type {import("../lib/api.js").Problem} */ (error);
        if (problem.status === 0) throw problem;
        total = sum(total, { failed: 1, failures: [{ id: nameOf(item), code: problem.code, detail: problem.message }] });
      }
      tell(total);
    }
    return total;
  },
});

/**
 * `make`: what is done to which items, by what the fields say; `submit`: the button's text for so
 * many; `typed`: the number must be typed, where it can't be undone.
 * @param {{title: string, text: string, make: () => Many, submit: (n: number) => string, fields?: any, typed?: boolean,
 *   danger?: boolean, onClose: () => void, onDone: () => void}} props
 */
export function BulkDialog({ title, text, make, submit, fields = null, typed = false, danger = false, onClose, onDone }) {
  const [number, setNumber] = useState(/** @type {number | null} */ (null));
  const [outcome, setOutcome] = useState(/** @type {Outcome | null} */ (null));
  const [step, setStep] = useState(/** @type {"asked" | "counting" | "counted" | "running" | "ended"} */ (fields ? "asked" : "counting"));
  const [problem, setProblem] = useState(/** @type {Error | null} */ (null));
  const [said, setSaid] = useState("");
  const ending = useRef(new AbortController());
  const told = useRef(/** @type {HTMLElement | null} */ (null));
  const look = async () => {
    setStep("counting");
    setProblem(null);
    try {
      setNumber(await make().count());
      setStep("counted");
    } catch (error) {
      setProblem(/** @type {Error} */ (error));
      setStep("asked");
    }
  };
  const run = async () => {
    setStep("running");
    setProblem(null);
    setOutcome(NOTHING);
    try {
      const whole = await make().run(setOutcome, ending.current.signal);
      setOutcome(whole);
      if (whole.failed === 0) notify(t("bulk.done", { n: whole.done }));
    } catch (error) {
      setProblem(/** @type {Error} */ (error));
    }
    setStep("ended");
    onDone();
  };
  useEffect(() => {
    if (!fields) void look();
    return () => ending.current.abort();
  }, []);
  useLayoutEffect(() => {
    // Whoever counts by Enter reads the number before another Enter does it.
    if (step === "counted" && (document.activeElement === null || document.activeElement === document.body)) told.current?.focus();
  }, [step]);
  const submitted = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (step === "asked") void look();
    else if (step === "counted") void run();
  };
  const mayRun = Boolean(number) && (!typed || said === String(number));
  return html`<${Dialog} title=${title} onClose=${onClose} wide=${Boolean(outcome?.failures.length)}>
    <form class="form" onSubmit=${submitted}>
      <p>${text}</p>
      ${(step === "asked" || step === "counting") && fields}
      ${problem && html`<${ProblemNotice} problem=${problem} />`}
      <div role="status" tabindex="-1" ref=${told}>
        ${step === "counting" && html`<p>${t("bulk.counting")}</p>`}
        ${step === "counted" && html`<p><b>${number === 0 ? t("bulk.none") : t("bulk.matched", { n: number, count: count(number) })}</b></p>`}
        ${outcome && html`<p>${t("bulk.outcome", { done: count(outcome.done), failed: count(outcome.failed) })}</p>`}
      </div>
      ${step === "running" && html`<progress aria-label=${title} value=${outcome ? outcome.done + outcome.failed : 0} max=${number ?? 1}></progress>`}
      ${step === "counted" && typed && Boolean(number) && html`<label>${t("dialog.type", { text: String(number) })}
        <input autocomplete="off" inputmode="numeric" value=${said} onInput=${(/** @type {any} */ e) => setSaid(e.currentTarget.value)} /></label>`}
      ${outcome && outcome.failures.length > 0 && html`<${Table} label=${t("bulk.failures")} rows=${outcome.failures} keyOf=${(/** @type {any} */ one) => one.id}
        columns=${[
          { key: "id", title: t("bulk.item"), show: (/** @type {any} */ one) => one.id },
          { key: "code", title: t("bulk.why"), wide: true, show: (/** @type {any} */ one) => (hasText(`bulk.code.${one.code}`) ? t(`bulk.code.${one.code}`) : one.detail) },
        ]} />`}
      <div class="actions">
        <button type="button" onClick=${onClose}>${step === "ended" ? t("action.close") : step === "running" ? t("bulk.stop") : t("action.cancel")}</button>
        ${(step === "asked" || step === "counting") && html`<button key="count" class="primary" aria-disabled=${step === "counting" ? "true" : null}>${t("bulk.count")}</button>`}
        ${(step === "counted" || step === "running") && number !== 0 && html`<button key="run" class=${danger ? "danger" : "primary"} disabled=${!mayRun} aria-disabled=${step === "running" ? "true" : null}>${step === "running" ? t("action.busy") : submit(number ?? 0)}</button>`}
      </div>
    </form><//>`;
}
