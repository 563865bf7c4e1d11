// What components are made of: one import for all of them.

import { useLayoutEffect, useState } from "../../vendor/preact-htm.js";
import { effect } from "../../vendor/signals-core.js";

export {
  createContext,
  h,
  html,
  render,
  useCallback,
  useContext,
  useEffect,
  useErrorBoundary,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../../vendor/preact-htm.js";
export { batch, computed, effect, signal } from "../../vendor/signals-core.js";

/**
 * The value of a signal; the component is drawn anew when it changes.
 * @template T
 * @param {import("../../vendor/signals-core.js").ReadonlySignal<T>} source
 * @returns {T}
 */
export function useValue(source) {
  const [value, setValue] = useState(() => source.peek());
  useLayoutEffect(() => effect(() => {
    const now = source.value;
    setValue(() => now);
  }), [source]);
  return value;
}
