"""The bounds that docs/operations.md names."""

from tests.docs.bound import CONNECTION, ENTRY, bounds_of

_DATABASE = (
    "no growth; {} s for one, {} s for a statement",
    "csms_shared: engine.CONNECT_TIMEOUT_S",
    "csms_shared: STATEMENT_TIMEOUT_MS / 1000",
)

GATEWAY_TABLE = bounds_of(
    "docs/operations.md",
    ("less {}, less {} (a quarter", "ws_gateway: _OTHER_FILES", "ws_gateway: _RESERVED_FILES"),
    (
        "{} s, or {} s where more than {} wait (half of all sockets, if that is less); {} KiB each",
        "ws_gateway: SILENCE_S",
        "ws_gateway: CROWDED_SILENCE_S",
        "ws_gateway: MAX_SILENT",
        "ws_gateway: _MAX_REQUEST_BYTES / KiB",
    ),
    (
        "{} begin at a turn of the event loop, {} under way; they wait for {} s | "
        "the slowest make room after {} s",
        "ws_gateway: BEGIN_PER_ITERATION",
        "ws_gateway: MOST_AT_ONCE",
        "ws_gateway: LONGEST_WAIT_S",
        "ws_gateway: CROWDED_SILENCE_S",
    ),
    ("{} s each from connection to answer", "ws_gateway: _OPEN_BUT_FOR_QUEUE_S"),
    *(
        (
            f"| {kind} that wait | {{}}, {{}} s |",
            ENTRY + "admissions_waiting",
            ENTRY + "admission_wait_s",
        )
        for kind in ("upgrades", "boots")
    ),
    (
        "claims under way | {} to {} by their duration, {} s |",
        "ws_gateway: FEWEST_CLAIMS",
        "ws_gateway: MOST_CLAIMS",
        "ws_gateway: CLAIM_TIMEOUT_S",
    ),
    (
        "{} of an address, then one each {} s; each once in {} s",
        ENTRY + "unknown_ids_at_once",
        ENTRY + "unknown_id_interval_s",
        "ws_gateway: UNKNOWN_FOR_S",
    ),
    (
        "addresses with unknown ones | {}, {}, {}, {}, {}, {}, {} |",
        "ws_gateway: admission_policy._MAX_STATIONS",
        "ws_gateway: failed_logins._MAX_REMEMBERED",
        "ws_gateway: _MAX_IN_TRANSACTION",
        "ws_gateway: observed._MAX_STATIONS",
        "ws_gateway: unknown_ids._MAX_REMEMBERED",
        "ws_gateway: unknown_ids._MAX_REMEMBERED",
        "ws_gateway: _MAX_ADDRESSES",
    ),
    (
        "a message of a station | {} MiB, {} levels of JSON",
        "csms_shared: MAX_FRAME_BYTES / MiB",
        "csms_shared: MAX_DEPTH",
    ),
    (
        "{} a second, and one more for each {} KiB | they wait in the network; 1008 after {} s",
        ENTRY + "frames_per_s",
        "ws_gateway: _BYTES_PER_FRAME / KiB",
        "ws_gateway: FLOOD_S",
    ),
    ("answers that are not read, of all stations | {} MiB |", "ws_gateway: MOST_BYTES / MiB"),
    (
        "calls that wait for the one before | {}, {} MiB |",
        CONNECTION + "queued_calls",
        CONNECTION + "queued_bytes / MiB",
    ),
    ("a station's call under way | {} s |", CONNECTION + "call_deadline_s"),
    ("{} at once, then one each second, for each connection", CONNECTION + "triggers_at_once"),
    (
        "commands that wait | {}; {} ids remembered",
        CONNECTION + "queued_commands",
        CONNECTION + "remembered_commands",
    ),
    (
        "a command on the wire | {} s; {} late answers",
        CONNECTION + "answer_timeout_s",
        CONNECTION + "abandoned_commands",
    ),
    (
        "what a station leaves unread | {} MiB, {} s |",
        "ws_gateway: _MAX_UNWRITTEN_BYTES / MiB",
        "ws_gateway: WRITE_TIMEOUT_S",
    ),
    (
        "a silent station | {} s |",
        "ws_gateway: SILENT_INTERVALS * Limits.ping_interval_s",
    ),
    (
        "{} items, {} MiB; calls {} s, claims {} s, liveness {} s, command reports {} s",
        "ws_gateway: lane._MAX_ITEMS",
        "ws_gateway: lane._MAX_BYTES / MiB",
        CONNECTION + "call_deadline_s",
        "ws_gateway: CLAIM_TIMEOUT_S",
        "ws_gateway: _LIVENESS_PATIENCE_S",
        "ws_gateway: command_reports._PATIENCE_S",
    ),
    ("has not confirmed | {} items, never given up", "ws_gateway: _MAX_RELEASES"),
    (
        "{} of an hour, {} made-up ids of an address",
        "ws_gateway: MAX_KEYS",
        ENTRY + "refused_ids_per_address",
    ),
    (
        "refusals on their way to the registry | {}, {} s |",
        "ws_gateway: refusal_reports._MAX_WAITING",
        "ws_gateway: refusal_reports._PATIENCE_S",
    ),
    (
        "recorded frames at a gateway | {}, {} MiB |",
        "ws_gateway: recording.MAX_FRAMES",
        "ws_gateway: recording.MAX_BYTES / MiB",
    ),
    ("recorded frames on their way | {} GiB", "csms_shared: RECORDINGS_MAX_BYTES / GiB"),
    (
        "own queue | {} messages | they wait in the broker; the queue ends {} minutes",
        "ws_gateway: _PREFETCH",
        "csms_shared: INCARNATION_EXPIRES_MS / 1000 / minutes",
    ),
    (
        "one station's mistakes | {}, then one each {} s |",
        "ws_gateway: _LINES_AT_ONCE",
        "ws_gateway: _LINE_EVERY_S",
    ),
)

OWNING_SERVICES_TABLE = bounds_of(
    "docs/operations.md",
    (
        "{} messages of at most {} KiB (a single item 2 MiB); "
        "of reports {}, of leases {}, of re-assertions {} messages",
        "csms_shared: owning_service.PREFETCH",
        "csms_shared: BATCH_MAX_BYTES / KiB",
        "csms_shared: REPORTS_PREFETCH",
        "station_registry: LEASES_PREFETCH",
        "station_registry: REASSERTIONS_PREFETCH",
    ),
    (
        "{} messages; with the one that passes {} KiB it is full",
        "csms_shared: BATCH_MAX_ITEMS",
        "csms_shared: _TAKE_MAX_BYTES / KiB",
    ),
    (
        "from {} s on the gateways log `service_slow` and let nobody in; "
        "a service that answers nothing at all for {} s is away",
        "ws_gateway: OVERDUE_S",
        "ws_gateway: PROBE_TIMEOUT_S",
    ),
    (
        "{} of each queue (owner look-ups have one of their own), {} s each",
        "csms_shared: requests_inbox.AT_ONCE",
        "csms_shared: requests_inbox.LONGEST_S",
    ),
    (
        "that does not confirm | {} messages, {} MiB, {} s |",
        "csms_shared: BACKLOG_MAX_MESSAGES",
        "csms_shared: BACKLOG_MAX_BYTES / MiB",
        "csms_shared: replies.GIVE_UP_S",
    ),
    ("requests that wait for another service | {} |", "csms_shared: MAX_OUTSTANDING"),
    _DATABASE,
    ("deliveries of one item | {} |", "csms_shared: DELIVERY_LIMIT"),
    (
        "system events that wait to be told | {} of each process; {} s in a gateway",
        "csms_shared: MOST_WAITING",
        "ws_gateway: system_reports._PATIENCE_S",
    ),
    (
        "the database's disk; {} rows a round, of those for the event store {} |",
        "csms_shared: outbox.ROUND_ROWS",
        "csms_shared: outbox_to_store.ROUND_ROWS",
    ),
    (
        "{} messages, and what a key was refused within its first {} minutes",
        "csms_shared: MOST_KEPT",
        "csms_shared: KEPT_FOR_S / minutes",
    ),
)

INTEGRATION_SERVICE_TABLE = bounds_of(
    "docs/operations.md",
    ("on their way into the event store | {} GiB in", "csms_shared: STORED_MAX_BYTES / GiB"),
    ("remembered as stored | {} |", "integration_service: REMEMBERED"),
    ("not told yet to those who show them | {} transactions", "integration_service: MOST_WAITING"),
    (
        "a page of events | {} MiB, {} s of looking",
        "integration_service: PAGE_MAX_BYTES / MiB",
        "integration_service: LONGEST_S",
    ),
    ("on their way to subscribers | {} a round", "integration_service: ROUND_EVENTS"),
    (
        "replays | {} of a tenant at once, {} events and a day each",
        "integration_service: MOST_RUNNING",
        "csms_shared: REPLAY_EVENTS_MAX",
    ),
    (
        "a replay's queue | {} MiB; gone when nobody has used it for {} hours",
        "csms_shared: REPLAY_MAX_BYTES / MiB",
        "csms_shared: REPLAY_EXPIRES_MS / 3600000",
    ),
)

COMMAND_API_TABLE = bounds_of(
    "docs/operations.md",
    (
        "REST connections | {}; {} s for a request, {} KiB for its head",
        "command_api: MAX_CONNECTIONS",
        "command_api: REQUEST_S",
        "command_api: MAX_HEAD_BYTES / KiB",
    ),
    ("requests at once, open streams among them | {} |", "command_api: MAX_REQUESTS"),
    ("a request's body | {} MiB |", "command_api: BODY_MAX_BYTES / MiB"),
    (
        "commands on their way to one gateway | {} each, {} a batch",
        "command_api: gathering.MAX_WAITING",
        "command_api: _INSERT_MAX",
    ),
    (
        "commands on their way to one gateway | {} each, {} a batch",
        "command_api: command_sender.MAX_WAITING",
        "command_api: _LOOKUP_MAX",
    ),
    (
        "{}, of some MiB each in memory | 503 after {} s",
        "command_api: uploads._AT_ONCE",
        "command_api: _TURN_S",
    ),
    (
        "passwords to be set that wait for a hash | {}; {} |",
        "command_api: _WAITING_OF_NAME",
        "command_api: passwords._MAX_WAITING",
    ),
    (
        "{} of an address and name, {} of a name, then growing waits",
        "command_api: CommandApiSettings.login_attempts",
        "command_api: CommandApiSettings.login_attempts * NAME_TIMES",
    ),
    ("{} of each remembered", "command_api: login_limits._MAX_REMEMBERED"),
    (
        "{} a call, asked for {} at a time; {} MiB of parked messages at a time; {} failures named",
        "command_api: BULK_MAX",
        "csms_shared: BULK_BATCH_MAX",
        "csms_shared: parked_bulk._BATCH_MAX_BYTES / MiB",
        "csms_shared: BULK_FAILURES_MAX",
    ),
    (
        "event streams | {}, {} s for a write; {} pages of {} events read for them at once",
        "command_api: MAX_STREAMS",
        "command_api: _SEND_TIMEOUT_S",
        "command_api: STREAM_READS_AT_ONCE",
        "command_api: STREAM_PAGE",
    ),
    (
        "newest events, for all streams | {}, {} MiB; {} MiB in the queue",
        "command_api: RING_EVENTS",
        "command_api: RING_BYTES / MiB",
        "csms_shared: LIVE_EVENTS_MAX_BYTES / MiB",
    ),
    (
        "a page of the history | {} reads of the event store, {} s",
        "command_api: READS_MAX",
        "command_api: READS_WITHIN_S",
    ),
    ("requests that wait for a command | one each, {} s |", "command_api: WAIT_MAX_S"),
    (
        "secrets of commands on their way | {}, {} |",
        "command_api: watched._REMEMBERED",
        "command_api: _MAX_SECRETS",
    ),
    ("by each replica; {} tenants remembered", "command_api: _REMEMBERED_MAX"),
    ("owner map | {} stations |", "command_api: _MAX_KNOWN"),
    (
        "with held commands | {} | the sweep finds them, {} s |",
        "command_api: _MAX_WOKEN",
        "command_api: HELD_SWEEP_S",
    ),
    (
        "on their way to one station | {} | the next when one has ended, or at the sweep, {} s |",
        "command_api: changes.AT_ONCE",
        "command_api: HELD_SWEEP_S",
    ),
    (
        "checks of what services order | {} questions at once to each service, half of them about "
        "stored orders; {} s, then the order is stored; {} stored ones at once",
        "command_api: _CHECKS_AT_ONCE",
        "command_api: _CHECKED_WITHIN_S",
        "command_api: MOST_IN_HAND",
    ),
    (
        "checked when it is sent, each {} s until its deadline",
        "command_api: late_preparation.AGAIN_S",
    ),
    _DATABASE,
)

REST_OF_THE_PAGE = bounds_of(
    "docs/operations.md",
    (
        "renewed their leases within {} s (they do each {} s)",
        "station_registry: RENEWED_WITHIN_S",
        "ws_gateway: RENEW_EVERY_S",
    ),
    ("the lease ran out {} s after its last renewal", "station_registry: leases.LEASE_S"),
    ("the lease ran out {} s after its last renewal", "ws_gateway: lease.LEASE_S"),
    ("and {} s after its last renewal at the latest", "station_registry: RENEWED_WITHIN_S"),
    ("did not take them within {} s; `no_room`", "csms_shared: replies.GIVE_UP_S"),
    (
        "that wait in the broker for this service; measured every {} s",
        "csms_shared: work_queues.MEASURED_EVERY_S",
    ),
    ("not published ({} stands for more)", "csms_shared: MOST_COUNTED"),
    ("Of one routing key {} messages are counted", "csms_shared: outbox_deferred.MOST_KEPT"),
    ("0 where nothing waits. Measured every {} s", "csms_shared: outbox_waiting.MEASURED_EVERY_S"),
    ("- {} files for the broker", "ws_gateway: _OTHER_FILES"),
    ("- {}, or a quarter of the rest", "ws_gateway: _RESERVED_FILES"),
    (
        "of it up to {} for the balancer, which serves half as many stations and {} at most",
        "csms_local: _OPEN_FILES",
        "csms_local: _MOST_CONNECTIONS",
    ),
    (
        "gathers in the queue `integration-service.events.v1`, up to {} GiB",
        "csms_shared: STORED_MAX_BYTES / GiB",
    ),
    (
        "| events, at the event store | {} after",
        "integration_service: Settings.event_retention_days",
    ),
    (
        "`meter_values.received` and `station.heartbeat` | {} |",
        "integration_service: Settings.measurement_retention_days",
    ),
    ("| meter values | {} after", "session_service: Settings.meter_value_retention_days"),
    ("and the others | {}; the transaction stays", "session_service: Settings.stop_retention_days"),
    ("reconciled or dismissed | {};", "session_service: Settings.quarantine_retention_days"),
    (
        "{} minutes after the end; where none came, up to {} days after",
        "session_service: ENDED_FOR_S / minutes",
        "session_service: live_figures.KEPT_DAYS",
    ),
    ("| commands | {} after their end", "command_api: CommandApiSettings.command_retention_days"),
    ("| the audit | {} |", "command_api: CommandApiSettings.audit_retention_days"),
    (
        "| sessions of users | {} hours after the log-in",
        "command_api: TOKEN_SECONDS / minutes / minutes",
    ),
    ("| recorded frames | {} |", "station_registry: RegistrySettings.recording_retention_days"),
    (
        "| histories of stations | {}; dro",
        "station_registry: RegistrySettings.history_retention_days",
    ),
    ("| uploads | {} |", "command_api: CommandApiSettings.upload_retention_days"),
    ("security events, reports of jobs | {} |", "station_registry: security_events.KEPT_DAYS"),
    (
        "refusals ({} at most), data transfers, ended requests for certificates | {} |",
        "station_registry: REFUSALS_KEPT",
        "station_registry: ENDED_KEPT_DAYS",
    ),
    ("| the list of backups | the newest {} |", "command_api: BACKUPS_KEPT"),
    ("(`backups`) list the newest {}: when", "command_api: BACKUPS_SHOWN"),
    (
        "`CSMS_LOGIN_ATTEMPTS` ({}) wrong passwords",
        "command_api: CommandApiSettings.login_attempts",
    ),
    (
        "`CSMS_LOGIN_WINDOW_SECONDS` ({}) at most",
        "command_api: CommandApiSettings.login_window_seconds",
    ),
    ("`CSMS_MAX_UNKNOWN_STATIONS` ({})", "station_registry: RegistrySettings.max_unknown_stations"),
    ("refused in the first {} minutes is kept", "csms_shared: KEPT_FOR_S / minutes"),
    ("command on its wire are answered ({} s at most)", "ws_gateway: LAST_ANSWERS_S"),
    ("It ends {} s after `CSMS_DRAIN_SECONDS`", "ws_gateway: END_S + _DISCONNECT_S"),
    ("offline when its lease runs out, {} s later", "station_registry: leases.LEASE_S"),
)

BOUNDS_OF_OPERATIONS = (
    *GATEWAY_TABLE,
    *OWNING_SERVICES_TABLE,
    *INTEGRATION_SERVICE_TABLE,
    *COMMAND_API_TABLE,
    *REST_OF_THE_PAGE,
)
