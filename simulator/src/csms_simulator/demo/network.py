"""The demo's network as plain data: sites, models, stations, id tokens, and who is another's."""

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from csms_simulator.demo.day import Rhythm

PARTNER = "demo-partner"


@dataclass(frozen=True, slots=True)
class Site:
    """A place with its address, its clock, and when people charge there."""

    site_id: str
    name: str
    address: str
    city: str
    postal_code: str
    country: str
    latitude: float
    longitude: float
    time_zone: str
    tags: tuple[str, ...]
    rhythm: Rhythm

    @property
    def zone(self) -> ZoneInfo:
        """The site's clock."""
        return ZoneInfo(self.time_zone)


@dataclass(frozen=True, slots=True)
class Model:
    """What a station can do; `power_w` and `plug_type` are those of each connector."""

    vendor: str
    name: str
    firmware: str
    connectors: int
    plug_type: str
    power_w: int
    phases: int
    fuse_a: float
    tag: str

    @property
    def is_fast(self) -> bool:
        """Whether it charges with direct current, and so knows the battery's state."""
        return "COMBO" in self.plug_type


@dataclass(frozen=True, slots=True)
class Stand:
    """A station where it stands."""

    station_id: str
    site: Site
    model: Model
    display_name: str


@dataclass(frozen=True, slots=True)
class Card:
    """An id token."""

    id_token: str
    group_id: str | None = None


HARBOUR = Site(
    "demo-harbour",
    "Harbour car park",
    "Am Sandtorkai 1",
    "Hamburg",
    "20457",
    "DE",
    53.5438,
    9.9882,
    "Europe/Berlin",
    ("public",),
    Rhythm.CITY,
)
AIRPORT = Site(
    "demo-airport",
    "Airport",
    "Alameda das Comunidades Portuguesas",
    "Lisbon",
    "1700-111",
    "PT",
    38.7742,
    -9.1342,
    "Europe/Lisbon",
    ("public",),
    Rhythm.CITY,
)
OFFICES = Site(
    "demo-offices",
    "Offices at the station",
    "Croeselaan 18",
    "Utrecht",
    "3521 CB",
    "NL",
    52.0869,
    5.1083,
    "Europe/Amsterdam",
    ("employees",),
    Rhythm.OFFICE,
)
MOTORWAY = Site(
    "demo-motorway",
    "Motorway services",
    "Aire de Communay, A46",
    "Lyon",
    "69360",
    "FR",
    45.6010,
    4.8330,
    "Europe/Paris",
    ("public", "transit"),
    Rhythm.MOTORWAY,
)
HOMES = Site(
    "demo-homes",
    "Courtyard of flats",
    "ulica Mogilska 43",
    "Kraków",
    "31-545",
    "PL",
    50.0659,
    19.9732,
    "Europe/Warsaw",
    ("residents",),
    Rhythm.OVERNIGHT,
)
DEPOT = Site(
    "demo-depot",
    "Depot of a partner",
    "Laxenburger Straße 90",
    "Vienna",
    "1100",
    "AT",
    48.1690,
    16.3730,
    "Europe/Vienna",
    ("vans",),
    Rhythm.OVERNIGHT,
)

_COMBO, _TYPE_2 = "IEC_62196_T2_COMBO", "IEC_62196_T2"
PULSE = Model("Voltera", "Pulse 150", "5.2.0", 2, _COMBO, 150_000, 3, 480.0, "fast")
RIDGE = Model("Fjellkraft", "Ridge 300", "1.14.3", 2, _COMBO, 300_000, 3, 960.0, "fast")
KONTOR = Model("Nordlade", "Kontor 22", "2.3.8", 2, _TYPE_2, 22_000, 3, 64.0, "slow")
CALLE = Model("Ampelio", "Calle 22", "8.0.1", 2, _TYPE_2, 22_000, 3, 64.0, "slow")
HEIM = Model("Nordlade", "Heim 11", "1.0.6", 1, _TYPE_2, 11_000, 3, 16.0, "slow")

_OWN = (
    (HARBOUR, "HAM", (PULSE, PULSE, KONTOR, KONTOR, KONTOR, CALLE)),
    (AIRPORT, "LIS", (PULSE, PULSE, CALLE, CALLE, CALLE)),
    (OFFICES, "UTR", (KONTOR, KONTOR, KONTOR, KONTOR, KONTOR, KONTOR)),
    (MOTORWAY, "LYS", (RIDGE, RIDGE, RIDGE, PULSE)),
    (HOMES, "KRK", (HEIM, KONTOR, HEIM)),
)
_PARTNERS = ((DEPOT, "VIE", (CALLE, CALLE, CALLE, PULSE)),)

FAULTED = ("DEMO-HAM-03", 2)
LIMITED = "DEMO-HAM-01"
UPLOADING = "DEMO-HAM-02"
REFUSED = "DEMO-LIS-05"
STARTED_BY_OPERATOR = ("DEMO-LIS-01", 1)
FORGETFUL = "DEMO-LYS-02"
REJECTING = "DEMO-LYS-03"
FAILING = "DEMO-LYS-04"
OPENED = "DEMO-UTR-03"
LISTED = "DEMO-UTR-02"
UPDATED = ("DEMO-UTR-04", "DEMO-UTR-05")
NOT_UPDATED = "DEMO-UTR-06"
RESERVED = ("DEMO-UTR-01", 2)
CERTIFIED = "DEMO-KRK-02"
OFFLINE = "DEMO-KRK-03"
# Something is about to happen there that a driver would be in the way of.
KEPT_FREE = {
    FAULTED,
    STARTED_BY_OPERATOR,
    RESERVED,
    *((station, connector) for station in (*UPDATED, NOT_UPDATED) for connector in (1, 2)),
}

EMPLOYEES, COURIERS = "demo-employees", "demo-couriers"
BLOCKED = Card("04DE000000B10C")
EXPIRED = Card("04DE00000E8417")
OPERATORS_CARD = Card("04DE0000000001")
RESERVING_CARD = Card("04DE0000000002", EMPLOYEES)
CARDS = (
    *(Card(f"04DE01{n:08X}") for n in range(1, 13)),
    *(Card(f"04DE02{n:08X}", EMPLOYEES) for n in range(1, 9)),
    *(Card(f"04DE03{n:08X}", COURIERS) for n in range(1, 7)),
)
PARTNERS_CARDS = tuple(Card(f"04DE0F{n:08X}", "demo-vans") for n in range(1, 7))


def own_stands() -> list[Stand]:
    """List the stations of whoever runs the deployment."""
    return list(_stands(_OWN))


def partners_stands() -> list[Stand]:
    """List the stations of the other tenant."""
    return list(_stands(_PARTNERS))


def _stands(places: tuple[tuple[Site, str, tuple[Model, ...]], ...]) -> Iterator[Stand]:
    for site, code, models in places:
        for number, model in enumerate(models, start=1):
            name = f"{site.city} {number}"
            yield Stand(f"DEMO-{code}-{number:02d}", site, model, name)
