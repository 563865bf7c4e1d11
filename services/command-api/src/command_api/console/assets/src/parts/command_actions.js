// The commands that a central system may send, grouped by what they are for.

/** @typedef {{group: string, actions: string[]}} Group `group`: the key of its text is `command.group.GROUP` */

/** @type {Record<string, Group[]>} */
const GROUPS = {
  ocpp16: [
    { group: "charging", actions: ["RemoteStartTransaction", "RemoteStopTransaction", "UnlockConnector", "ReserveNow", "CancelReservation"] },
    { group: "operation", actions: ["Reset", "ChangeAvailability", "TriggerMessage", "ExtendedTriggerMessage", "DataTransfer"] },
    { group: "configuration", actions: ["GetConfiguration", "ChangeConfiguration"] },
    { group: "power", actions: ["SetChargingProfile", "ClearChargingProfile", "GetCompositeSchedule"] },
    { group: "tokens", actions: ["GetLocalListVersion", "SendLocalList", "ClearCache"] },
    { group: "firmware", actions: ["UpdateFirmware", "SignedUpdateFirmware", "GetDiagnostics", "GetLog"] },
    { group: "certificates", actions: ["GetInstalledCertificateIds", "InstallCertificate", "DeleteCertificate", "CertificateSigned"] },
  ],
};

/** Actions of a version by their purpose; none where the version is not known. @param {string} version @returns {Group[]} */
export const actionsOf = (version) => GROUPS[version] ?? [];

// What hurts whatever the command holds.
/** @type {Record<string, string>} */
const ALWAYS = {
  InstallCertificate: "command.hurts.InstallCertificate",
  CertificateSigned: "command.hurts.CertificateSigned",
  DeleteCertificate: "command.hurts.DeleteCertificate",
  RemoteStopTransaction: "command.hurts.RemoteStopTransaction",
  UnlockConnector: "command.hurts.UnlockConnector",
  UpdateFirmware: "command.hurts.UpdateFirmware",
  SignedUpdateFirmware: "command.hurts.SignedUpdateFirmware",
  ClearCache: "command.hurts.ClearCache",
  ClearChargingProfile: "command.hurts.ClearChargingProfile",
  CancelReservation: "command.hurts.CancelReservation",
};

/**
 * The key of the text that says what a command does to those who are charging, or to the station;
 * null where it changes nothing that hurts.
 * @param {string} action @param {Record<string, any>} payload
 */
export function consequence(action, payload) {
  const purpose = (payload.csChargingProfiles ?? payload).chargingProfilePurpose;
  switch (action) {
    case "Reset":
      return payload.type === "Hard" ? "command.hurts.hard_reset" : "command.hurts.soft_reset";
    case "ChangeAvailability":
      return payload.type === "Inoperative" ? (payload.connectorId === 0 ? "command.hurts.all_inoperative" : "command.hurts.inoperative") : null;
    case "SendLocalList":
      return payload.updateType === "Full" ? "command.hurts.full_list" : null;
    case "SetChargingProfile":
      return purpose === "TxProfile" ? "command.hurts.tx_profile" : "command.hurts.profile";
    case "ChangeConfiguration":
      return payload.key === "AuthorizationKey" || payload.key === "SecurityProfile" ? "command.hurts.credentials" : "command.hurts.configuration";
    default:
      return ALWAYS[action] ?? null;
  }
}
