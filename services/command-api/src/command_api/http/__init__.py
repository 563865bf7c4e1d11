"""REST: one router module per resource, problems, authentication, the event stream."""

from command_api.http.requests.raw_paths import register_segments

register_segments()
