"""REST, the console and the documentation, over HTTP."""
