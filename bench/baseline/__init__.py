"""What a Python developer would otherwise write: one process, one commit per message, no broker."""
