// Signed values of a meter as a charge detail record hands them on.

import { t } from "../lib/text.js";
import { html } from "../lib/view.js";
import { Facts } from "./page.js";
import { Copy, Json } from "./shown.js";

/** What was signed, where it is Base64 of text; else as it is. @param {string} signed */
function decoded(signed) {
  try {
    const bytes = Uint8Array.from(atob(signed), (one) => one.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return signed;
  }
}

/** @param {{data: any}} props OCPI's `signed_data` */
export const SignedValues = ({ data }) => html`
  <${Facts} rows=${[
    [t("signed.method"), [data.encoding_method, data.encoding_method_version].filter((one) => one !== undefined && one !== null).join(" ")],
    data.public_key && [t("signed.key"), html`<code class="clipped">${data.public_key}</code> <${Copy} text=${data.public_key} />`],
    data.url && [t("signed.url"), data.url],
  ]} />
  ${(data.signed_values ?? []).map((/** @type {any} */ one, /** @type {number} */ n) => html`<div key=${n}><h3>${t("signed.value", { nature: one.nature })}</h3>
    <${Json} value=${one.plain_data || decoded(one.signed_data)} label=${t("signed.value", { nature: one.nature })} />
    <details><summary>${t("signed.blob")}</summary><${Json} value=${one.signed_data} label=${t("signed.blob")} /></details></div>`)}`;
