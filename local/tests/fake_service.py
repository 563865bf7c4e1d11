"""Stands in for any of the six services: the same commands, environment and probes, no work."""

import json
import os
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class Answer(BaseHTTPRequestHandler):
    """Answers every path with what this process was started with."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer the probes and everything else alike."""
        body = json.dumps(
            {"pid": os.getpid(), "headers": dict(self.headers), "env": dict(os.environ)}
        ).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


def serve(port: int | None = None, listening: socket.socket | None = None) -> None:
    """Answer on a port of our own, or on an inherited socket."""
    address = ("127.0.0.1", port or 0)
    server = ThreadingHTTPServer(address, Answer, bind_and_activate=listening is None)
    if listening is not None:
        server.socket.close()
        server.socket = listening
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    """Behave as `<service> migrate` or `<service> serve`."""
    name = Path(sys.argv[0]).name
    if sys.argv[1] == "migrate":
        assert os.environ["CSMS_MIGRATION_DATABASE_URL"] != os.environ["CSMS_DATABASE_URL"]
        if os.environ.get("CSMS_FAKE_BROKEN_MIGRATION") == name:
            sys.exit(f"the schema of {name} is newer than this program")
        print(f"{name} is up to date", flush=True)
        return
    serve(port=int(os.environ["CSMS_PROBE_PORT"]))
    if name == "ws-gateway":
        serve(port=int(os.environ["CSMS_GATEWAY_PORT"]))
        if "CSMS_OCPP_LISTEN_FD" in os.environ:
            serve(listening=socket.socket(fileno=int(os.environ["CSMS_OCPP_LISTEN_FD"])))
    if name == "command-api":
        serve(port=int(os.environ["CSMS_HTTP_PORT"]))
    print(f"{name} serves", flush=True)
    signal.sigwait({signal.SIGTERM})


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()
