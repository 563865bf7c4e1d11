"""Items find their transaction when its start arrives, in turns, or by hand."""
