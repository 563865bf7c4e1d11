"""Every reason for which a gateway refuses a handshake is explained, also in the documentation."""

import re
from pathlib import Path

from command_api.refused_stations.domain import EXPLANATIONS

ROOT = Path(__file__).parents[4]
GATEWAY = ROOT / "services" / "ws-gateway" / "src" / "ws_gateway"
# Refusals that nobody is told of: whoever asked has gone.
UNTOLD = {"client_gone"}
# What a claim is answered, and the like: taken from the messages between the services.
_CLAIMED = {
    "bad_certificate",
    "bad_credentials",
    "client_certificate_refused",
    "missing_subprotocol",
    "tenant_suspended",
    "too_many_unknown_stations",
    "unknown_station",
    "wrong_security_profile",
}


def _reasons() -> set[str]:
    """Return the reasons in the gateway's source."""
    handshake = "".join(
        (GATEWAY / "websocket" / f"{name}.py").read_text()
        for name in ("upgrade_request", "handshake")
    )
    reasons = set(re.findall(r'unavailable\(\s*"(\w+)"', handshake))
    reasons |= set(re.findall(r'Refused\(\s*HTTPStatus\.\w+,\s*"(\w+)"', handshake))
    reasons |= set(re.findall(r'reason = "(\w+)" if .* else "(\w+)"', handshake)[0])
    policy = (GATEWAY / "websocket" / "admission_policy.py").read_text()
    reasons |= set(re.findall(r'Throttled\("(\w+)"', policy))
    reasons |= set(re.findall(r'= "(\w+)"', (GATEWAY / "domain" / "identity.py").read_text()))
    limiter = (GATEWAY / "websocket" / "connection_limiter.py").read_text()
    reasons |= set(re.findall(r'"(handshake_\w+|gateway_ended)"', limiter))
    socket = (GATEWAY / "websocket" / "socket.py").read_text()
    reasons |= set(re.findall(r'give_up\("(\w+)"', socket)) | {"not_http"}
    for path in (GATEWAY / "domain" / "tls_faults.py", GATEWAY / "websocket" / "tls_handshake.py"):
        reasons |= set(re.findall(r'TlsFault\("(\w+)"', path.read_text()))
    ownership = (ROOT / "shared/src/csms_shared/contracts/ownership.py").read_text()
    outcomes = ownership.partition("class ClaimOutcome")[2].partition("class Claim(")[0]
    reasons |= set(re.findall(r'CLIENT_CERTIFICATE_REFUSED = "(\w+)"', ownership))
    return (reasons | set(re.findall(r'= "(\w+)"', outcomes))) - {"accepted", "/ocpp/"} - UNTOLD


def test_every_reason_of_the_gateway_is_explained() -> None:
    reasons = _reasons()
    assert len(reasons) > 20
    assert reasons - EXPLANATIONS.keys() == set()


def test_the_gateway_counts_each_from_0() -> None:
    told = (GATEWAY / "metrics.py").read_text()
    listed = told.partition("REFUSAL_REASONS = (")[2].partition("\n)")[0]
    assert set(re.findall(r'"(\w+)"', listed)) | _CLAIMED == _reasons() | UNTOLD


def test_the_documentation_explains_each_in_the_same_words() -> None:
    page = (ROOT / "docs" / "refused-stations.md").read_text()
    for reason, explanation in EXPLANATIONS.items():
        section = page.partition(f"### `{reason}`\n")[2].partition("\n### ")[0]
        assert section.strip().startswith(f"{explanation.title}.")
        assert [line[2:] for line in section.splitlines() if line.startswith("- ")] == [
            *explanation.check
        ]
