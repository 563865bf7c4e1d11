"""One module per functional block: load for the batch, decide, store changes and events."""
