"""The operators' page, static files without a build step."""
