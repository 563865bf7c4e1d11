"""One module per resource; `bulk_actions` and `job_bodies` are shared by several of them."""

from command_api.http.requests.raw_paths import register_segments

register_segments()
