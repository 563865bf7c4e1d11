export default {
  "curve.empty": "Nothing was measured yet.",
  "curve.in_table": "The numbers are in the table below.",
  "curve.table": "Show the numbers as a table",
  "curve.time": "Time",
};
