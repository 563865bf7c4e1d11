// What was forgiven of a station's messages, in words.

import { hasText, t, word } from "../lib/text.js";

/** @param {string} name */
export const deviation = (name) => (hasText(`deviation.${name}`) ? t(`deviation.${name}`) : word(name));
