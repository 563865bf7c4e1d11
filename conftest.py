"""Fixtures that every test may use."""

pytest_plugins = ["csms_local.pytest_nodes"]
