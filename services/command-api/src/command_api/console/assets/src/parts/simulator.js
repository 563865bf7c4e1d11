// What a session would cost by a tariff, before anybody has charged.

import { at, post } from "../lib/api.js";
import { timeZones } from "../lib/places.js";
import { ownZone } from "../lib/times.js";
import { t } from "../lib/text.js";
import { html, useMemo, useState } from "../lib/view.js";
import { CostInFull, ExplainedReasons } from "./cost.js";
import { Form, NumberField, TextField, TimeField, useFieldProblem } from "./form.js";

const HOUR_MS = 3_600_000;
const KWH = 1000;

/** @typedef {{at: string | null, kwh: number | null}} Reading `kwh`: since the start */
/** @typedef {{start: string | null, stop: string | null, kwh: number | null, zone: string, readings: Reading[]}} Session */

/** Two hours that have just passed. @returns {Session} */
function example() {
  const stop = Math.floor(Date.now() / HOUR_MS) * HOUR_MS;
  return { start: new Date(stop - 2 * HOUR_MS).toISOString(), stop: new Date(stop).toISOString(), kwh: 22, zone: ownZone(), readings: [] };
}

/** @param {number | null} kwh */
const wattHours = (kwh) => (kwh === null ? null : Math.round(kwh * KWH * 1000) / 1000);

/** @param {{tariff_id: string, version: number}} props */
export function Simulator({ tariff_id, version }) {
  const [session, setSession] = useState(example);
  const [cost, setCost] = useState(/** @type {any} */ (null));
  const zones = useMemo(timeZones, []);
  const set = (/** @type {string} */ name) => (/** @type {any} */ value) => setSession((before) => ({ ...before, [name]: value }));
  const simulate = async () => {
    setCost(null);
    const { start, stop, kwh, zone, readings } = session;
    setCost(await post(at`/tariffs/${tariff_id}/simulate`, {
      version, started_at: start, stopped_at: stop, time_zone: zone, meter_start: 0, meter_stop: wattHours(kwh),
      readings: readings.map((one) => ({ at: one.at, energy_wh: wattHours(one.kwh) })),
    }));
  };
  return html`<p class="hint">${t("simulate.text")}</p>
    <${Form} onSubmit=${simulate} submit=${t("simulate.submit")}>
      <div class="pair">
        <${TimeField} label=${t("simulate.start")} name="started_at" hint=${t("simulate.own_zone")} required value=${session.start} onChange=${set("start")} />
        <${TimeField} label=${t("simulate.stop")} name="stopped_at" required value=${session.stop} onChange=${set("stop")} />
      </div>
      <div class="pair">
        <${NumberField} label=${t("transactions.energy")} unit="kWh" name="meter_stop" required min=${0} step="any" value=${session.kwh} onChange=${set("kwh")} />
        <${TextField} label=${t("simulate.zone")} name="time_zone" hint=${t("simulate.zone_hint")} required list=${zones} value=${session.zone} onChange=${set("zone")} />
      </div>
      <${Readings} readings=${session.readings} start=${session.start} onChange=${set("readings")} />
    <//>
    <div role="status" aria-label=${t("simulate.result")}>${cost && html`<h3>${t("simulate.result")}</h3>
      ${cost.review.length > 0 && html`<${ExplainedReasons} reasons=${cost.review} />`}
      <${CostInFull} cost=${cost} />`}</div>`;
}

/** @param {{readings: Reading[], start: string | null, onChange: (readings: Reading[]) => void}} props */
function Readings({ readings, start, onChange }) {
  const wrong = useFieldProblem("readings");
  const set = (/** @type {number} */ n, /** @type {Partial<Reading>} */ said) => onChange(readings.with(n, { ...readings[n], ...said }));
  return html`<fieldset><legend>${t("simulate.readings")}</legend>
    <p class="hint">${t("simulate.readings_hint")}</p>
    ${wrong && html`<small class="wrong">${wrong}</small>`}
    ${readings.map((one, n) => html`<div key=${n} class="hours">
      <${TimeField} label=${t("simulate.at")} name=${`readings[${n}].at`} required value=${one.at} onChange=${(/** @type {string | null} */ at_) => set(n, { at: at_ })} />
      <${NumberField} label=${t("simulate.since_start")} unit="kWh" name=${`readings[${n}].energy_wh`} required min=${0} step="any" value=${one.kwh} onChange=${(/** @type {number | null} */ kwh) => set(n, { kwh })} />
      <button type="button" class="quiet" onClick=${() => onChange(readings.filter((_, at_) => at_ !== n))}>${t("simulate.without_reading", { n: n + 1 })}</button>
    </div>`)}
    <div class="actions"><button type="button" onClick=${() => onChange([...readings, { at: readings[readings.length - 1]?.at ?? start, kwh: null }])}>${t("simulate.add_reading")}</button></div>
  </fieldset>`;
}
