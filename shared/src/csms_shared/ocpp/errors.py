"""OCPP-J error codes, and how each protocol version spells them."""

from enum import StrEnum

from csms_shared.ocpp.versions import OCPP16


class RpcError(StrEnum):
    """Why a CALL was refused; the values are the spellings of OCPP 2.0.1 and later."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMAT_VIOLATION = "FormatViolation"
    OCCURRENCE_CONSTRAINT_VIOLATION = "OccurrenceConstraintViolation"
    PROPERTY_CONSTRAINT_VIOLATION = "PropertyConstraintViolation"
    TYPE_CONSTRAINT_VIOLATION = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


# Misspelled in 1.6 and never to be mended: OCPP-J 1.6 errata 5.1 and 5.2.
_SPELLED_IN_16 = {
    RpcError.FORMAT_VIOLATION: "FormationViolation",
    RpcError.OCCURRENCE_CONSTRAINT_VIOLATION: "OccurenceConstraintViolation",
}


def error_code(version: str, error: RpcError) -> str:
    """Return the error code exactly as this OCPP version has it on the wire."""
    if version == OCPP16:
        return _SPELLED_IN_16.get(error, error.value)
    return error.value
