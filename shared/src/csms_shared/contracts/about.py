"""What an instance of a service says of itself. Times are RFC 3339."""

from pydantic import BaseModel

from csms_shared.contracts.envelope import Contract


class AskAbout(Contract):
    """Asks whichever instance takes the request."""


class UpkeepTurn(Contract):
    """When a periodic task of the service was begun last, by whichever instance."""

    task: str
    began_at: str


class About(Contract):
    """The instance that answers.

    `warnings`: by name, what is wrong and keeps it from no work. `paused`: queues that it does not
    take messages from now, because its database is away.
    """

    instance: str
    version: str
    since: str
    warnings: dict[str, str]
    paused: list[str]
    upkeep: list[UpkeepTurn]


ABOUT = "service.about"

# operation -> parameters; result: About.
ABOUT_OPERATIONS: dict[str, type[BaseModel]] = {ABOUT: AskAbout}
