"""One module per resource; `bulk_actions` and `job_bodies` are shared by several of them."""
