"""What can happen to a call of a simulated station."""


class CallFailedError(Exception):
    """A call of the station got no positive answer."""


class OfflineError(CallFailedError):
    """There is no connection, so nothing was sent."""


class ConnectionLostError(CallFailedError):
    """The connection ended after the call was sent and before its answer came."""


class CallTimedOutError(CallFailedError):
    """No answer came within the station's time-out."""


class CallRefusedError(CallFailedError):
    """The central system answered CALLERROR."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(f"{code}: {description}")
        self.code = code
        self.description = description


class UnusableRecordingError(Exception):
    """A file holds no recording."""


class UnusableSuiteError(Exception):
    """No connection can be had to play a recording on."""
