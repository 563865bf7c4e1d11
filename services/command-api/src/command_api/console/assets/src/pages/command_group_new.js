// One command for many stations.

import { idempotencyKey, post } from "../lib/api.js";
import { navigate, to, useQuery } from "../lib/router.js";
import { t } from "../lib/text.js";
import { count } from "../lib/units.js";
import { html, useEffect, useLayoutEffect, useRef, useState } from "../lib/view.js";
import { chosenStations } from "../parts/chosen_stations.js";
import { consequence } from "../parts/command_actions.js";
import { actionsOf, CommandForm } from "../parts/command_form.js";
import { confirm } from "../parts/dialog.js";
import { countsOf, useFleet, useSites } from "../parts/fleet.js";
import { Form, NumberField, SelectField, TextField } from "../parts/form.js";
import { Loading, ProblemNotice } from "../parts/loaded.js";
import { notify } from "../parts/notices.js";
import { Page, Section } from "../parts/page.js";

const VERSION = "ocpp16";
// Prepared for one station: REST sends them to no more.
const OF_ONE = ["CertificateSigned", "RemoteStartTransaction", "RemoteStopTransaction", "SetChargingProfile"];
const ACTIONS = actionsOf(VERSION).flatMap((one) => one.actions).filter((one) => !OF_ONE.includes(one)).sort();
const HOLDS_S = [0, 3600, 86_400, 604_800];
// REST takes at most seven days from its own now.
const MARGIN_S = 60;
const TIMEOUT_S = 30;

/** What an address gives as JSON, and it may give anything. @param {string | undefined} text @returns {Record<string, any>} */
function payloadOf(text) {
  try {
    const found = JSON.parse(text ?? "{}");
    return found && typeof found === "object" && !Array.isArray(found) ? found : {};
  } catch {
    return {};
  }
}

export default function NewCommandGroup() {
  const [query, change] = useQuery();
  const [chosen] = useState(chosenStations);
  const isChosen = Boolean(query.chosen) && chosen.length > 0;
  const action = ACTIONS.includes(query.action) ? query.action : "";
  const [payload, setPayload] = useState(/** @type {Record<string, any> | null} */ (payloadOf(query.payload)));
  const [hold, setHold] = useState("0");
  const [timeout, setTimeout_] = useState(/** @type {number | null} */ (TIMEOUT_S));
  const [reached, setReached] = useState(/** @type {number | null} */ (null));
  // Nothing goes to the stations of before while others are being named.
  const [isTyping, setTyping] = useState(false);
  const attempt = useRef({ question: "", key: "", until: /** @type {string | null} */ (null) });
  const isNamed = isChosen || Boolean(query.site_id || query.tag);
  const stations = isChosen ? chosen.length : reached;

  const send = async () => {
    if (!action || payload === null || !stations) return;
    const hurts = consequence(action, payload);
    const question = { title: t("command_group.confirm", { n: stations, stations: count(stations), action }), text: t(hurts ?? "command_group.confirm_text"),
      action: t("send.submit", { action }), danger: hurts !== null };
    if (!(await confirm(question))) return;
    const addressed = isChosen ? { station_ids: chosen } : { site_id: query.site_id, tag: query.tag };
    const asked = JSON.stringify([action, payload, addressed, hold, timeout]);
    if (attempt.current.question !== asked) {
      const seconds = Number(hold);
      attempt.current = { question: asked, key: idempotencyKey(), until: seconds ? new Date(Date.now() + (seconds - MARGIN_S) * 1000).toISOString() : null };
    }
    const { key, until } = attempt.current;
    const made = await post("/command-groups", { action, payload, to: addressed, timeout, hold_until: until }, { headers: { "Idempotency-Key": key } });
    notify(t("command_group.sent", { action }));
    navigate(to`command-groups/${made.command_group_id}`);
  };

  return html`<${Page} title=${t("command_group.new")} crumbs=${[{ href: "command-groups", text: t("command_groups.title") }]}>
    <${Section} title=${t("command_group.who")}><div class="form">
      ${isChosen
        ? html`<p>${t("command_groups.to_chosen", { n: chosen.length })} <button type="button" class="quiet" onClick=${() => change({ chosen: null })}>${t("command_group.not_chosen")}</button></p>
          <details><summary>${t("command_group.which")}</summary><p class="ids">${chosen.map((id) => html`<a key=${id} href=${to`stations/${id}`}>${id}</a> `)}</p></details>`
        : html`<${Place} site_id=${query.site_id} tag=${query.tag} onChange=${change} onReached=${setReached} onTyping=${setTyping} />`}
    </div><//>
    <${Section} title=${t("command_group.what")}><div class="form">
      <${SelectField} label=${t("command_groups.action")} empty=${t("command_group.choose")} options=${ACTIONS.map((one) => ({ value: one, text: one }))} value=${action}
        hint=${t("command_group.of_one")}
        onChange=${(/** @type {string} */ next) => {
          setPayload({});
          change({ action: next, payload: null });
        }} />
    </div>
    ${action && html`<${Form} onSubmit=${send} submit=${stations === null ? t("send.submit", { action }) : t("command_group.submit", { n: stations, stations: count(stations), action })}
        disabled=${payload === null || !isNamed || !stations || isTyping}>
      <${CommandForm} key=${action} action=${action} version=${VERSION} value=${payload} onChange=${setPayload} />
      <div class="columns">
        <${SelectField} label=${t("command_group.hold")} name="hold_until" hint=${t("send.hold_hint")} value=${hold} onChange=${setHold}
          options=${HOLDS_S.map((seconds) => ({ value: String(seconds), text: t(`send.hold.${seconds}`) }))} />
        <${NumberField} label=${t("send.timeout")} name="timeout" hint=${t("send.timeout_hint")} value=${timeout} onChange=${setTimeout_} min=${1} max=${300} step="any" required />
      </div>
      ${!stations && html`<p class="hint">${t("command_group.nobody")}</p>`}
    <//>`}
    <//>
  <//>`;
}

/**
 * @param {{site_id?: string, tag?: string, onChange: (changes: Record<string, string | null>) => void, onReached: (n: number | null) => void,
 *   onTyping: (isTyping: boolean) => void}} props
 */
function Place({ site_id, tag, onChange, onReached, onTyping }) {
  const sites = useSites();
  return html`
    <p class="hint">${t("command_group.who_hint")} <a href="stations">${t("stations.title")}</a></p>
    <${SelectField} label=${t("stations.site")} empty=${t("command_group.any_site")} value=${site_id}
      options=${(sites.data ?? []).map((/** @type {any} */ site) => ({ value: site.site_id, text: site.name }))} onChange=${(/** @type {string} */ id) => onChange({ site_id: id })} />
    <${Tag} value=${tag ?? ""} onChange=${(/** @type {string} */ value) => onChange({ tag: value })} onTyping=${onTyping} />
    ${site_id || tag ? html`<${Reached} site_id=${site_id} tag=${tag} onReached=${onReached} />` : null}`;
}

/** Taken over when it is left: stations are asked for by it. @param {{value: string, onChange: (value: string) => void, onTyping: (isTyping: boolean) => void}} props */
function Tag({ value, onChange, onTyping }) {
  const [text, setText] = useState(value);
  const isTyping = text.trim() !== value;
  useLayoutEffect(() => {
    onTyping(isTyping);
    return () => onTyping(false);
  }, [isTyping]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = setTimeout(() => onChange(text.trim()), 400);
    return () => clearTimeout(timer);
  }, [text]);
  return html`<${TextField} label=${t("stations.tag")} hint=${t("command_group.tag_hint")} maxLength=${64} value=${text} onChange=${setText} />`;
}

/** @param {{site_id?: string, tag?: string, onReached: (n: number | null) => void}} props */
function Reached({ site_id, tag, onReached }) {
  const fleet = useFleet({ site_id, tag });
  const n = fleet.rows === null || fleet.loading ? null : fleet.rows.length;
  useEffect(() => {
    onReached(n);
    return () => onReached(null);
  }, [n]);
  if (fleet.problem) return html`<${ProblemNotice} problem=${fleet.problem} onRetry=${fleet.reload} />`;
  if (fleet.rows === null || n === null) return html`<${Loading} />`;
  const counts = countsOf(fleet.rows);
  return html`<p role="status">${n === 0 ? t("command_group.reaches_none") : t("stations.count", { n, stations: count(n), online: count(counts.online) })}</p>
    ${n > 0 && html`<p><a href=${`stations?${new URLSearchParams({ ...(site_id && { site_id }), ...(tag && { tag }) })}`}>${t("command_group.which")}</a></p>`}`;
}
