"""Claims, releases, re-assertions, leases, and what gateways are told after a commit."""
