"""PostgreSQL behind SQLAlchemy Core: engines, transactions, migrations, outbox, upkeep."""
