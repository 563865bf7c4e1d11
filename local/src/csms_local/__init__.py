"""Everything behind `make run`: private nodes, a supervisor of the services, one balanced port."""
