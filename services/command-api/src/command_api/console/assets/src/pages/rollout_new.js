// One firmware for many stations, a few at a time.

import { idempotencyKey, post } from "../lib/api.js";
import { navigate, to, useQuery } from "../lib/router.js";
import { t } from "../lib/text.js";
import { count, duration } from "../lib/units.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib/view.js";
import { chosenStations } from "../parts/chosen_stations.js";
import { confirm } from "../parts/dialog.js";
import { useFleet, useSites } from "../parts/fleet.js";
import { AreaField, CheckField, Form, NumberField, SelectField, TextField, TimeField } from "../parts/form.js";
import { Loading, ProblemNotice } from "../parts/loaded.js";
import { notify } from "../parts/notices.js";
import { Page, Section } from "../parts/page.js";

const WAITS_S = [3600, 6 * 3600, 86_400, 7 * 86_400];
/** By what stations are found; each must be so. */
const FACTS = ["vendor", "model", "firmware_version", "site_id", "tag"];

/** @param {string} text */
const idsOf = (text) => [...new Set(text.split(/[\s,;]+/).filter(Boolean))];

export default function NewRollout() {
  const [query] = useQuery();
  const [how, setHow] = useState(query.chosen ? "list" : "filter");
  const [list, setList] = useState(() => (query.chosen ? chosenStations().join("\n") : ""));
  const [which, setWhich] = useState(/** @type {Record<string, string>} */ ({ site_id: query.site_id ?? "", tag: query.tag ?? "" }));
  const [fitting, setFitting] = useState(/** @type {number | null} */ (null));
  const [body, setBody] = useState(/** @type {Record<string, any>} */ ({ name: "", location: "", concurrency: 10, stop_after_failures: 1, send_within_s: String(WAITS_S[0]) }));
  const attempt = useRef({ question: "", key: "" });
  const tied = (/** @type {string} */ name) => ({ name, value: body[name], onChange: (/** @type {any} */ value) => setBody((before) => ({ ...before, [name]: value === "" ? null : value })) });
  const ids = useMemo(() => idsOf(list), [list]);
  const stations = how === "list" ? ids.length : fitting;
  const isSigned = Boolean(body.signature || body.signing_certificate);

  const start = async () => {
    if (!(await confirm({ title: t("rollout.confirm", { n: stations ?? 0, count: count(stations) }), text: t("rollout.confirm_text"), action: t("rollout.start"), danger: true }))) return;
    const { send_within_s, stop_after_failures, ...said } = body;
    const asked = {
      ...Object.fromEntries(Object.entries(said).filter(([, value]) => value !== null)),
      // Null is a wish of its own: to go on whatever happens.
      stop_after_failures, send_within_s: Number(send_within_s),
      ...(how === "list" ? { station_ids: ids } : { filter: Object.fromEntries(Object.entries(which).filter(([, value]) => value)) }),
    };
    const question = JSON.stringify(asked);
    if (attempt.current.question !== question) attempt.current = { question, key: idempotencyKey() };
    const made = await post("/firmware-rollouts", asked, { headers: { "Idempotency-Key": attempt.current.key } });
    notify(t("rollout.started", { name: made.name }));
    navigate(to`rollouts/${made.rollout_id}`);
  };

  return html`<${Page} title=${t("rollout.new")} crumbs=${[{ href: "rollouts", text: t("rollouts.title") }]}>
    <${Section} title=${t("rollout.which")}><div class="form">
      <${SelectField} label=${t("rollout.how")} value=${how} onChange=${setHow} options=${["filter", "list"].map((value) => ({ value, text: t(`rollout.how.${value}`) }))} />
      ${how === "list"
        ? html`<${AreaField} label=${t("rollout.ids")} hint=${t("rollout.ids_hint")} rows=${6} value=${list} onChange=${setList} />
          <p role="status">${t("rollout.named", { n: ids.length, count: count(ids.length) })}</p>`
        : html`<${Which} value=${which} onChange=${setWhich} onFitting=${setFitting} />`}
    </div><//>
    <${Section} title=${t("rollout.firmware")}>
      <${Form} onSubmit=${start} submit=${t("rollout.start")} danger disabled=${!stations}>
        <${TextField} label=${t("rollout.name")} ...${tied("name")} hint=${t("rollout.name_hint")} required maxLength=${200} />
        <${TextField} label=${t("jobs.location")} ...${tied("location")} hint=${t("jobs.location_hint")} required maxLength=${512} />
        <${NumberField} label=${t("rollout.concurrency")} ...${tied("concurrency")} hint=${t("rollout.concurrency_hint")} required min=${1} max=${1000} />
        <${CheckField} label=${t("rollout.go_on")} value=${body.stop_after_failures === null} onChange=${(/** @type {boolean} */ yes) => setBody((before) => ({ ...before, stop_after_failures: yes ? null : 1 }))} />
        ${body.stop_after_failures !== null && html`<${NumberField} label=${t("rollout.stop_after")} name="stop_after_failures" hint=${t("rollout.stop_after_hint")} required min=${1} max=${20_000} value=${body.stop_after_failures || null}
          onChange=${(/** @type {number | null} */ n) => setBody((before) => ({ ...before, stop_after_failures: n ?? 0 }))} />`}
        <${SelectField} label=${t("rollout.wait")} ...${tied("send_within_s")} hint=${t("rollout.wait_hint")} options=${WAITS_S.map((seconds) => ({ value: String(seconds), text: duration(seconds) }))} />
        <details><summary>${t("jobs.more")}</summary><div class="form">
          <${TimeField} label=${t("jobs.retrieve_at")} ...${tied("retrieve_at")} hint=${t("jobs.retrieve_at_hint")} />
          <${AreaField} label=${t("jobs.signing_certificate")} ...${tied("signing_certificate")} maxLength=${5500} hint=${t("jobs.signature_hint")} />
          <${AreaField} label=${t("jobs.signature")} ...${tied("signature")} maxLength=${800} rows=${2} />
          ${isSigned && html`<${TimeField} label=${t("jobs.install_at")} ...${tied("install_at")} />`}
          <${NumberField} label=${t("jobs.retries")} ...${tied("retries")} min=${0} max=${100} />
          <${NumberField} label=${t("jobs.retry_interval")} unit="s" ...${tied("retry_interval")} min=${0} max=${86_400} />
          <${NumberField} label=${t("jobs.timeout")} unit="s" ...${tied("timeout_s")} min=${60} max=${2_592_000} hint=${t("jobs.timeout_hint")} />
        </div></details>
        ${!stations && html`<p class="hint">${t("rollout.nobody")}</p>`}
      <//>
    <//>
  <//>`;
}

/** What stations must be like, and how many are so now. @param {{value: Record<string, string>, onChange: (value: Record<string, string>) => void, onFitting: (n: number | null) => void}} props */
function Which({ value, onChange, onFitting }) {
  const fleet = useFleet();
  const sites = useSites();
  const isAny = FACTS.some((name) => value[name]);
  const rows = fleet.loading ? null : fleet.rows;
  const n = useMemo(() => (isAny && rows ? rows.filter((row) => FACTS.every((name) => !value[name] || (name === "tag" ? row.tags?.includes(value.tag) : row[name] === value[name]))).length : null), [rows, JSON.stringify(value)]);
  useEffect(() => onFitting(n), [n]);
  const known = (/** @type {string} */ name) => [...new Set((rows ?? []).flatMap((row) => (name === "tag" ? row.tags ?? [] : row[name] ?? [])))].sort();
  const tied = (/** @type {string} */ name) => ({ name: "filter", value: value[name] ?? "", onChange: (/** @type {string} */ said) => onChange({ ...value, [name]: said.trim() }) });
  return html`<p class="hint">${t("rollout.filter_hint")}</p>
    <div class="pair">
      <${TextField} label=${t("stations.vendor")} ...${tied("vendor")} list=${known("vendor")} maxLength=${255} />
      <${TextField} label=${t("stations.model")} ...${tied("model")} list=${known("model")} maxLength=${255} />
    </div>
    <${TextField} label=${t("rollout.present")} ...${tied("firmware_version")} list=${known("firmware_version")} maxLength=${255} />
    <div class="pair">
      <${SelectField} label=${t("stations.site")} empty=${t("filters.any")} ...${tied("site_id")} options=${(sites.data ?? []).map((/** @type {any} */ site) => ({ value: site.site_id, text: site.name }))} />
      <${TextField} label=${t("stations.tag")} ...${tied("tag")} list=${known("tag")} maxLength=${64} />
    </div>
    ${fleet.problem && html`<${ProblemNotice} problem=${fleet.problem} onRetry=${fleet.reload} />`}
    ${isAny && (n === null ? !fleet.problem && html`<${Loading} />` : html`<p role="status"><b>${t("rollout.fit", { n, count: count(n) })}</b></p>`)}`;
}
