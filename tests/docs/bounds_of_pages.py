"""The bounds that the other pages and the READMEs name."""

from tests.docs.bound import CONNECTION, ENTRY, bounds_of

GATEWAY_README = bounds_of(
    "services/ws-gateway/README.md",
    ("three silent ping intervals ({} s each)", CONNECTION + "ping_interval_s"),
    (
        "more than {} calls in flight, or more than {} frames a second for {} s",
        CONNECTION + "queued_calls",
        ENTRY + "frames_per_s",
        "ws_gateway: FLOOD_S",
    ),
    ("could be neither stored nor decided in {} s", CONNECTION + "call_deadline_s"),
)

COMMAND_API_README = bounds_of(
    "services/command-api/README.md",
    ("a stream is authorized again at each keep-alive ({} s)", "command_api: KEEP_ALIVE_S"),
    ("a deadline of its own in the row, {} s after", "command_api: ATTEMPT_MS / 1000"),
    ("a station gets {} at a time", "command_api: changes.AT_ONCE"),
    (
        "the sweeper ends one {} s after its deadline or its writing",
        "command_api: ANSWER_TIMEOUT_MS + GRACE_MS / 1000",
    ),
    (
        "A changed or deleted account, and a session that was ended, counts for up to {} s",
        "command_api: logins._REMEMBER_S",
    ),
    ("the newest {} events", "command_api: RING_EVENTS"),
)

SERVICE_READMES = (
    *bounds_of(
        "services/station-registry/README.md",
        ("One replica looks at leases every {} s", "station_registry: WATCH_S"),
        ("If nobody looked for {} s", "station_registry: AWAY_S"),
    ),
    *bounds_of(
        "services/session-service/README.md",
        ("Partitions are made {} weeks ahead", "session_service: WEEKS_AHEAD"),
        ("`csms_transaction_ids_used_ratio` (alarm at {})", "session_service: _ID_ALARM"),
        ("the row stays for {} minutes", "session_service: ENDED_FOR_S / minutes"),
    ),
    *bounds_of(
        "services/integration-service/README.md",
        ("windows of {} positions", "integration_service: WINDOW"),
    ),
)

OTHER_PAGES = (
    *bounds_of(
        "docs/billing.md",
        ("A cost has at most {} pieces", "billing_service: MAX_PIECES"),
        ("| `elements` | 1 to {},", "billing_service: MAX_ELEMENTS"),
        ("(`at`, `energy_wh`: up to {})", "csms_shared: READINGS_MAX"),
        ("(`at`, `status`: up to {})", "csms_shared: billing.STATUSES_MAX"),
        (
            "At most {} are calculated at once by each replica",
            "billing_service: simulation.AT_ONCE",
        ),
        ("which waits for {} s at most", "command_api: PAGE_WITHIN_S"),
        ("only one page in {} s waits for it", "command_api: PAUSE_S"),
    ),
    *bounds_of(
        "docs/sites.md", ("groups: up to {}, of up to 64 characters", "csms_shared: TAGS_MAX")
    ),
    *bounds_of(
        "docs/tenants.md",
        ("That there is a tenant is remembered for {} s", "command_api: REMEMBERED_S"),
        ("learns of a bound within {} s", "command_api: REMEMBERED_S"),
    ),
    *bounds_of(
        "docs/scopes.md",
        ("up to {} each", "csms_shared: SCOPE_MAX"),
        ("looks at {} commands", "command_api: LOOKED_AT"),
        ("as it was at most {} s ago", "command_api: SCOPE_REMEMBERED_S"),
    ),
    *bounds_of(
        "docs/event-streams.md",
        ("newest {} events, {} MiB", "command_api: RING_EVENTS", "command_api: RING_BYTES / MiB"),
        ("nothing is told for {} s", "command_api: SILENT_S"),
        ("at most every {} s;", "command_api: KEEP_ALIVE_S"),
        ("a comment is sent every {} s", "command_api: KEEP_ALIVE_S"),
        ("longer than {} s closes", "command_api: _SEND_TIMEOUT_S"),
        ("given up to {} times", "csms_shared: TYPES_MAX"),
        ("{} streams are open in this process", "command_api: MAX_STREAMS"),
    ),
    *bounds_of(
        "docs/messages/requests.md",
        ("which of up to {} stations are in the scope", "csms_shared: IN_SCOPE_MAX"),
    ),
    *bounds_of(
        "docs/architecture.md",
        ("can be neither stored nor decided within {} s", CONNECTION + "call_deadline_s"),
        ("its lease ends after {} s", "station_registry: leases.LEASE_S"),
    ),
    *bounds_of(
        "docs/messages/events.md",
        ("of each transaction in {} s", "session_service: TOLD_EVERY_S"),
        ("what comes within the {} s", "session_service: TOLD_EVERY_S"),
        ("more than {} Wh below `meter_start`", "session_service: REGISTER_ROUNDING_WH"),
        ("at the outlet, up to {} kW", "session_service: PLAUSIBLE_POWER_W / 1000"),
    ),
    *bounds_of(
        "docs/messages/events/transaction.md",
        ("have come: at most once in {} s", "session_service: TOLD_EVERY_S"),
    ),
    *bounds_of("docs/glossary.md", ("{} s from each renewal", "station_registry: leases.LEASE_S")),
    *bounds_of(
        "docs/reliability.md",
        (
            "second outage of a service within {} minutes, a gateway waits for 4 to {} s",
            "ws_gateway: flap_damping.WINDOW_S / minutes",
            "ws_gateway: flap_damping.LONGEST_S",
        ),
        (
            "{} s of silence, 25 s in all, {} KiB",
            "ws_gateway: SILENCE_S",
            "ws_gateway: _MAX_REQUEST_BYTES / KiB",
        ),
        ("a message that does not end has {} s", "ws_gateway: MESSAGE_TIMEOUT_S"),
        (
            "{} frames a second are read, 1008 after {} s of it; {} MiB unread",
            ENTRY + "frames_per_s",
            "ws_gateway: FLOOD_S",
            "ws_gateway: _MAX_UNWRITTEN_BYTES / MiB",
        ),
        (
            "{} s for a request, {} KiB for its head",
            "command_api: REQUEST_S",
            "command_api: MAX_HEAD_BYTES / KiB",
        ),
    ),
    *bounds_of(
        "docs/capacity.md",
        ("Gateways let an upgrade wait {} s", ENTRY + "admission_wait_s"),
        (
            "Meter values are kept for {} days",
            "session_service: Settings.meter_value_retention_days",
        ),
    ),
    *bounds_of(
        "docs/certificates.md",
        ("certificate is valid ({})", "station_registry: RegistrySettings.certificate_days"),
        (
            "a new one is asked for ({})",
            "station_registry: RegistrySettings.certificate_renewal_days",
        ),
        ("a root certificate for {} years", "station_registry: AUTHORITY_YEARS"),
        ("signer away, tried again ({} times", "station_registry: ATTEMPTS"),
        ("ordered again ({} times)", "station_registry: DELIVERIES"),
        ("waits for the station for up to {} hours", "station_registry: DELIVERY_HOURS"),
        ("in PEM of at most {} characters", "station_registry: CSR_MAX_CHARS"),
        ("otherwise {} characters) is not sent", "csms_shared: CHAIN_MAX_CHARS"),
        (
            "no whole answer within {} s | tried again later, {} times in all",
            "station_registry: DEADLINE_S",
            "station_registry: ATTEMPTS",
        ),
        ("(the command's `timeout` and {} s)", "command_api: ANSWER_TIMEOUT_MS + GRACE_MS / 1000"),
        ("`certificate_request` ({} days after", "station_registry: ENDED_KEPT_DAYS"),
    ),
    *bounds_of(
        "docs/local-lists.md",
        (
            "at most {} entries a message; more than {} a message and {} a list",
            "session_service: PER_MESSAGE_DEFAULT",
            "session_service: PER_MESSAGE_MAX",
            "session_service: ENTRIES_MAX",
        ),
    ),
    *bounds_of(
        "docs/flight-recorder.md",
        (
            "_RETENTION_DAYS` | station-registry | {} |",
            "station_registry: RegistrySettings.recording_retention_days",
        ),
        ("a JSON object a line, at most {}.", "command_api: EXPORT_MAX"),
        ("looks back over some {} recordings", "station_registry: MAX_LOOKED_AT"),
        ("reads some {} of them at most", "station_registry: MAX_RECORDINGS"),
    ),
    *bounds_of(
        "docs/system-events.md",
        ("did not renew its lease for {} s", "station_registry: leases.LEASE_S"),
        ("Of more than {} stations the rest", "station_registry: SWEPT_AT_ONCE"),
        ("at most once in {} s of each queue", "csms_shared: MINUTE_S"),
        ("and once in {} s of each limit", "csms_shared: LIMIT_EVERY_S"),
        ("kept in memory until it is written: {} at most", "csms_shared: MOST_WAITING"),
        ("| {} streams of events are open", "command_api: MAX_STREAMS"),
        ("| {} requests are under way", "command_api: MAX_REQUESTS"),
    ),
    *bounds_of(
        "docs/overview.md",
        ("| `backups` | the {} that ended last", "command_api: BACKUPS_SHOWN"),
    ),
    *bounds_of(
        "docs/history.md",
        (
            "_RETENTION_DAYS` | station-registry | {} |",
            "station_registry: RegistrySettings.history_retention_days",
        ),
        ("made {} weeks ahead", "station_registry: WEEKS_AHEAD"),
    ),
    *bounds_of(
        "docs/bulk-actions.md",
        ("at most and by default {} |", "command_api: BULK_MAX"),
        ("up to {} for each service", "csms_shared: BULK_COUNT_MAX"),
        ("left as they are; {} of them", "csms_shared: BULK_FAILURES_MAX"),
        ("batches of at most {} items", "csms_shared: BULK_BATCH_MAX"),
    ),
    *bounds_of(
        "docs/firmware-and-logs.md",
        ("`CSMS_UPLOAD_MAX_MB` ({})", "command_api: CommandApiSettings.upload_max_mb"),
        ("or {} other files are coming in", "command_api: uploads._AT_ONCE"),
        ("in parts of {} MiB", "command_api: _PART_BYTES / MiB"),
        (
            "(`station_ids`, up to {}, in a body of at most {} MiB)",
            "csms_shared: ROLLOUT_MAX_STATIONS",
            "command_api: BODY_MAX_BYTES / MiB",
        ),
    ),
    *bounds_of(
        "docs/configuration.md",
        (
            "they wait {} minutes for an offline station",
            "station_registry: READ_WITHIN_MS / 1000 / minutes",
        ),
    ),
    *bounds_of(
        "docs/security-events.md",
        ("Events are kept for {} days", "station_registry: security_events.KEPT_DAYS"),
    ),
    *bounds_of(
        "docs/security-profiles.md",
        ("Files are looked at every {} s", "ws_gateway: LOOK_EVERY_S"),
        (
            "one of these too often: {}, then one each {} s",
            ENTRY + "failed_logins_at_once",
            ENTRY + "failed_login_interval_s",
        ),
    ),
    *bounds_of(
        "docs/smart-charging.md",
        (
            "{} V (or `line_voltage`) and {} phases",
            "session_service: NOMINAL_VOLTAGE",
            "session_service: ASSUMED_PHASES",
        ),
    ),
    *bounds_of(
        "docs/messages/accounts.md",
        ("is not persistent and lives for {} s", "command_api: replicas.EXPIRES_S"),
        ("the broker's confirmation, {} s at most", "command_api: replicas.TELL_S"),
        ("is remembered for {} s and no longer", "command_api: logins._REMEMBER_S"),
    ),
    *bounds_of(
        "docs/messages/README.md",
        (
            "At most {} items or {} KiB",
            "csms_shared: BATCH_MAX_ITEMS",
            "csms_shared: BATCH_MAX_BYTES / KiB",
        ),
    ),
    *bounds_of(
        "docs/messages/events.md",
        (
            "within {} minutes misses nothing ({} messages of each service",
            "csms_shared: KEPT_FOR_S / minutes",
            "csms_shared: MOST_KEPT",
        ),
    ),
)

BOUNDS_OF_PAGES = (*GATEWAY_README, *COMMAND_API_README, *SERVICE_READMES, *OTHER_PAGES)
