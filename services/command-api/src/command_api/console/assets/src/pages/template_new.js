// A new configuration template.

import { post } from "../lib/api.js";
import { navigate, to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Form } from "../parts/form.js";
import { notify } from "../parts/notices.js";
import { Page, Section } from "../parts/page.js";
import { draftOf, TemplateFields, templateOf } from "../parts/template_fields.js";

export default function NewTemplate() {
  const [draft, setDraft] = useState(draftOf());
  const make = async () => {
    const made = await post("/configuration-templates", templateOf(draft));
    notify(t("template.made", { name: made.name }));
    navigate(to`templates/${made.template_id}`);
  };
  return html`<${Page} title=${t("template.new")} crumbs=${[{ href: "templates", text: t("templates.title") }]}>
    <${Section} title=${t("template.title")}><${Form} onSubmit=${make} submit=${t("template.submit")}><${TemplateFields} value=${draft} onChange=${setDraft} /><//><//>
  <//>`;
}
