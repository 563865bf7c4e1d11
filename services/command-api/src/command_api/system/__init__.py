"""The suite itself: which instances answer, what waits in queues, how large the database is,
and which backups of it were made."""
