"""The suite under faults: what is injected, and what ten invariants say afterwards."""
