// Who uses the console, what they may do, and for which tenant.

import { signal } from "../../vendor/signals-core.js";

const ROLES = ["viewer", "operator", "admin"];
const TENANT = "csms.tenant";

/**
 * @typedef {{username: string, role: string, tenant_id: string, is_platform: boolean,
 *   scope: {site_ids?: string[], tags?: string[]} | null}} User
 */

/** Who is logged in; null: nobody, undefined: not known yet. @type {import("../../vendor/signals-core.js").Signal<User | null | undefined>} */
export const me = signal(undefined);
/** For which tenant a platform administrator acts; null: their own. @type {import("../../vendor/signals-core.js").Signal<string | null>} */
export const acting = signal(sessionStorage.getItem(TENANT));
/** Whether the session has ended beneath a page that is shown. */
export const expired = signal(false);

/** @param {string | null} tenant */
export function actFor(tenant) {
  if (tenant === null) sessionStorage.removeItem(TENANT);
  else sessionStorage.setItem(TENANT, tenant);
  acting.value = tenant;
}

/** Whether the viewer has a role, or one above it. @param {string} role */
export function can(role) {
  const mine = me.peek()?.role;
  return mine !== undefined && ROLES.indexOf(mine) >= ROLES.indexOf(role);
}

/** Whether the viewer belongs to the deployment's own people, and acts for no other tenant. */
export const isOfDeployment = () =>
  me.peek()?.tenant_id === "default" && !me.peek()?.scope && (acting.peek() ?? "default") === "default";

/** @type {Set<{resume: () => void, refuse: (reason: unknown) => void}>} */
const waiting = new Set();

// The tabs of a browser share its cookie.
const tabs = new BroadcastChannel("csms.session");
tabs.addEventListener("message", ({ data }) => {
  const user = me.peek();
  if (data === null) forget();
  else if (user !== undefined && user?.username !== data) beginAnew();
});

/** Somebody else has logged in: nothing of what was shown is theirs. */
function beginAnew() {
  actFor(null);
  location.reload();
}

/**
 * Wait until the viewer has logged in again; the page beneath stays as it is.
 * @param {AbortSignal} [signal_]
 */
export function sessionEnded(signal_) {
  if (me.peek()) expired.value = true;
  else me.value = null;
  return new Promise((resolve, reject) => {
    const one = { resume: () => resolve(undefined), refuse: reject };
    waiting.add(one);
    signal_?.addEventListener("abort", () => {
      waiting.delete(one);
      reject(signal_.reason);
    });
  });
}

/** The viewer has logged in. @param {User} user */
export function began(user) {
  const before = me.peek();
  tabs.postMessage(user.username);
  me.value = user;
  expired.value = false;
  // Who used this tab before may have acted for another.
  if (!user.is_platform) actFor(null);
  if (before && before.username !== user.username) {
    beginAnew();
    return;
  }
  for (const { resume } of waiting) resume();
  waiting.clear();
}

/** The viewer has logged out, of all tabs. */
export function ended() {
  tabs.postMessage(null);
  forget();
}

/** Nobody is logged in any more, and nothing of what was shown stays. */
function forget() {
  actFor(null);
  me.value = null;
  expired.value = false;
  // Whoever logs in next is not asked to finish what they began.
  for (const { refuse } of waiting) refuse(new DOMException("logged out", "AbortError"));
  waiting.clear();
}
