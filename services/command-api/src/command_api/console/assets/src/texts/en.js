// The catalogue of English: one file for each part of the console.

import access from "./en/access.js";
import bulk from "./en/bulk.js";
import commandHelp from "./en/command_help.js";
import commands from "./en/commands.js";
import curve from "./en/curve.js";
import decisions from "./en/decisions.js";
import fleet from "./en/fleet.js";
import frame from "./en/frame.js";
import jobs from "./en/jobs.js";
import money from "./en/money.js";
import overview from "./en/overview.js";
import refusalReasons from "./en/refusal_reasons.js";
import refusals from "./en/refusals.js";
import rollouts from "./en/rollouts.js";
import security from "./en/security.js";
import station from "./en/station.js";
import stationCertificates from "./en/station_certificates.js";
import stationCharging from "./en/station_charging.js";
import stationCommands from "./en/station_commands.js";
import stationConfiguration from "./en/station_configuration.js";
import stationLocalList from "./en/station_local_list.js";
import stationMessages from "./en/station_messages.js";
import stationRefusals from "./en/station_refusals.js";
import stationReservations from "./en/station_reservations.js";
import stationSettings from "./en/station_settings.js";
import stationTimeline from "./en/station_timeline.js";
import suite from "./en/suite.js";
import tokens from "./en/tokens.js";
import transactions from "./en/transactions.js";

/** @type {Record<string, string | Record<string, string>>} */
const catalogue = {
  ...access,
  ...bulk,
  ...commandHelp,
  ...commands,
  ...curve,
  ...decisions,
  ...fleet,
  ...frame,
  ...jobs,
  ...money,
  ...overview,
  ...refusalReasons,
  ...refusals,
  ...rollouts,
  ...security,
  ...station,
  ...stationCertificates,
  ...stationCharging,
  ...stationCommands,
  ...stationConfiguration,
  ...stationLocalList,
  ...stationMessages,
  ...stationRefusals,
  ...stationReservations,
  ...stationSettings,
  ...stationTimeline,
  ...suite,
  ...tokens,
  ...transactions,
};
export default catalogue;
