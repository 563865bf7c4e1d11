"""Who holds a station's socket, as a model: docs/ownership.md sets it beside the code."""
