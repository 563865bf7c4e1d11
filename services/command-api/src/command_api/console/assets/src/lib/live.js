// What pages show: read once, then kept up to date by the event stream.

import { acting } from "./session.js";
import { gaps, listen, whenOpen } from "./stream.js";
import { useEffect, useRef, useState, useValue } from "./view.js";

// However often events ask for it, what is shown is not read anew more often.
const RELOAD_MS = 1000;
// What could not be read for want of an answer is tried again.
const RETRY_MS = 10_000;
// What takes long to draw is drawn less often: so many times as long passes between two drawings.
const PAUSE = 3;

/** `apply` returns it where an event can't be worked in, and all must be read anew. */
export const RELOAD = Symbol("reload");

/**
 * @template T
 * @typedef {{data: T | null, problem: Error | null, loading: boolean, reload: () => void,
 *   change: (change: (before: T) => T) => void}} Live
 */

/**
 * What `load` reads, anew when `inputs` change. Events that come while it is read are worked in
 * afterwards, so that none is missed; to work one in twice must change nothing.
 * @template T
 * @param {(signal: AbortSignal, show: (part: T) => void) => Promise<T>} load `show`: what of it is
 *   read already; shown unless an older answer to the same question is
 * @param {unknown[]} inputs
 * @param {(data: T, events: import("./stream.js").StreamEvent[]) => T | typeof RELOAD} [apply]
 * @param {{everyMs?: number}} [options] `everyMs`: events are worked in at once, or together with others, not more often
 * @returns {Live<T>}
 */
export function useLive(load, inputs, apply, { everyMs = 0 } = {}) {
  const tenant = useValue(acting);
  const gap = useValue(gaps);
  const [turn, setTurn] = useState(0);
  const [state, setState] = useState(/** @type {{data: T | null, problem: Error | null, loading: boolean}} */ ({
    data: null, problem: null, loading: true,
  }));
  const applying = useRef(apply);
  applying.current = apply;
  const shown = useRef(/** @type {unknown} */ (null));
  /** Whether it is being read, and whether it is to be read again after that. */
  const reading = useRef({ isOn: false, isAgain: false });
  const key = JSON.stringify([tenant, ...inputs]);

  useEffect(() => {
    const ending = new AbortController();
    /** @type {import("./stream.js").StreamEvent[] | null} */
    let early = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let soon;
    const again = (ms = RELOAD_MS) => {
      soon ??= setTimeout(() => setTurn((n) => n + 1), ms);
    };
    /** @param {T} data @param {import("./stream.js").StreamEvent[]} events */
    const worked = (data, events) => {
      const next = applying.current ? applying.current(data, events) : data;
      if (next !== RELOAD) return next;
      again();
      return data;
    };
    /** @param {import("./stream.js").StreamEvent[]} events */
    const workIn = (events) =>
      setState((before) => {
        if (before.data === null) return before;
        const data = worked(before.data, events);
        return data === before.data ? before : { ...before, data };
      });
    /** @type {import("./stream.js").StreamEvent[]} */
    let collected = [];
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let later;
    let notBefore = 0;
    const workInCollected = () => {
      later = undefined;
      const began = performance.now();
      notBefore = began + everyMs;
      workIn(collected);
      collected = [];
      // After the microtask that draws it.
      queueMicrotask(() => {
        notBefore = Math.max(notBefore, began + (1 + PAUSE) * (performance.now() - began));
      });
    };
    const stop = listen((events) => {
      if (!applying.current) return;
      if (early) early.push(...events);
      else if (everyMs === 0) workIn(events);
      else {
        collected.push(...events);
        later ??= setTimeout(workInCollected, Math.max(0, notBefore - performance.now()));
      }
    });
    // Another question: the old answer is not shown as if it were the new one's.
    const same = shown.current === key;
    shown.current = key;
    setState((before) => ({ data: same ? before.data : null, problem: null, loading: true }));
    const show = (/** @type {T} */ part) => {
      if (!ending.signal.aborted && !same) setState((before) => ({ ...before, data: part }));
    };
    reading.current = { isOn: true, isAgain: false };
    const read = () => {
      const { isAgain } = reading.current;
      reading.current = { isOn: false, isAgain: false };
      if (isAgain) setTurn((n) => n + 1);
    };
    const answer = whenOpen().then(() => {
      ending.signal.throwIfAborted();
      return load(ending.signal, show);
    });
    answer.then(
      (found) => {
        if (ending.signal.aborted) return;
        const events = early ?? [];
        early = null;
        const data = events.length > 0 ? worked(found, events) : found;
        setState({ data, problem: null, loading: false });
        read();
      },
      (problem) => {
        if (ending.signal.aborted) return;
        const events = early ?? [];
        early = null;
        setState((before) => ({ ...before, problem, loading: false }));
        // What was read before stays, and so do events change it.
        if (events.length > 0) workIn(events);
        if (problem.status === 0 || problem.status >= 500) again(RETRY_MS);
        read();
      },
    );
    return () => {
      ending.abort();
      stop();
      clearTimeout(soon);
      clearTimeout(later);
    };
  }, [key, turn, gap]);

  return {
    ...state,
    reload: () => {
      // What takes long is waited for: who asks again and again would never see an answer.
      if (reading.current.isOn) reading.current.isAgain = true;
      else setTurn((n) => n + 1);
    },
    change: (change) => {
      // An answer to another question, for which it took too long.
      if (shown.current !== key) return;
      setState((before) => (before.data === null ? before : { ...before, data: change(before.data) }));
    },
  };
}

/**
 * A list of REST, page by page.
 * @param {(query: {cursor: string | null}, signal: AbortSignal) => Promise<{items: any[], next_cursor: string | null}>} page
 * @param {unknown[]} inputs
 * @param {(items: any[], events: import("./stream.js").StreamEvent[]) => any[] | typeof RELOAD} [apply]
 */
export function usePages(page, inputs, apply) {
  const [fetching, setFetching] = useState(false);
  const [problem, setProblem] = useState(/** @type {Error | null} */ (null));
  const wanted = useRef(1);
  const asked = useRef("");
  const question = JSON.stringify(inputs);
  if (asked.current !== question) {
    asked.current = question;
    wanted.current = 1;
  }
  const live = useLive(
    async (signal) => {
      /** @type {any[]} */
      const items = [];
      /** @type {string | null} */
      let cursor = null;
      // As many pages as were shown before.
      for (let n = 0; n < wanted.current; n += 1) {
        /** @type {{items: any[], next_cursor: string | null}} */
        const one = await page({ cursor }, signal);
        items.push(...one.items);
        cursor = one.next_cursor;
        if (cursor === null) break;
      }
      return { items, next: cursor };
    },
    inputs,
    apply && ((data, events) => {
      const items = apply(data.items, events);
      return items === RELOAD ? RELOAD : items === data.items ? data : { ...data, items };
    }),
  );
  const asking = useRef(new AbortController());
  useEffect(() => () => {
    asking.current.abort();
    asking.current = new AbortController();
    setFetching(false);
    setProblem(null);
  }, [question]);
  const more = async () => {
    const cursor = live.data?.next;
    if (!cursor || fetching) return;
    const { signal } = asking.current;
    setFetching(true);
    setProblem(null);
    try {
      const one = await page({ cursor }, signal);
      if (signal.aborted) return;
      wanted.current += 1;
      let isNext = true;
      live.change((before) => {
        isNext = before.next === cursor;
        return isNext ? { items: [...before.items, ...one.items], next: one.next_cursor } : before;
      });
      // The list was read anew meanwhile: its first pages end elsewhere by now.
      if (!isNext) live.reload();
    } catch (error) {
      if (!signal.aborted) setProblem(/** @type {Error} */ (error));
    } finally {
      if (!signal.aborted) setFetching(false);
    }
  };
  return { ...live, items: live.data?.items ?? null, hasMore: Boolean(live.data?.next), more, fetching, moreProblem: problem };
}

/**
 * Do something again and again while the page is seen: for what no event tells.
 * @param {number | null} ms null: not at all
 * @param {() => void} act
 */
export function useEvery(ms, act) {
  const acting_ = useRef(act);
  acting_.current = act;
  useEffect(() => {
    if (ms === null) return undefined;
    const timer = setInterval(() => document.hidden || acting_.current(), ms);
    return () => clearInterval(timer);
  }, [ms]);
}

/**
 * `apply` for lists that are simply read anew when one of these events comes.
 * @param {string[]} types exact types, or domains (`job`)
 * @param {(event: import("./stream.js").StreamEvent) => boolean} [concerns]
 */
export const reloadOn = (types, concerns = () => true) =>
  /** @param {any} data @param {import("./stream.js").StreamEvent[]} events */
  (data, events) =>
    events.some((event) => (types.includes(event.type) || types.includes(event.type.split(".")[0])) && concerns(event))
      ? RELOAD
      : data;
