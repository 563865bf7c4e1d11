"""What OCPI 2.2.1 demands of a CDR, after mod_cdrs and mod_tariffs: fields, types, lengths."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt

_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$"
_ASCII, _PRINTABLE = r"^[\x20-\x7e]*$", r"^[^\x00-\x1f\x7f]*$"
DateTime = Annotated[str, Field(pattern=_TIME, max_length=25)]
Number = StrictInt | StrictFloat


def ci(most: int) -> Any:
    return Field(pattern=_ASCII, min_length=1, max_length=most)


def text(most: int) -> Any:
    return Field(pattern=_PRINTABLE, max_length=most)


class _Object(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Price(_Object):
    excl_vat: Number
    incl_vat: Number | None = None


class CdrToken(_Object):
    country_code: Annotated[str, ci(2)]
    party_id: Annotated[str, ci(3)]
    uid: Annotated[str, ci(36)]
    type: Literal["AD_HOC_USER", "APP_USER", "OTHER", "RFID"]
    contract_id: Annotated[str, ci(36)]


class GeoLocation(_Object):
    latitude: Annotated[str, Field(pattern=r"^-?[0-9]{1,2}\.[0-9]{5,7}$", max_length=10)]
    longitude: Annotated[str, Field(pattern=r"^-?[0-9]{1,3}\.[0-9]{5,7}$", max_length=11)]


class CdrLocation(_Object):
    id: Annotated[str, ci(36)]
    name: Annotated[str, text(255)] | None = None
    address: Annotated[str, text(45)]
    city: Annotated[str, text(45)]
    postal_code: Annotated[str, text(10)] | None = None
    state: Annotated[str, text(20)] | None = None
    country: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    coordinates: GeoLocation
    evse_uid: Annotated[str, ci(36)]
    evse_id: Annotated[str, ci(48)]
    connector_id: Annotated[str, ci(36)]
    connector_standard: Annotated[str, Field(pattern="^[A-Za-z0-9_]+$")]
    connector_format: Literal["SOCKET", "CABLE"]
    connector_power_type: Literal[
        "AC_1_PHASE", "AC_2_PHASE", "AC_2_PHASE_SPLIT", "AC_3_PHASE", "DC"
    ]


class CdrDimension(_Object):
    type: Literal[
        "ENERGY",
        "MAX_CURRENT",
        "MIN_CURRENT",
        "MAX_POWER",
        "MIN_POWER",
        "PARKING_TIME",
        "RESERVATION_TIME",
        "TIME",
    ]
    volume: Number


class ChargingPeriod(_Object):
    start_date_time: DateTime
    dimensions: Annotated[list[CdrDimension], Field(min_length=1)]
    tariff_id: Annotated[str, ci(36)] | None = None


class SignedValue(_Object):
    nature: Annotated[str, ci(32)]
    plain_data: Annotated[str, Field(max_length=5000)]
    signed_data: Annotated[str, Field(max_length=5000)]


class SignedData(_Object):
    encoding_method: Annotated[str, ci(36)]
    encoding_method_version: StrictInt | None = None
    public_key: Annotated[str, Field(max_length=512)] | None = None
    signed_values: Annotated[list[SignedValue], Field(min_length=1)]
    url: Annotated[str, Field(max_length=512)] | None = None


class Tariff(BaseModel):
    """Its elements are what billing-service reads strictly itself."""

    country_code: Annotated[str, ci(2)]
    party_id: Annotated[str, ci(3)]
    id: Annotated[str, ci(36)]
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    elements: Annotated[list[dict[str, Any]], Field(min_length=1)]
    last_updated: DateTime


class Cdr(_Object):
    country_code: Annotated[str, ci(2)]
    party_id: Annotated[str, ci(3)]
    id: Annotated[str, ci(39)]
    start_date_time: DateTime
    end_date_time: DateTime
    session_id: Annotated[str, ci(36)] | None = None
    cdr_token: CdrToken
    auth_method: Literal["AUTH_REQUEST", "COMMAND", "WHITELIST"]
    authorization_reference: Annotated[str, ci(36)] | None = None
    cdr_location: CdrLocation
    meter_id: Annotated[str, text(255)] | None = None
    currency: Annotated[str, Field(min_length=3, max_length=3)]
    tariffs: list[Tariff] = Field(default_factory=list)
    charging_periods: Annotated[list[ChargingPeriod], Field(min_length=1)]
    signed_data: SignedData | None = None
    total_cost: Price
    total_fixed_cost: Price | None = None
    total_energy: Number
    total_energy_cost: Price | None = None
    total_time: Number
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: Annotated[str, text(255)] | None = None
    invoice_reference_id: Annotated[str, ci(39)] | None = None
    credit: StrictBool | None = None
    credit_reference_id: Annotated[str, ci(39)] | None = None
    home_charging_compensation: StrictBool | None = None
    last_updated: DateTime
