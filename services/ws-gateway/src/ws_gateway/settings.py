"""What the gateway is told by its environment."""

from typing import Annotated

from pydantic import Field, SecretStr, StringConstraints

from csms_shared.values.trusted_proxies import Networks
from ws_gateway.limit_settings import LimitSettings


class GatewaySettings(LimitSettings):
    """Settings of one gateway process."""

    gateway_port: int = Field(9000, ge=0, le=65535, description="port that stations connect to")
    ocpp_listen_fd: int | None = Field(
        None, ge=3, description="inherited listening socket that is served besides the port"
    )
    serve_plain: bool = Field(
        True, description="whether the port without TLS is served; false leaves the TLS port"
    )
    tls_port: int | None = Field(
        None, ge=0, le=65535, description="port that stations connect to by TLS"
    )
    tls_listen_fd: int | None = Field(
        None, ge=3, description="inherited listening socket that is served by TLS"
    )
    tls_proxy_protocol: bool = Field(
        False,
        description="whether trusted proxies pass TLS on unread, and begin each connection to the "
        "TLS port with a PROXY protocol header of version 2",
    )
    tls_rsa_certificate: str = Field(
        "", description="PEM file of the RSA server certificate and its chain"
    )
    tls_rsa_key: str = Field("", description="PEM file of its key, not encrypted")
    tls_ecdsa_certificate: str = Field(
        "", description="PEM file of the ECDSA server certificate and its chain"
    )
    tls_ecdsa_key: str = Field("", description="PEM file of its key, not encrypted")
    tls_client_ca: str = Field(
        "", description="PEM file of the CAs of stations' certificates; none: none is asked for"
    )
    tls_crl: str = Field("", description="PEM file of these CAs' revocation lists")
    credential_pepper: SecretStr = Field(
        min_length=16, description="secret that stations' passwords are hashed with, one per suite"
    )
    # No dot: names are parts of routing keys.
    gateway_name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = Field(
        "gateway", description="this gateway's name in lists and logs: letters, digits, - and _"
    )
    trusted_proxies: Networks = Field(
        "", description="addresses or networks, by comma, whose X-Forwarded-* and Client-Cert count"
    )
    drain_seconds: float = Field(
        30.0, ge=0, le=3600, description="how long closing all stations is spread over at the end"
    )
    recorder: bool = Field(
        True, description="whether every frame of a station is recorded (docs/flight-recorder.md)"
    )
