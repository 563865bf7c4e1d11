// A new site.

import { idempotencyKey, post } from "../lib/api.js";
import { navigate, to } from "../lib/router.js";
import { t } from "../lib/text.js";
import { html, useMemo, useState } from "../lib/view.js";
import { Form, TextField } from "../parts/form.js";
import { notify } from "../parts/notices.js";
import { Page } from "../parts/page.js";
import { SiteFields, siteOf } from "../parts/site_fields.js";

export default function NewSite() {
  const [id, setId] = useState("");
  const [site, setSite] = useState(siteOf());
  // Sent twice, it is made once; what was changed meanwhile is another site.
  const key = useMemo(idempotencyKey, [id, site]);
  const create = async () => {
    const made = await post("/sites", { ...site, site_id: id || null }, { headers: { "Idempotency-Key": key } });
    notify(t("site.made", { name: made.name }));
    navigate(to`sites/${made.site_id}`);
  };
  return html`<${Page} title=${t("site.new")} crumbs=${[{ href: "sites", text: t("sites.title") }]}>
    <section><${Form} onSubmit=${create} submit=${t("site.create")}>
      <${SiteFields} value=${site} onChange=${setSite} />
      <${TextField} label=${t("site.id")} name="site_id" hint=${t("site.id_hint")} maxLength=${64} value=${id} onChange=${setId} />
    <//></section>
  <//>`;
}
