"""Costs: what was charged and reserved, at the prices of a tariff."""
