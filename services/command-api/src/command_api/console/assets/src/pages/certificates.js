// Certificates that stations were given, and the authority that signs them.

import { download, get, Problem, save } from "../lib/api.js";
import { reloadOn, useLive, usePages } from "../lib/live.js";
import { to, useQuery } from "../lib/router.js";
import { can } from "../lib/session.js";
import { t, word } from "../lib/text.js";
import { html, useState } from "../lib/view.js";
import { choices, Filters } from "../parts/filters.js";
import { Loaded } from "../parts/loaded.js";
import { notifyProblem } from "../parts/notices.js";
import { Facts, Page, Section } from "../parts/page.js";
import { RevokeCertificate } from "../parts/revoke_certificate.js";
import { Moment, State } from "../parts/shown.js";
import { More, Table } from "../parts/table.js";

const STATUSES = ["issued", "installed", "refused"];
const DAYS = ["7", "30", "90", "365"];

export default function Certificates() {
  const [{ station_id, status, revoked, expires_within_days }] = useQuery();
  const wanted = { station_id, status, revoked, expires_within_days };
  const pages = usePages(({ cursor }, signal) => get("/certificates", { ...wanted, cursor, limit: 100 }, signal), [wanted], reloadOn(["certificate"]));
  const [revoking, setRevoking] = useState(/** @type {any} */ (null));
  return html`<${Page} title=${t("certificates.title")}>
    <${Filters} filters=${[
      { name: "station_id", label: t("certificates.station") },
      { name: "status", label: t("station_certificates.status"), kind: "choice", options: choices(STATUSES, word) },
      { name: "revoked", label: t("certificates.revoked"), kind: "choice", options: choices(["true", "false"], (one) => t(`certificates.revoked.${one}`)) },
      { name: "expires_within_days", label: t("certificates.expires"), kind: "choice", options: choices(DAYS, (n) => t("certificates.days", { n })) },
    ]} />
    <${Loaded} of=${pages}>${() => html`<${Table} label=${t("certificates.title")} rows=${pages.items ?? []} keyOf=${(/** @type {any} */ one) => one.certificate_id} empty=${t("certificates.empty")}
      columns=${[
        { key: "serial", title: t("station_certificates.serial"), show: (/** @type {any} */ one) => html`<a href=${to`certificates/${one.certificate_id}`}><code>${one.serial_number}</code></a>` },
        { key: "station", title: t("certificates.station"), show: (/** @type {any} */ one) => html`<a href=${to`stations/${one.station_id}`}>${one.station_id}</a>` },
        { key: "status", title: t("station_certificates.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.revoked_at ? "revoked" : one.status} />` },
        { key: "until", title: t("station_certificates.not_after"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.not_after} />` },
        { key: "issued", title: t("station_certificates.issued"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.issued_at} />` },
        { key: "source", title: t("station_certificates.source"), show: (/** @type {any} */ one) => t(`station_certificates.source.${one.source}`) },
        ...(can("admin") ? [{ key: "revoke", title: t("sessions.actions"), show: (/** @type {any} */ one) => !one.revoked_at && html`<button type="button" class="quiet" aria-label=${t("station_certificates.revoke_title", { serial: one.serial_number })} onClick=${() => setRevoking(one)}>${t("station_certificates.revoke")}</button>` }] : []),
      ]} /><${More} of=${pages} />`}<//>
    <${Authority} />
    ${revoking && html`<${RevokeCertificate} certificate=${revoking} onClose=${() => setRevoking(null)} onDone=${pages.reload} />`}
  <//>`;
}

function Authority() {
  // Where none is set up, this is no problem.
  const live = useLive(async (signal) => {
    try {
      return { known: await get("/certificate-authority", {}, signal) };
    } catch (problem) {
      if (problem instanceof Problem && problem.status === 404) return { known: null };
      throw problem;
    }
  }, [], reloadOn(["certificate_authority"]));
  const list = async () => {
    try {
      await download("/certificate-authority/crl", "revoked.crl.pem");
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const known = live.data?.known;
  const actions = known && html`<button type="button" onClick=${() => save("authority.pem", new Blob([known.certificates], { type: "application/x-pem-file" }))}>${t("authority.certificate")}</button>
    <button type="button" onClick=${list}>${t("authority.crl")}</button>`;
  return html`<${Section} title=${t("authority.title")} actions=${actions}>
    <${Loaded} of=${live}>${() => known
      ? html`<${Facts} rows=${[
          [t("station_certificates.subject"), known.subject],
          [t("authority.since"), html`<${Moment} at=${known.not_before} />`],
          [t("station_certificates.not_after"), html`<${Moment} at=${known.not_after} />`],
          [t("authority.fingerprint"), html`<code>${known.fingerprint}</code>`],
        ]} /><p class="hint">${t("authority.text")}</p>`
      : html`<p class="none">${t("authority.none")}</p>`}<//><//>`;
}
