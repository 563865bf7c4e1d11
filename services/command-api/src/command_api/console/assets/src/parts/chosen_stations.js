// The stations that were chosen on one page, for the page that is about them all: too many for an address.

const KEY = "csms.chosen_stations";

/** @param {string[]} ids */
export const keepChosen = (ids) => sessionStorage.setItem(KEY, JSON.stringify(ids));

/** @returns {string[]} */
export const chosenStations = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");
