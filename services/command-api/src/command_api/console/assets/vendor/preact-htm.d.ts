// Types of what is used of htm/preact/standalone, which ships none.
export type VNode = any;
export type Ref<T> = { current: T };
export function h(type: any, props: any, ...children: any[]): VNode;
export function html(strings: TemplateStringsArray, ...values: any[]): VNode;
export function render(tree: VNode, parent: Element): void;
export class Component {}
export function createContext<T>(value: T): { Provider: any; Consumer: any };
export function useState<T>(initial: T | (() => T)): [T, (value: T | ((before: T) => T)) => void];
export function useEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useLayoutEffect(effect: () => void | (() => void), inputs?: unknown[]): void;
export function useRef<T>(initial: T): Ref<T>;
export function useMemo<T>(make: () => T, inputs: unknown[]): T;
export function useCallback<T extends Function>(callback: T, inputs: unknown[]): T;
export function useContext<T>(context: { Provider: any; Consumer: any }): any;
export function useErrorBoundary(callback?: (error: any) => void): [any, () => void];
