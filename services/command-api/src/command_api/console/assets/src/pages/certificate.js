// One certificate of a station.

import { at, get } from "../lib/api.js";
import { reloadOn, useLive } from "../lib/live.js";
import { to } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { Loaded } from "../parts/loaded.js";
import { Facts, Page, Section } from "../parts/page.js";
import { RevokeCertificate } from "../parts/revoke_certificate.js";
import { Json, Moment, State } from "../parts/shown.js";

/** @param {{params: {certificate_id: string}}} props */
export default function Certificate({ params: { certificate_id } }) {
  const live = useLive((signal) => get(at`/certificates/${certificate_id}`, {}, signal), [certificate_id], reloadOn(["certificate"], (event) => event.data?.certificate_id === certificate_id));
  const [isRevoking, setRevoking] = useState(false);
  const one = live.data;
  const mayRevoke = can("admin") && one && !one.revoked_at;
  return html`<${Page} title=${one ? t("certificate.of", { station: one.station_id }) : t("certificate.title")} crumbs=${[{ href: "certificates", text: t("certificates.title") }]}
      subtitle=${one && html`<${State} of=${one.revoked_at ? "revoked" : one.status} />`}
      actions=${mayRevoke && html`<button type="button" class="danger" onClick=${() => setRevoking(true)}>${t("station_certificates.revoke")}</button>`}>
    <${Loaded} of=${live}>${(/** @type {any} */ data) => html`
      <${Section} title=${t("certificate.facts")}><${Facts} rows=${[
        [t("certificates.station"), html`<a href=${to`stations/${data.station_id}/certificates`}>${data.station_id}</a>`],
        [t("station_certificates.serial"), html`<code>${data.serial_number}</code>`],
        [t("station_certificates.subject"), data.subject],
        [t("certificate.issuer"), data.issuer],
        [t("station_certificates.source"), t(`station_certificates.source.${data.source}`)],
        [t("certificate.not_before"), html`<${Moment} at=${data.not_before} />`],
        [t("station_certificates.not_after"), html`<${Moment} at=${data.not_after} />`],
        [t("station_certificates.issued"), html`<${Moment} at=${data.issued_at} />`],
        [t("certificate.installed"), html`<${Moment} at=${data.installed_at} />`],
        data.revoked_at && [t("certificate.revoked"), html`<${Moment} at=${data.revoked_at} />`],
        data.revoked_at && [t("station_certificates.reason"), word(data.revocation_reason)],
      ]} /><//>
      <${Section} title=${t("certificate.pem")}><${Json} value=${data.certificate} label=${t("certificate.pem")} /><//>`}<//>
    ${isRevoking && html`<${RevokeCertificate} certificate=${one} onClose=${() => setRevoking(false)} onDone=${live.reload} />`}
  <//>`;
}
