// A station's own certificates, its requests for them, and the roots that it trusts.

import { at, get, post } from "../../lib/api.js";
import { reloadOn, useLive } from "../../lib/live.js";
import { to } from "../../lib/router.js";
import { can, me } from "../../lib/session.js";
import { t, word } from "../../lib/text.js";
import { html, useState } from "../../lib/view.js";
import { commandHref } from "../../parts/command_link.js";
import { confirm } from "../../parts/dialog.js";
import { Loaded } from "../../parts/loaded.js";
import { notify, notifyProblem } from "../../parts/notices.js";
import { Section } from "../../parts/page.js";
import { RevokeCertificate } from "../../parts/revoke_certificate.js";
import { Moment, State } from "../../parts/shown.js";
import { StationFrame } from "../../parts/station_frame.js";
import { Table } from "../../parts/table.js";

const STORE = new Set(["InstallCertificate", "DeleteCertificate", "GetInstalledCertificateIds", "CertificateSigned"]);

/** @param {{params: {station_id: string}}} props */
export default function Certificates({ params: { station_id: id } }) {
  const live = useLive((signal) => get(at`/stations/${id}/certificates`, {}, signal), [id], reloadOn(["certificate", "command.completed"], (event) =>
    event.data?.station_id === id && (event.type !== "command.completed" || STORE.has(event.data.action))));
  return html`<${StationFrame} id=${id} tab="certificates">${() => html`<${Loaded} of=${live}>${(/** @type {any} */ found) => html`
    <${Own} id=${id} certificates=${found.certificates} reload=${live.reload} />
    <${Requests} requests=${found.requests} />
    <${Roots} id=${id} installed=${found.installed} listed=${found.listed_at} reload=${live.reload} />`}<//>`}<//>`;
}

/** @param {{id: string, certificates: any[], reload: () => void}} props */
function Own({ id, certificates, reload }) {
  const [revoking, setRevoking] = useState(/** @type {any} */ (null));
  // A certificate's page is nobody's who is limited to some stations.
  const isLimited = Boolean(me.peek()?.scope);
  const mayRevoke = can("admin") && !isLimited;
  const columns = [
    { key: "serial", title: t("station_certificates.serial"), show: (/** @type {any} */ one) => (isLimited ? html`<code>${one.serial_number}</code>` : html`<a href=${to`certificates/${one.certificate_id}`}><code>${one.serial_number}</code></a>`) },
    { key: "status", title: t("station_certificates.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.revoked_at ? "revoked" : one.status} />` },
    { key: "until", title: t("station_certificates.not_after"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.not_after} />` },
    { key: "issued", title: t("station_certificates.issued"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.issued_at} />` },
    { key: "source", title: t("station_certificates.source"), show: (/** @type {any} */ one) => t(`station_certificates.source.${one.source}`) },
    { key: "subject", title: t("station_certificates.subject"), wide: true, show: (/** @type {any} */ one) => one.subject },
    ...(mayRevoke ? [{ key: "revoke", title: t("state.actions"), show: (/** @type {any} */ one) => (one.revoked_at ? "" : html`<button type="button" class="quiet" aria-label=${t("station_certificates.revoke_title", { serial: one.serial_number })} onClick=${() => setRevoking(one)}>${t("station_certificates.revoke")}</button>`) }] : []),
  ];
  const actions = can("operator") && html`<a class="button" href=${commandHref(id, "ExtendedTriggerMessage", { requestedMessage: "SignChargePointCertificate" })}>${t("station_certificates.renew")}</a>`;
  return html`<${Section} title=${t("station_certificates.own")} actions=${actions}>
    <${Table} label=${t("station_certificates.own")} columns=${columns} rows=${certificates} keyOf=${(/** @type {any} */ one) => one.certificate_id} empty=${t("station_certificates.no_own")} />
    ${revoking && html`<${RevokeCertificate} certificate=${revoking} onClose=${() => setRevoking(null)} onDone=${reload} />`}
  <//>`;
}

/** @param {{requests: any[]}} props */
function Requests({ requests }) {
  const columns = [
    { key: "received", title: t("station_certificates.received"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.received_at} />` },
    { key: "status", title: t("station_certificates.status"), show: (/** @type {any} */ one) => html`<${State} of=${one.status} />` },
    { key: "name", title: t("station_certificates.name"), show: (/** @type {any} */ one) => [one.common_name, one.organization].filter(Boolean).join(", ") || "–" },
    { key: "detail", title: t("station_certificates.detail"), wide: true, show: (/** @type {any} */ one) => [one.problem && word(one.problem), one.detail].filter(Boolean).join(": ") || "–" },
    { key: "ended", title: t("station_certificates.ended"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.ended_at} />` },
  ];
  return html`<${Section} title=${t("station_certificates.requests")}>
    <${Table} label=${t("station_certificates.requests")} columns=${columns} rows=${requests} keyOf=${(/** @type {any} */ one) => one.request_id} empty=${t("station_certificates.no_requests")} />
  <//>`;
}

/** @param {{id: string, installed: any[], listed: Record<string, string>, reload: () => void}} props */
function Roots({ id, installed, listed, reload }) {
  const drop = async (/** @type {any} */ one) => {
    const isLast = installed.filter((other) => other.certificate_type === one.certificate_type).length === 1 && one.certificate_type === "CentralSystemRootCertificate";
    const isSure = await confirm({
      title: t("station_certificates.delete_title", { serial: one.serial_number }), danger: true, action: t("station_certificates.delete"),
      text: t(isLast ? "station_certificates.delete_last" : "station_certificates.delete_text"), typed: one.serial_number,
    });
    if (!isSure) return;
    try {
      const command = await post(at`/stations/${id}/certificates/delete`, { serial_number: one.serial_number, certificate_type: one.certificate_type });
      const href = to`commands/${command.command_id}`;
      if (command.accepted) notify(t("station_certificates.deleted"), { href });
      else notify(t("station_certificates.not_deleted", { status: command.response?.status ?? word(command.status) }), { tone: "bad", href });
      reload();
    } catch (problem) {
      notifyProblem(problem);
    }
  };
  const columns = [
    { key: "serial", title: t("station_certificates.serial"), show: (/** @type {any} */ one) => html`<code>${one.serial_number}</code>` },
    { key: "type", title: t("station_certificates.type"), show: (/** @type {any} */ one) => word(one.certificate_type) },
    { key: "subject", title: t("station_certificates.subject"), wide: true, show: (/** @type {any} */ one) => one.subject },
    { key: "until", title: t("station_certificates.not_after"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.not_after} />` },
    { key: "changed", title: t("station_certificates.changed"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.changed_at} />` },
    ...(can("admin") ? [{ key: "delete", title: t("state.actions"), show: (/** @type {any} */ one) => html`<button type="button" class="quiet" aria-label=${t("station_certificates.delete_title", { serial: one.serial_number })} onClick=${() => drop(one)}>${t("station_certificates.delete")}</button>` }] : []),
  ];
  const actions = can("operator") && html`
    <a class="button" href=${commandHref(id, "GetInstalledCertificateIds", { certificateType: "CentralSystemRootCertificate" })}>${t("station_certificates.list")}</a>
    <a class="button" href=${commandHref(id, "InstallCertificate", { certificateType: "CentralSystemRootCertificate" })}>${t("station_certificates.install")}</a>`;
  const known = Object.entries(listed);
  return html`<${Section} title=${t("station_certificates.roots")} actions=${actions}>
    ${known.length > 0 && html`<ul class="hint">${known.map(([type, moment]) => html`<li key=${type}>${t("station_certificates.listed", { type: word(type) })} <${Moment} at=${moment} /></li>`)}</ul>`}
    <${Table} label=${t("station_certificates.roots")} columns=${columns} rows=${installed} keyOf=${(/** @type {any} */ one) => `${one.certificate_type} ${one.serial_number} ${one.issuer_name_hash}`} empty=${t("station_certificates.no_roots")} />
  <//>`;
}
