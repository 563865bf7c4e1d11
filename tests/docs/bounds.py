"""Each number of the pages that is a bound of the code, and where the code has it.

A bound is a page, words of it with `{}` in the place of each number, and one place of the code
for each of them (`tests.docs.constants`). Change a constant, and the test names the sentence that
is wrong now; change a sentence, and the words here follow.
"""

from typing import NamedTuple


class Bound(NamedTuple):
    """Words of a page with their numbers, in the order in which they stand there."""

    page: str
    words: str
    places: tuple[str, ...]


def _of(page: str, *rows: tuple[str, ...]) -> tuple[Bound, ...]:
    return tuple(Bound(page, words, tuple(places)) for words, *places in rows)


_FIELDS = "ws_gateway: Limits."
_ENTRY = "ws_gateway: EntryLimits."

GATEWAY_TABLE = _of(
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
        "ws_gateway: BEGIN_AT_A_TURN",
        "ws_gateway: MOST_AT_ONCE",
        "ws_gateway: LONGEST_WAIT_S",
        "ws_gateway: CROWDED_SILENCE_S",
    ),
    ("{} s each from connection to answer", "ws_gateway: _OPEN_BUT_FOR_TURN_S"),
    *(
        (
            f"| {kind} that wait | {{}}, {{}} s |",
            _ENTRY + "admissions_waiting",
            _ENTRY + "admission_wait_s",
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
        _ENTRY + "unknown_ids_at_once",
        _ENTRY + "unknown_id_interval_s",
        "ws_gateway: UNKNOWN_FOR_S",
    ),
    (
        "addresses with unknown ones | {}, {}, {}, {}, {}, {}, {} |",
        "ws_gateway: reception._MAX_STATIONS",
        "ws_gateway: failed_logins._MAX_REMEMBERED",
        "ws_gateway: _MAX_IN_SESSION",
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
        _ENTRY + "frames_per_s",
        "ws_gateway: _BYTES_PER_FRAME / KiB",
        "ws_gateway: FLOOD_S",
    ),
    ("answers that are not read, of all stations | {} MiB |", "ws_gateway: MOST_BYTES / MiB"),
    (
        "calls that wait for the one before | {}, {} MiB |",
        _FIELDS + "queued_calls",
        _FIELDS + "queued_bytes / MiB",
    ),
    ("a station's call under way | {} s |", _FIELDS + "call_deadline_s"),
    ("{} at once, then one each second, for each connection", _FIELDS + "triggers_at_once"),
    (
        "commands that wait | {}; {} ids remembered",
        _FIELDS + "queued_commands",
        _FIELDS + "remembered_commands",
    ),
    (
        "a command on the wire | {} s; {} late answers",
        _FIELDS + "answer_timeout_s",
        _FIELDS + "abandoned_commands",
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
        _FIELDS + "call_deadline_s",
        "ws_gateway: CLAIM_TIMEOUT_S",
        "ws_gateway: _LIVENESS_PATIENCE_S",
        "ws_gateway: command_reports._PATIENCE_S",
    ),
    ("has not confirmed | {} items, never given up", "ws_gateway: _MAX_RELEASES"),
    (
        "{} of an hour, {} made-up ids of an address",
        "ws_gateway: MAX_KEYS",
        _ENTRY + "refused_ids_per_address",
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

_DATABASE = (
    "no growth; {} s for one, {} s for a statement",
    "csms_shared: engine.CONNECT_TIMEOUT_S",
    "csms_shared: STATEMENT_TIMEOUT_MS / 1000",
)

OWNING_SERVICES_TABLE = _of(
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
    ("the database's disk; {} rows a round", "csms_shared: ROUND_ROWS"),
    (
        "{} messages of each service, and what a key was refused within its first {} minutes",
        "csms_shared: MOST_KEPT",
        "csms_shared: KEPT_FOR_S / minutes",
    ),
)

COMMAND_API_TABLE = _of(
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
        "event streams | {}; {} events each, {} s for a write",
        "command_api: MAX_STREAMS",
        "command_api: BUFFER_EVENTS",
        "command_api: _SEND_TIMEOUT_S",
    ),
    ("requests that wait for a command | one each, {} s |", "command_api: WAIT_MAX_S"),
    (
        "secrets of commands on their way | {}, {} |",
        "command_api: watched_commands._REMEMBERED",
        "command_api: _MAX_SECRETS",
    ),
    ("owner map | {} stations |", "command_api: _MAX_KNOWN"),
    (
        "with held commands | {} | the sweep finds them, {} s |",
        "command_api: _MAX_WOKEN",
        "command_api: HELD_SWEEP_S",
    ),
    (
        "on their way to one station | {} | the next when one has ended, or at the sweep, {} s |",
        "command_api: command_changes.AT_ONCE",
        "command_api: HELD_SWEEP_S",
    ),
    _DATABASE,
)

OPERATIONS = _of(
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
    ("0 where nothing waits. Measured every {} s", "csms_shared: outbox_waiting.MEASURED_EVERY_S"),
    ("- {} files for the broker", "ws_gateway: _OTHER_FILES"),
    ("- {}, or a quarter of the rest", "ws_gateway: _RESERVED_FILES"),
    (
        "of it up to {} for the balancer, which serves half as many stations and {} at most",
        "csms_local: _OPEN_FILES",
        "csms_local: _MOST_CONNECTIONS",
    ),
    ("| meter values | {} after", "session_service: Settings.meter_value_retention_days"),
    ("and the others | {}; the transaction stays", "session_service: Settings.stop_retention_days"),
    ("reconciled or dismissed | {};", "session_service: Settings.quarantine_retention_days"),
    ("| commands | {} after their end", "command_api: CommandApiSettings.command_retention_days"),
    ("| the audit | {} |", "command_api: CommandApiSettings.audit_retention_days"),
    ("| recorded frames | {} |", "station_registry: RegistrySettings.recording_retention_days"),
    ("| uploads | {} |", "command_api: CommandApiSettings.upload_retention_days"),
    ("security events, reports of jobs | {} |", "station_registry: security_events.KEPT_DAYS"),
    (
        "refusals ({} at most), data transfers, ended requests for certificates | {} |",
        "station_registry: REFUSALS_KEPT",
        "station_registry: ENDED_KEPT_DAYS",
    ),
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
)

GATEWAY_README = _of(
    "services/ws-gateway/README.md",
    ("three silent ping intervals ({} s each)", _FIELDS + "ping_interval_s"),
    (
        "more than {} calls in flight, or more than {} frames a second for {} s",
        _FIELDS + "queued_calls",
        _ENTRY + "frames_per_s",
        "ws_gateway: FLOOD_S",
    ),
    ("could be neither stored nor decided in {} s", _FIELDS + "call_deadline_s"),
)

COMMAND_API_README = _of(
    "services/command-api/README.md",
    ("a stream is authorized again at each keep-alive ({} s)", "command_api: KEEP_ALIVE_S"),
    ("a deadline of its own in the row, {} s after", "command_api: ATTEMPT_MS / 1000"),
    ("a station gets {} at a time", "command_api: command_changes.AT_ONCE"),
    (
        "the sweeper ends one {} s after its deadline or its writing",
        "command_api: ANSWER_TIMEOUT_MS + GRACE_MS / 1000",
    ),
    ("A changed or deleted account counts for up to {} s", "command_api: sessions._REMEMBER_S"),
    ("A stream that falls {} events behind", "command_api: BUFFER_EVENTS"),
)

SERVICE_READMES = (
    *_of(
        "services/station-registry/README.md",
        ("One replica looks at leases every {} s", "station_registry: WATCH_S"),
        ("If nobody looked for {} s", "station_registry: AWAY_S"),
    ),
    *_of(
        "services/session-service/README.md",
        ("Partitions are made {} weeks ahead", "session_service: WEEKS_AHEAD"),
        ("`csms_transaction_ids_used_ratio` (alarm at {})", "session_service: _ID_ALARM"),
    ),
)

OTHER_PAGES = (
    *_of(
        "docs/architecture.md",
        ("can be neither stored nor decided within {} s", _FIELDS + "call_deadline_s"),
        ("its lease ends after {} s", "station_registry: leases.LEASE_S"),
    ),
    *_of("docs/glossary.md", ("{} s from each renewal", "station_registry: leases.LEASE_S")),
    *_of(
        "docs/reliability.md",
        (
            "second outage of a service within {} minutes, a gateway waits for 4 to {} s",
            "ws_gateway: steadiness.WINDOW_S / minutes",
            "ws_gateway: steadiness.LONGEST_S",
        ),
        (
            "{} s of silence, 25 s in all, {} KiB",
            "ws_gateway: SILENCE_S",
            "ws_gateway: _MAX_REQUEST_BYTES / KiB",
        ),
        ("a message that does not end has {} s", "ws_gateway: MESSAGE_TIMEOUT_S"),
        (
            "{} frames a second are read, 1008 after {} s of it; {} MiB unread",
            _ENTRY + "frames_per_s",
            "ws_gateway: FLOOD_S",
            "ws_gateway: _MAX_UNWRITTEN_BYTES / MiB",
        ),
        (
            "{} s for a request, {} KiB for its head",
            "command_api: REQUEST_S",
            "command_api: MAX_HEAD_BYTES / KiB",
        ),
    ),
    *_of(
        "docs/capacity.md",
        ("Gateways let an upgrade wait {} s", _ENTRY + "admission_wait_s"),
        (
            "Meter values are kept for {} days",
            "session_service: Settings.meter_value_retention_days",
        ),
    ),
)

DECISIONS = (
    *_of(
        "docs/adr/0014-who-waits-for-a-turn.md",
        (
            "{} s ({} s where more than {} sockets are silent) and {} KiB for the request",
            "ws_gateway: SILENCE_S",
            "ws_gateway: CROWDED_SILENCE_S",
            "ws_gateway: MAX_SILENT",
            "ws_gateway: _MAX_REQUEST_BYTES / KiB",
        ),
        ("a turn (503 when none comes within {} s)", _ENTRY + "admission_wait_s"),
        (
            "{}/s each after a burst of {}, per gateway",
            _ENTRY + "admissions_per_s",
            _ENTRY + "admissions_at_once",
        ),
        (
            "{} to {} per gateway, so many that each is answered within {} s",
            "ws_gateway: FEWEST_CLAIMS",
            "ws_gateway: MOST_CLAIMS",
            "ws_gateway: CLAIM_TARGET_S",
        ),
        (
            "connections of one station id | {}, then one each {} s",
            _ENTRY + "connections_at_once",
            _ENTRY + "connection_interval_s",
        ),
        (
            "wrong passwords | {}, then one each {} s",
            _ENTRY + "failed_logins_at_once",
            _ENTRY + "failed_login_interval_s",
        ),
        ("The last {} are remembered", "ws_gateway: _MAX_IN_SESSION"),
    ),
    *_of(
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
    *_of(
        "docs/adr/0024-two-exchanges-of-events.md",
        ("A round waits {} s for confirms", "csms_shared: PATIENCE_S"),
        (
            "its confirm is waited for {} ms only ({} s at its turn",
            "csms_shared: _REFUSED_PATIENCE_S * 1000",
            "csms_shared: _TURN_PATIENCE_S",
        ),
        ("twice as many each time, {} at most", "csms_shared: _MOST_AT_ONCE"),
        (
            "{} minutes of refusals and {} messages of a service are kept, and a message is "
            "published {} times at most",
            "csms_shared: KEPT_FOR_S / minutes",
            "csms_shared: MOST_KEPT",
            "csms_shared: MOST_ATTEMPTS",
        ),
    ),
    *_of(
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
    *_of(
        "docs/adr/0029-a-gateways-life-waits-for-nobody.md",
        ("in pages of {} connections", "csms_shared: BATCH_MAX_ITEMS"),
        ("not answered within {} s only", "ws_gateway: PAGE_TIMEOUT_S"),
        (
            "Both queues are bounded ({} MiB, {} MiB)",
            "csms_shared: LEASES_MAX_BYTES / MiB",
            "csms_shared: REASSERTIONS_MAX_BYTES / MiB",
        ),
    ),
    *_of(
        "docs/adr/0030-admission-costs-those-who-are-in-little.md",
        (
            "{} begin at a turn of the event loop, {} are under way",
            "ws_gateway: BEGIN_AT_A_TURN",
            "ws_gateway: MOST_AT_ONCE",
        ),
        (
            "in order of arrival, {} s at most; whoever is slow for {} s makes room",
            "ws_gateway: LONGEST_WAIT_S",
            "ws_gateway: CROWDED_SILENCE_S",
        ),
        (
            "{} a second (a setting), each {} KiB counted as one more; pieces of {} KiB",
            _ENTRY + "frames_per_s",
            "ws_gateway: _BYTES_PER_FRAME / KiB",
            "ws_gateway: PIECE_BYTES / KiB",
        ),
        ("who is over it for {} s", "ws_gateway: FLOOD_S"),
        ("problems of one payload | {} are looked for", "csms_shared: MAX_PROBLEMS"),
        ("unread answers of all stations | {} MiB |", "ws_gateway: MOST_BYTES / MiB"),
        (
            "ids that no station has | {} of an address, then one each {} s",
            _ENTRY + "unknown_ids_at_once",
            _ENTRY + "unknown_id_interval_s",
        ),
        ("asked for once | 404 for {} s", "ws_gateway: UNKNOWN_FOR_S"),
    ),
    *_of(
        "docs/adr/0011-a-busy-token-is-looked-at-twice.md",
        ("tries the start each {} ms", "session_service: HOLD_STEP_S * 1000"),
    ),
    *_of(
        "docs/adr/0020-limits-of-a-test-bench.md",
        ("of its commands {} may wait", _FIELDS + "exempt_commands"),
    ),
)

BOUNDS = (
    *GATEWAY_TABLE,
    *OWNING_SERVICES_TABLE,
    *COMMAND_API_TABLE,
    *OPERATIONS,
    *GATEWAY_README,
    *COMMAND_API_README,
    *SERVICE_READMES,
    *OTHER_PAGES,
    *DECISIONS,
)
