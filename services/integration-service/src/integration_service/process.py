"""What one integration-service process consists of."""

from csms_shared.broker.link import Link
from csms_shared.broker.topology import INTEGRATION_SERVICE, integration_queues
from csms_shared.service.owning_service import OwningService
from integration_service.database import MIGRATIONS, SCHEMA
from integration_service.database.service_tables import outbox, parked
from integration_service.settings import Settings


def integration_service(settings: Settings, link: Link) -> OwningService:
    """Put the service together."""
    return OwningService(
        INTEGRATION_SERVICE,
        settings,
        link,
        schema=SCHEMA,
        migrations=MIGRATIONS,
        outbox=outbox,
        parked=parked,
        queues=integration_queues(),
    )
