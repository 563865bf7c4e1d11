"""The names of tolerated deviations, as metrics and stations show them."""

from enum import StrEnum


class Deviation(StrEnum):
    """A way in which stations differ from the specification, and are served all the same."""

    MISSING_SUBPROTOCOL = "missing_subprotocol"
    MENDED_FRAME = "mended_frame"
    LONG_MESSAGE_ID = "long_message_id"
    CALLS_IN_FLIGHT = "calls_in_flight"
    CALL_BEFORE_BOOT = "call_before_boot"
    EMPTY_VENDOR = "empty_vendor"
    TRUNCATED_TEXT = "truncated_text"
    TIME_FORMAT = "time_format"
    UNREADABLE_TIME = "unreadable_time"
    NUMBER_FOR_TEXT = "number_for_text"
    OBJECT_FOR_ARRAY = "object_for_array"
    EMPTY_SAMPLES = "empty_samples"
    UNKNOWN_FIELD = "unknown_field"
    NULL_FIELD = "null_field"
    ENUM_CASE = "enum_case"
    UNKNOWN_ENUM = "unknown_enum"
    DATA_NOT_TEXT = "data_not_text"
    EMPTY_ID_TAG = "empty_id_tag"
    LONG_ID_TAG = "long_id_tag"
    NO_TRANSACTION_ID = "no_transaction_id"
    INVALID_RESPONSE = "invalid_response"
