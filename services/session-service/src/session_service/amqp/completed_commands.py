"""Which handler follows up which command's end (`command.completed`)."""

from csms_shared.completed_commands import CompletedHandler

# In the order in which their locks are taken. The ends of other actions change nothing.
completed_command_handlers: dict[str, CompletedHandler] = {}
