// The suite itself: who answers, what waits, how much is stored, when it was backed up.

import { get } from "../lib/api.js";
import { useEvery, useLive } from "../lib/live.js";
import { t, word } from "../lib/text.js";
import { count, duration, size } from "../lib/units.js";
import { html, useState } from "../lib/view.js";
import { Loaded } from "../parts/loaded.js";
import { Facts, Page, Section } from "../parts/page.js";
import { Ago, Moment, State } from "../parts/shown.js";
import { Table } from "../parts/table.js";

const ANEW_MS = 5000;

export default function System() {
  const system = useLive((signal) => get("/system", {}, signal), []);
  useEvery(ANEW_MS, system.reload);
  return html`<${Page} title=${t("system.title")} subtitle=${system.data && html`<span class="none">${t("system.version", { version: system.data.version })} · ${t("overview.as_of")} <${Moment} at=${system.data.time} short /></span>`}
      actions=${html`<a class="button" href="system-events">${t("system_events.title")}</a>`}>
    <${Loaded} of=${system}>${(/** @type {any} */ data) => html`
      ${data.warnings.length > 0 && html`<${Section} title=${t("system.warnings")}><${Warnings} of=${data.warnings} /><//>`}
      ${data.paused.length > 0 && html`<${Section} title=${t("system.paused")}><${Paused} of=${data.paused} /><//>`}
      <${Section} title=${t("system.services")}><${Services} of=${data.services} /><//>
      <${Section} title=${t("system.gateways")}>${data.gateways ? html`<${Gateways} of=${data.gateways} />` : html`<p class="none">${t("system.not_known")}</p>`}<//>
      <div class="columns">
        <${Section} title=${t("system.broker")}><${Broker} of=${data.broker} /><//>
        <${Section} title=${t("system.database")}><${Database} of=${data.database} /><//>
      </div>
      <${Section} title=${t("system.backups")}>${data.backups ? html`<${Backups} of=${data.backups} />` : html`<p class="none">${t("system.not_known")}</p>`}<//>
      <${Section} title=${t("system.upkeep")}><details><summary>${t("system.tasks", { n: data.upkeep.length })}</summary><${Upkeep} of=${data.upkeep} /></details><//>`}<//>
  <//>`;
}

/** @param {{of: any[]}} props */
const Warnings = ({ of: warnings }) => html`<${Table} label=${t("system.warnings")} rows=${warnings} keyOf=${(/** @type {any} */ one) => [one.service, one.instance, one.name].join(" ")} columns=${[
  { key: "name", title: t("system.warning"), show: (/** @type {any} */ one) => html`<${State} of=${one.name} tone="busy" />` },
  { key: "service", title: t("system.service"), show: (/** @type {any} */ one) => one.service },
  { key: "text", title: t("system.text"), wide: true, show: (/** @type {any} */ one) => one.text },
  { key: "instance", title: t("system.instance"), show: (/** @type {any} */ one) => one.instance },
]} />`;

/** @param {{of: any[]}} props */
const Paused = ({ of: paused }) => html`<p>${t("system.paused_text")}</p><${Table} label=${t("system.paused")} rows=${paused} keyOf=${(/** @type {any} */ one) => `${one.instance} ${one.queue}`} columns=${[
  { key: "queue", title: t("system.queue"), show: (/** @type {any} */ one) => one.queue },
  { key: "service", title: t("system.service"), show: (/** @type {any} */ one) => one.service },
  { key: "instance", title: t("system.instance"), show: (/** @type {any} */ one) => one.instance },
]} />`;

/** @param {{of: any[]}} props */
const Services = ({ of: services }) => html`<${Table} label=${t("system.services")} rows=${services} keyOf=${(/** @type {any} */ one) => one.name} columns=${[
  { key: "name", title: t("system.service"), show: (/** @type {any} */ one) => one.name },
  { key: "state", title: t("system.state"), show: (/** @type {any} */ one) => (one.state ? html`<${State} of=${one.state} />` : html`<span class="none">${t("system.not_known")}</span>`) },
  { key: "replicas", title: t("system.replicas"), number: true, show: (/** @type {any} */ one) => count(one.replicas) },
  { key: "instances", title: t("system.instances"), wide: true, show: (/** @type {any} */ one) => one.instances && html`<ul class="plain">${one.instances.map((/** @type {any} */ each) =>
    html`<li key=${each.instance}>${each.instance} <span class="none">${t("system.instance_since", { version: each.version })} <${Ago} at=${each.since} /></span></li>`)}</ul>` },
]} />`;

/** @param {{of: any[]}} props */
const Gateways = ({ of: gateways }) => html`<${Table} label=${t("system.gateways")} rows=${gateways} keyOf=${(/** @type {any} */ one) => one.gateway_id} empty=${t("system.no_gateways")} columns=${[
  { key: "name", title: t("system.gateway"), show: (/** @type {any} */ one) => one.name },
  { key: "connections", title: t("system.connections"), number: true, show: (/** @type {any} */ one) => count(one.connections) },
  { key: "lease", title: t("system.lease"), show: (/** @type {any} */ one) => html`<${State} of=${one.unconfirmed ? "unconfirmed" : "up"} />` },
  { key: "renewed", title: t("system.renewed"), show: (/** @type {any} */ one) => html`<${Ago} at=${one.renewed_at} />` },
  { key: "started", title: t("system.started"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.started_at} />` },
  { key: "version", title: t("system.version_title"), show: (/** @type {any} */ one) => one.version },
  { key: "id", title: t("system.instance"), show: (/** @type {any} */ one) => one.gateway_id },
]} />`;

/** @param {{of: any}} props */
function Broker({ of: broker }) {
  const [order, setOrder] = useState({ by: "ready", descending: true });
  const waiting = (broker.queues ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ one) => sum + one.ready, 0);
  const unserved = (broker.queues ?? []).filter((/** @type {any} */ one) => one.consumers === 0).length;
  return html`<${Facts} rows=${[[t("system.state"), html`<${State} of=${broker.state} />`], [t("system.version_title"), broker.version]]} />
    ${broker.queues && html`<p>${waiting === 0 ? t("system.nothing_waits") : t("system.waiting", { n: waiting, count: count(waiting) })} ${unserved > 0 && html`<${State} of=${t("system.unserved", { n: unserved })} tone="bad" />`}</p>
      <details><summary>${t("system.all_queues", { n: broker.queues.length })}</summary><${Table} label=${t("system.queues")} rows=${broker.queues} keyOf=${(/** @type {any} */ one) => one.name} order=${order} onOrder=${setOrder} columns=${[
        { key: "name", title: t("system.queue"), sort: (/** @type {any} */ one) => one.name, show: (/** @type {any} */ one) => one.name },
        { key: "ready", title: t("system.ready"), number: true, sort: (/** @type {any} */ one) => one.ready, show: (/** @type {any} */ one) => count(one.ready) },
        { key: "consumers", title: t("system.consumers"), number: true, sort: (/** @type {any} */ one) => one.consumers, show: (/** @type {any} */ one) => count(one.consumers) },
      ]} /></details>`}`;
}

/** @param {{of: any}} props */
const Database = ({ of: database }) => html`<${Facts} rows=${[[t("system.state"), html`<${State} of=${database.state} />`], [t("system.version_title"), database.version], [t("system.size"), size(database.size_bytes)]]} />
  ${database.schemas && html`<h3>${t("system.schemas")}</h3><${Table} label=${t("system.schemas")} rows=${database.schemas} keyOf=${(/** @type {any} */ one) => one.name} columns=${[
    { key: "name", title: t("system.schema"), show: (/** @type {any} */ one) => one.name },
    { key: "size", title: t("system.size"), number: true, show: (/** @type {any} */ one) => size(one.size_bytes) },
  ]} />`}`;

/** @param {{of: any[]}} props */
const Backups = ({ of: backups }) => backups.length === 0
  ? html`<p>${t("system.no_backups")}</p>`
  : html`<p>${t("system.backups_last")} <${Ago} at=${backups[0].ended_at} />.</p><${Table} label=${t("system.backups")} rows=${backups} keyOf=${(/** @type {any} */ one) => `${one.ended_at} ${one.place}`} columns=${[
    { key: "ended", title: t("system.ended"), show: (/** @type {any} */ one) => html`<${Moment} at=${one.ended_at} />` },
    { key: "took", title: t("system.took"), number: true, show: (/** @type {any} */ one) => duration((Date.parse(one.ended_at) - Date.parse(one.began_at)) / 1000) },
    { key: "size", title: t("system.size"), number: true, show: (/** @type {any} */ one) => size(one.size_bytes) },
    { key: "place", title: t("system.file"), wide: true, show: (/** @type {any} */ one) => one.place },
  ]} />`;

/** @param {{of: any[]}} props */
const Upkeep = ({ of: upkeep }) => html`<${Table} label=${t("system.upkeep")} rows=${upkeep} keyOf=${(/** @type {any} */ one) => `${one.service} ${one.task}`} empty=${t("system.no_upkeep")} columns=${[
  { key: "task", title: t("system.task"), show: (/** @type {any} */ one) => word(one.task) },
  { key: "service", title: t("system.service"), show: (/** @type {any} */ one) => one.service },
  { key: "began", title: t("system.began"), show: (/** @type {any} */ one) => html`<${Ago} at=${one.began_at} />` },
]} />`;
