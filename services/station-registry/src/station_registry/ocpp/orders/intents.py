"""What a service may want of a station, in no version's words."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadConfiguration:
    """Tell the values of these keys; of all where there are none."""

    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangeConfiguration:
    """Give a key a value."""

    key: str
    value: str


Intent = ReadConfiguration | ChangeConfiguration
