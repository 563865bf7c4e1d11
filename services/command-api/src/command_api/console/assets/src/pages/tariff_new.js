// A new tariff.

import { idempotencyKey, post } from "../lib/api.js";
import { navigate, to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useEffect, useRef, useState } from "../lib/view.js";
import { Form } from "../parts/form.js";
import { notify } from "../parts/notices.js";
import { Page, Section } from "../parts/page.js";
import { newTariff, TariffFields } from "../parts/tariff_fields.js";

export default function NewTariff() {
  const [name, setName] = useState("");
  const [tariff, setTariff] = useState(/** @type {any} */ (newTariff));
  const attempt = useRef({ question: "", key: "" });
  const isHere = useRef(true);
  useEffect(() => () => {
    isHere.current = false;
  }, []);
  const make = async () => {
    const question = JSON.stringify([name, tariff]);
    // What was not answered is asked again with its key, and made once.
    if (attempt.current.question !== question) attempt.current = { question, key: idempotencyKey() };
    const made = await post("/tariffs", { name, tariff }, { headers: { "Idempotency-Key": attempt.current.key } });
    notify(t("tariff.made", { name: made.name }));
    // Whoever has gone on meanwhile is not called back.
    if (isHere.current) navigate(to`tariffs/${made.tariff_id}`);
  };
  return html`<${Page} title=${t("tariff.new")} crumbs=${[{ href: "tariffs", text: t("tariffs.title") }]}>
    <${Section} title=${t("tariff.title")}><${Form} onSubmit=${make} submit=${t("tariff.submit")} disabled=${tariff === null}>
      <${TariffFields} name=${name} onName=${setName} tariff=${tariff} onTariff=${setTariff} /><//><//>
  <//>`;
}
