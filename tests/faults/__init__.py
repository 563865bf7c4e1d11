"""The suite under faults: what is injected, and what nine invariants say afterwards."""
