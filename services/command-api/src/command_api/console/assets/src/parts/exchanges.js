// Recorded frames as exchanges: a call beside its answer.

/**
 * @typedef {{key: string, at: string, call: any | null, answer: any | null, gap: any | null, level: string}} Exchange
 *   `gap`: frames that were not kept
 */

const LEVELS = ["info", "warning", "error"];

/** What names a frame among all of its station. @param {any} frame */
export const frameKey = (frame) =>
  [frame.at, frame.direction, frame.kind, frame.connection_id, frame.message_id, frame.gap_from, frame.gateway_id].join("|");

/**
 * @param {any[]} frames newest first
 * @returns {Exchange[]} newest first by their first frame
 */
export function exchanges(frames) {
  /** @type {Exchange[]} */
  const found = [];
  /** Those whose other half may still come. @type {Map<string, Exchange>} */
  const open = new Map();
  for (const frame of [...frames].reverse()) {
    const isAnswer = frame.kind === "result" || frame.kind === "error";
    const isHalf = frame.message_id && (isAnswer || frame.kind === "call");
    // An answer goes the other way than its call, and each side numbers its own calls.
    const caller = isAnswer === (frame.direction === "in") ? "suite" : "station";
    const half = [frame.connection_id, caller, frame.message_id].join("|");
    const before = isHalf && isAnswer ? open.get(half) : undefined;
    /** @type {Exchange} */
    const exchange = before ?? { key: frameKey(frame), at: frame.at, call: null, answer: null, gap: null, level: "info" };
    if (frame.kind === "gap") exchange.gap = frame;
    else if (isAnswer) exchange.answer = frame;
    else exchange.call = frame;
    if (LEVELS.indexOf(frame.level) > LEVELS.indexOf(exchange.level)) exchange.level = frame.level;
    if (before) open.delete(half);
    else found.push(exchange);
    if (isHalf && !isAnswer) open.set(half, exchange);
  }
  return found.reverse();
}
