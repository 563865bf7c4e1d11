"""Where a session was, as OCPI 2.2.1 has it in a charge detail record (mod_cdrs, CdrLocation)."""

import re
from typing import Any

from billing_service.cdrs.domain.countries import THREE_LETTERS
from billing_service.cdrs.domain.texts import Id, fit_id, fit_text
from csms_shared.contracts.hardware import PlugType
from csms_shared.contracts.session_facts import PlaceView, ReservationFactsView, SessionFactsView

# Of the eMI3 standard, Part 2: a country, an operator, and what it calls the EVSE itself.
_EVSE_ID = re.compile(r"[A-Z]{2}\*[A-Z0-9]{3}\*E[A-Z0-9*]{1,30}", re.ASCII)
# Added by OCPI 2.3.0.
_UNKNOWN_TO_OCPI = frozenset((PlugType.MCS, PlugType.SAE_J3400))
_DC = frozenset(
    (
        PlugType.CHADEMO,
        PlugType.CHAOJI,
        PlugType.GBT_DC,
        PlugType.IEC_62196_T1_COMBO,
        PlugType.IEC_62196_T2_COMBO,
        PlugType.PANTOGRAPH_BOTTOM_UP,
        PlugType.PANTOGRAPH_TOP_DOWN,
    )
)
# Plugs that stations have on a cable alone.
_CABLES = _DC | {PlugType.IEC_62196_T1, PlugType.TESLA_R, PlugType.TESLA_S}
_NOT_AVAILABLE = "#NA"
# Of what a receiver should ignore; it has to be something that there is.
_NO_CONNECTOR = {
    "evse_uid": _NOT_AVAILABLE,
    "evse_id": _NOT_AVAILABLE,
    "connector_id": _NOT_AVAILABLE,
    "connector_standard": PlugType.IEC_62196_T2,
    "connector_format": "SOCKET",
    "connector_power_type": "AC_1_PHASE",
}
_AC_POWER = {1: "AC_1_PHASE", 2: "AC_2_PHASE", 3: "AC_3_PHASE"}


def cdr_location(
    subject: SessionFactsView | ReservationFactsView, place: PlaceView | None
) -> dict[str, Any]:
    """Return the location; null where nobody has entered what it would be made of.

    A station without a site is a location of its own. A reservation that nobody used was of no
    connector in the end: what is demanded of one is not available, or any value.
    """
    of_connector = (
        _NO_CONNECTOR
        if isinstance(subject, ReservationFactsView)
        else _of_connector(subject, place)
    )
    return {
        "id": fit_id(subject.site_id or subject.station_id, Id.LOCATION),
        "name": None if place is None else fit_text(place.site_name, 255),
        "address": None if place is None else fit_text(place.address, 45),
        "city": None if place is None else fit_text(place.city, 45),
        "postal_code": None if place is None else fit_text(place.postal_code, 10),
        "country": None if place is None else THREE_LETTERS.get(place.country or ""),
        "coordinates": None if place is None else _coordinates(place),
        **of_connector,
    }


def _of_connector(session: SessionFactsView, place: PlaceView | None) -> dict[str, Any]:
    plug = None if place is None else place.connector_type
    connector = None if plug is None else PlugType(plug)
    return {
        "evse_uid": fit_id(f"{session.station_id}*{session.connector_id}", Id.LOCATION),
        "evse_id": None if place is None else _evse_id(session, place),
        "connector_id": str(session.connector_id),
        "connector_standard": None if connector in _UNKNOWN_TO_OCPI else connector,
        "connector_format": _format(connector),
        "connector_power_type": _power_type(connector, place),
    }


def _coordinates(place: PlaceView) -> dict[str, str] | None:
    if place.latitude is None or place.longitude is None:
        return None
    return {"latitude": f"{place.latitude:.6f}", "longitude": f"{place.longitude:.6f}"}


def _evse_id(session: SessionFactsView, place: PlaceView) -> str | None:
    """Return the EVSE's id, where what the station is called can be part of one."""
    text = (
        f"{place.tenant_country}*{place.party_id}*E{session.station_id}*{session.connector_id}"
    ).upper()
    if place.tenant_country is None or place.party_id is None:
        return None
    return text if _EVSE_ID.fullmatch(text) else None


def _format(connector: PlugType | None) -> str | None:
    """Return the format where the plug tells it: a type 2 may be a socket or on a cable."""
    return "CABLE" if connector in _CABLES else None


def _power_type(connector: PlugType | None, place: PlaceView | None) -> str | None:
    if connector in _DC:
        return "DC"
    if connector is None or place is None or place.phase_count is None:
        return None
    return _AC_POWER.get(place.phase_count)
