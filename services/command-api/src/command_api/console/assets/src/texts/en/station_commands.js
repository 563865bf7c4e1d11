export default {
  "station_commands.asked": "Content",
  "station_commands.empty": "Nothing was sent to this station yet.",
  "station_commands.empty_filtered": "No command fits the filters.",
  "station_commands.none_known": "It speaks {version}, of which no command is known here.",
  "station_commands.offline": "The station is offline. A command can be held until it connects.",
  "station_commands.others": "Other commands",
  "station_commands.send": "Send a command",
  "station_commands.sent": "Commands so far",
  "station_commands.unknown": "There is no command {action} that could be sent to this station.",
};
