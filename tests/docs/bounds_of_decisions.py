"""The bounds that the decision records name."""

from tests.docs.bound import CONNECTION, ENTRY, bounds_of

BOUNDS_OF_DECISIONS = (
    *bounds_of(
        "docs/adr/0014-who-waits-for-a-turn.md",
        (
            "{} s ({} s where more than {} sockets are silent) and {} KiB for the request",
            "ws_gateway: SILENCE_S",
            "ws_gateway: CROWDED_SILENCE_S",
            "ws_gateway: MAX_SILENT",
            "ws_gateway: _MAX_REQUEST_BYTES / KiB",
        ),
        ("a turn (503 when none comes within {} s)", ENTRY + "admission_wait_s"),
        (
            "{}/s each after a burst of {}, per gateway",
            ENTRY + "admissions_per_s",
            ENTRY + "admissions_at_once",
        ),
        (
            "{} to {} per gateway, so many that each is answered within {} s",
            "ws_gateway: FEWEST_CLAIMS",
            "ws_gateway: MOST_CLAIMS",
            "ws_gateway: CLAIM_TARGET_S",
        ),
        (
            "connections of one station id | {}, then one each {} s",
            ENTRY + "connections_at_once",
            ENTRY + "connection_interval_s",
        ),
        (
            "wrong passwords | {}, then one each {} s",
            ENTRY + "failed_logins_at_once",
            ENTRY + "failed_login_interval_s",
        ),
        ("The last {} are remembered", "ws_gateway: _MAX_IN_TRANSACTION"),
    ),
    *bounds_of(
        "docs/adr/0022-guessed-passwords-of-users.md",
        (
            "{} wrong passwords | a wait of 1 s, doubled by each further one, up to {} s",
            "command_api: CommandApiSettings.login_attempts",
            "command_api: CommandApiSettings.login_window_seconds",
        ),
        (
            "{} wrong passwords | the same, up to {} s",
            "command_api: CommandApiSettings.login_attempts * NAME_TIMES",
            "command_api: NAME_LONGEST_S",
        ),
        ("as if they came in turn. {} may wait", "command_api: _WAITING_OF_NAME"),
        ("one of the last {} checks", "command_api: passwords._REMEMBERED"),
    ),
    *bounds_of(
        "docs/adr/0024-two-exchanges-of-events.md",
        ("A confirm counts as not given after {} s", "csms_shared: PATIENCE_S"),
        (
            "no more than {} s for a destination (exchange and routing key) of subscribers alone, "
            "or {} s for one of the suite",
            "csms_shared: _SUBSCRIBERS_PATIENCE_S",
            "csms_shared: _OWN_PATIENCE_S",
        ),
        (
            "its confirm is waited for {} ms only",
            "csms_shared: _REFUSED_PATIENCE_S * 1000",
        ),
        ("twice as many each time, {} at most", "csms_shared: _MOST_AT_ONCE"),
        (
            "{} minutes of refusals and {} messages are kept, and a message is "
            "published {} times at most",
            "csms_shared: KEPT_FOR_S / minutes",
            "csms_shared: MOST_KEPT",
            "csms_shared: MOST_ATTEMPTS",
        ),
    ),
    *bounds_of(
        "docs/adr/0028-one-partys-trouble-is-its-own.md",
        ("waits at most {} s for the confirms", "csms_shared: replies.SETTLE_S"),
        (
            "({} messages, {} MiB), go out over channels of its own, one attempt of {} s at a time",
            "csms_shared: BACKLOG_MAX_MESSAGES",
            "csms_shared: BACKLOG_MAX_BYTES / MiB",
            "csms_shared: ATTEMPT_S",
        ),
        ("after {} s, which is as long as a gateway waits", "csms_shared: replies.GIVE_UP_S"),
        ("with a database connection each, {} s for any", "csms_shared: requests_inbox.LONGEST_S"),
    ),
    *bounds_of(
        "docs/adr/0029-a-gateways-life-waits-for-nobody.md",
        ("in pages of {} connections", "csms_shared: BATCH_MAX_ITEMS"),
        ("not answered within {} s only", "ws_gateway: PAGE_TIMEOUT_S"),
        (
            "Both queues are bounded ({} MiB, {} MiB)",
            "csms_shared: LEASES_MAX_BYTES / MiB",
            "csms_shared: REASSERTIONS_MAX_BYTES / MiB",
        ),
    ),
    *bounds_of(
        "docs/adr/0030-admission-costs-those-who-are-in-little.md",
        (
            "{} begin at a turn of the event loop, {} are under way",
            "ws_gateway: BEGIN_PER_ITERATION",
            "ws_gateway: MOST_AT_ONCE",
        ),
        (
            "in order of arrival, {} s at most; whoever is slow for {} s makes room",
            "ws_gateway: LONGEST_WAIT_S",
            "ws_gateway: CROWDED_SILENCE_S",
        ),
        (
            "{} a second (a setting), each {} KiB counted as one more; pieces of {} KiB",
            ENTRY + "frames_per_s",
            "ws_gateway: _BYTES_PER_FRAME / KiB",
            "ws_gateway: PIECE_BYTES / KiB",
        ),
        ("who is over it for {} s", "ws_gateway: FLOOD_S"),
        ("problems of one payload | {} are looked for", "csms_shared: MAX_PROBLEMS"),
        ("unread answers of all stations | {} MiB |", "ws_gateway: MOST_BYTES / MiB"),
        (
            "ids that no station has | {} of an address, then one each {} s",
            ENTRY + "unknown_ids_at_once",
            ENTRY + "unknown_id_interval_s",
        ),
        ("asked for once | 404 for {} s", "ws_gateway: UNKNOWN_FOR_S"),
    ),
    *bounds_of(
        "docs/adr/0011-a-busy-token-is-looked-at-twice.md",
        ("tries the start each {} ms", "session_service: HOLD_STEP_S * 1000"),
    ),
    *bounds_of(
        "docs/adr/0020-limits-of-a-test-bench.md",
        ("of its commands {} may wait", CONNECTION + "exempt_commands"),
    ),
    *bounds_of(
        "docs/adr/0001-every-message-is-a-batch.md",
        (
            "up to {} items or {} KiB",
            "csms_shared: BATCH_MAX_ITEMS",
            "csms_shared: BATCH_MAX_BYTES / KiB",
        ),
        (
            "at least {} ms apart (`REPORTS_GATHER_S`, and {} ms for",
            "csms_shared: REPORTS_GATHER_S * 1000",
            "command_api: _EVENTS_GATHER_S * 1000",
        ),
    ),
    *bounds_of(
        "docs/adr/0015-deadlines-between-clocks.md",
        ("at most {} s either way", "csms_shared: TOLERATED_MS / 1000"),
        ("After a silence of {} s", "csms_shared: SILENCE_S"),
        ("For {} s nothing is learnt", "csms_shared: sender_clocks.SETTLE_S"),
    ),
    *bounds_of(
        "docs/adr/0016-recorded-frames-are-batches-of-a-gateway.md",
        (
            "at most {} frames and {} MiB",
            "ws_gateway: recording.MAX_FRAMES",
            "ws_gateway: recording.MAX_BYTES / MiB",
        ),
        (
            "Every {} s, or when {} frames or {} KiB have gathered",
            "ws_gateway: SEND_EVERY_S",
            "ws_gateway: BATCH_FRAMES",
            "ws_gateway: BATCH_BYTES / KiB",
        ),
        ("at most {} of them for a page", "station_registry: MAX_RECORDINGS"),
    ),
    *bounds_of(
        "docs/adr/0019-slow-is-not-away.md",
        ("is overdue ({} s)", "ws_gateway: OVERDUE_S"),
        ("no answer after {} s and", "ws_gateway: PROBE_TIMEOUT_S"),
        ("itself stood still for {} s or longer", "ws_gateway: STALL_S"),
        ("A consumer takes {} KiB", "csms_shared: _TAKE_MAX_BYTES / KiB"),
    ),
    *bounds_of(
        "docs/adr/0025-upkeep-once-a-period.md",
        ("began {} periods ago", "csms_shared: _LOOKED_AFTER"),
        ("takes {} rows in a transaction", "csms_shared: SLICE"),
    ),
    *bounds_of(
        "docs/adr/0031-services-order-intents.md",
        ("asked again every {} s, until its deadline", "command_api: late_preparation.AGAIN_S"),
        ("A process has {} in hand at most", "command_api: MOST_IN_HAND"),
    ),
    *bounds_of(
        "docs/adr/0039-one-store-of-events.md",
        ("facts ({} days)", "integration_service: Settings.event_retention_days"),
        (
            "`station.heartbeat`; {} days)",
            "integration_service: Settings.measurement_retention_days",
        ),
        ("The newest {} are remembered", "integration_service: REMEMBERED"),
        ("its queue keeps {} GiB", "csms_shared: STORED_MAX_BYTES / GiB"),
    ),
    *bounds_of(
        "docs/adr/0036-sessions-and-audit.md",
        ("is remembered for {} s in each replica", "command_api: logins._REMEMBER_S"),
        ("that gets no word does so within {} s", "command_api: logins._REMEMBER_S"),
        ("at each keep-alive ({} s)", "command_api: KEEP_ALIVE_S"),
        ("the note is older than {} minutes", "command_api: SEEN_EVERY_S / minutes"),
        ("{} sessions of a user count at once", "command_api: SESSIONS_OF_USER"),
        ("by the same routes, with {} s", "command_api: BEFORE_S"),
        (
            "Of a value above {} KiB the fields above {} KiB",
            "command_api: VALUE_MAX_BYTES / KiB",
            "command_api: FIELD_MAX_BYTES / KiB",
        ),
    ),
)
