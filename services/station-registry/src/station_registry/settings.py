"""What station-registry is told at its start."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from csms_shared.contracts.stations import BootPolicy
from csms_shared.db.settings import DatabaseSettings
from csms_shared.values.tenants import DEFAULT_TENANT, TenantId
from station_registry.certificates.domain.requests import SigningPolicy
from station_registry.credentials.domain.security_profiles import ProfileRules
from station_registry.provisioning.domain.registration import Policies, UnknownStations

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class RegistrySettings(DatabaseSettings):
    """Settings of station-registry."""

    unknown_stations: UnknownStations = Field(
        "reject",
        description="what becomes of stations that nobody created: reject, pending, accept",
    )
    max_unknown_stations: int = Field(
        1000, ge=0, description="how many unknown stations are created at most"
    )
    unknown_stations_tenant: TenantId = Field(
        DEFAULT_TENANT, description="whose the unknown stations are that are created"
    )
    heartbeat_interval: int = Field(
        300, ge=1, le=86_400, description="seconds between heartbeats of stations without their own"
    )
    heartbeat_event_seconds: int = Field(
        900,
        ge=0,
        le=86_400,
        description="seconds in which the event station.heartbeat is told of a station at most "
        "once; 0: never",
    )
    boot_policy: BootPolicy = Field(
        "accept",
        description="answer to boots of stations without their own: accept, pending, reject",
    )
    min_security_profile: int = Field(
        0, ge=0, le=3, description="least security profile that any station may connect with"
    )
    recording_retention_days: int = Field(
        7, ge=1, le=3650, description="days that recorded frames are kept"
    )
    history_retention_days: int = Field(
        400, ge=1, le=3650, description="days that stations' histories are kept"
    )
    operator_name: str = Field(
        "",
        max_length=64,
        description="the operator's name (CpoName), the O of every station's certificate; "
        "without it none is signed, and none lets a station in",
    )
    ca_folder: Path | None = Field(
        None,
        description="folder of the built-in certificate authority: ca.pem and ca.key, made at "
        "first need where both are missing; the same in every replica",
    )
    ca_passphrase: SecretStr | None = Field(
        None, min_length=16, description="what ca.key is encrypted with"
    )
    signer_url: str | None = Field(
        None, description="https URL of an external signer, in place of the built-in authority"
    )
    signer_token: SecretStr | None = Field(
        None, min_length=1, description="bearer token that the external signer is sent"
    )
    certificate_days: int = Field(
        365, ge=1, le=3650, description="days that a station's certificate is valid"
    )
    certificate_renewal_days: int = Field(
        30, ge=1, le=365, description="days before its end that a new certificate is asked for"
    )

    @model_validator(mode="after")
    def _signs_one_way(self) -> Self:
        if self.ca_folder is not None and self.signer_url is not None:
            raise ValueError("CSMS_CA_FOLDER and CSMS_SIGNER_URL exclude each other")
        if self.ca_folder is not None and self.ca_passphrase is None:
            raise ValueError("CSMS_CA_FOLDER needs CSMS_CA_PASSPHRASE")
        if self.signer_url is not None:
            url = urlsplit(self.signer_url)
            plain_but_here = url.scheme == "http" and url.hostname in _LOOPBACK
            if not url.hostname or not (url.scheme == "https" or plain_but_here):
                raise ValueError("CSMS_SIGNER_URL must be an https URL")
        if self.certificate_renewal_days >= self.certificate_days:
            raise ValueError("CSMS_CERTIFICATE_RENEWAL_DAYS must be below CSMS_CERTIFICATE_DAYS")
        return self

    def signing(self) -> SigningPolicy:
        """Return whose certificates are signed, if any."""
        return SigningPolicy(
            self.operator_name, self.ca_folder is not None or self.signer_url is not None
        )

    def policies(self) -> Policies:
        """Return the defaults for stations that have no settings of their own."""
        return Policies(
            boot=self.boot_policy,
            unknown_stations=self.unknown_stations,
            max_unknown_stations=self.max_unknown_stations,
            unknown_stations_tenant=self.unknown_stations_tenant,
            heartbeat_interval_s=self.heartbeat_interval,
            profiles=ProfileRules(self.min_security_profile, self.operator_name),
        )
