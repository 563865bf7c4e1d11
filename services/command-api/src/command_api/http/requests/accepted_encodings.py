"""Which encodings of an answer a client takes (RFC 9110, 12.5.3)."""

from starlette.requests import Request

from csms_shared.values.numbers import parse_number

_ALL = "*"


def accepts(request: Request, encoding: str) -> bool:
    """Tell whether the client takes this encoding; one that says nothing takes none."""
    weights: dict[str, float] = {}
    for given in ",".join(request.headers.getlist("Accept-Encoding")).split(","):
        name, _, parameter = given.partition(";")
        weights[name.strip().lower()] = _weight(parameter)
    return weights.get(encoding, weights.get(_ALL, 0.0)) > 0


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().lower() != "q":
        return 1.0
    # What can't be read is not wanted.
    return parse_number(value.strip()) or 0.0
