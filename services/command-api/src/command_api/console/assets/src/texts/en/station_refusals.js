export default {
  "station_refusals.address": "From address",
  "station_refusals.check": "What to do",
  "station_refusals.empty": "This station was never turned away, as far as is known.",
  "station_refusals.empty_filtered": "It was not turned away in this time.",
  "station_refusals.first": "First",
  "station_refusals.from": "From",
  "station_refusals.last": "Last",
  "station_refusals.open": "Open refusal",
  "station_refusals.times": "Times",
  "station_refusals.to": "To",
  "station_refusals.why": "In detail",
};
