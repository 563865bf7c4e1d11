"""Requests on stations' configuration that station-registry answers."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from csms_shared.contracts.envelope import Contract
from csms_shared.contracts.pages import PAGE_DEFAULT, PAGE_MAX, PageQuery
from csms_shared.contracts.requests import OfTenant
from csms_shared.contracts.sites import Tags
from csms_shared.values.place_names import SiteId

# CiString50Type and CiString500Type (OCPP 1.6, 7.17 and 7.19).
ConfigurationKey = Annotated[str, Field(max_length=50, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")]
ConfigurationText = Annotated[str, Field(max_length=500, pattern="^[^\x00]*$")]
TEMPLATE_KEYS_MAX = 100


class ConfigurationItem(Contract):
    """What is known of one key; `value` and `readonly` are null where they were never read.

    `known_at` is when the station was asked for the value, or took it. `last_change` is the
    status that answered the last change: `Accepted`, `RebootRequired`, `Rejected` or
    `NotSupported`. `reboot_required` lasts until the station's next boot.
    """

    key: str
    value: str | None
    readonly: bool | None
    known: bool
    known_at: str | None
    last_change: str | None
    last_change_at: str | None
    reboot_required: bool


class ConfigurationView(Contract):
    """The last known configuration of a station, by key."""

    station_id: str
    items: list[ConfigurationItem]


class ConfigurationOf(OfTenant):
    """Names the station."""

    station_id: str


class ConfigurationValues(OfTenant):
    """Asks for the last known values of some keys; unknown ones are left out."""

    station_id: str
    keys: list[ConfigurationKey] = Field(max_length=TEMPLATE_KEYS_MAX)


class RefreshConfiguration(OfTenant):
    """Has a station asked for its configuration: all of it, or these keys."""

    station_id: str
    keys: list[ConfigurationKey] = Field(default_factory=list, max_length=TEMPLATE_KEYS_MAX)
    created_by: str


class OrderedCommands(Contract):
    """The commands that will be sent; `GET /commands/{id}` shows what becomes of them."""

    command_ids: list[str]


class TemplateContent(Contract):
    """Wanted values, and the stations they are for.

    A station is meant if it is named, or is of the vendor and model given, or stands at one of the
    sites, or has one of the tags.
    """

    name: str = Field(max_length=100, pattern=r"^[^\x00]*[^\s\x00][^\x00]*$")
    values: dict[ConfigurationKey, ConfigurationText] = Field(
        min_length=1,
        max_length=TEMPLATE_KEYS_MAX,
        # A key that is not as it must be is of no pattern, and allowed unless this is said.
        json_schema_extra={"additionalProperties": False},
    )
    station_ids: list[Annotated[str, Field(min_length=1, max_length=255)]] = Field(
        default_factory=list, max_length=10_000
    )
    vendor: ConfigurationText | None = Field(None, min_length=1)
    model: ConfigurationText | None = Field(None, min_length=1)
    site_ids: list[SiteId] = Field(default_factory=list, max_length=1_000)
    tags: Tags = Field(default_factory=list)


class TemplateView(TemplateContent):
    """A configuration template."""

    template_id: str
    created_at: str
    updated_at: str


class TemplateId(OfTenant):
    """Names one template."""

    template_id: UUID


class ListTemplates(PageQuery, OfTenant):
    """A page of templates by name."""


class CreateTemplate(TemplateContent, OfTenant):
    """A new template."""


class ReplaceTemplate(CreateTemplate):
    """The whole new content of a template."""

    template_id: UUID


class TemplateStations(OfTenant):
    """A page of the stations that a template is for, in the order of their ids."""

    template_id: UUID
    limit: int = Field(PAGE_DEFAULT, ge=1, le=PAGE_MAX)
    cursor: str | None = None


class ApplyTemplate(TemplateStations):
    """Sends a page of stations what differs."""

    created_by: str


class DriftState(StrEnum):
    """Why a station has not the wanted value.

    `differs` is all that applying changes; `ordered`: a change is on its way; `unread`: never
    asked; `reboot_required`: taken, in force after the next boot; the others the station refused.
    """

    DIFFERS = "differs"
    ORDERED = "ordered"
    UNREAD = "unread"
    READ_ONLY = "read_only"
    NOT_SUPPORTED = "not_supported"
    REJECTED = "rejected"
    REBOOT_REQUIRED = "reboot_required"


class Drift(Contract):
    """One key that is not as wanted."""

    key: str
    wanted: str
    value: str | None
    state: DriftState


class StationDrift(Contract):
    """How far a station is from a template; no `drift`: it is as wanted."""

    station_id: str
    drift: list[Drift]


class AppliedTemplate(Contract):
    """What applying a page of stations ordered; `unread` stations are read first: apply again."""

    stations: int
    command_ids: list[str]
    unread: list[str]
    next_cursor: str | None


# Results: ConfigurationView, dict[key, value], OrderedCommands, Page[TemplateView], TemplateView
# (create, get, replace), null, Page[StationDrift], AppliedTemplate.
CONFIGURATION_OPERATIONS: dict[str, type[BaseModel]] = {
    "configuration.get": ConfigurationOf,
    "configuration.values": ConfigurationValues,
    "configuration.refresh": RefreshConfiguration,
    "configuration_templates.list": ListTemplates,
    "configuration_templates.create": CreateTemplate,
    "configuration_templates.get": TemplateId,
    "configuration_templates.replace": ReplaceTemplate,
    "configuration_templates.delete": TemplateId,
    "configuration_templates.drift": TemplateStations,
    "configuration_templates.apply": ApplyTemplate,
}
