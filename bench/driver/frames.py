"""Frames of a charging session, rendered as far as possible before they are needed."""

import time

CALLS_PER_SESSION = 15
METER_VALUES_PER_SESSION = 6
SAMPLES_PER_METER_VALUES = 4
SAMPLES_ALONE = 3
ENERGY_PER_METER_VALUES = 250

ACTIONS = (
    "StatusNotification",
    "Authorize",
    "StartTransaction",
    "StatusNotification",
    *("MeterValues",) * METER_VALUES_PER_SESSION,
    "StopTransaction",
    "StatusNotification",
    *("Heartbeat",) * 3,
)
START_STEP = 2
STOP_STEP = 10

_STATUS_OF_STEP = {0: b"Preparing", 3: b"Charging", 11: b"Available"}

_BOOT = (
    b'[2,"%d","BootNotification",{"chargePointVendor":"Bench","chargePointModel":"Driver",'
    b'"chargePointSerialNumber":"1","firmwareVersion":"1.0"}]'
)
_HEARTBEAT = b'[2,"%d","Heartbeat",{}]'
_STATUS = (
    b'[2,"%d","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"%b",'
    b'"timestamp":"%b"}]'
)
_AUTHORIZE = b'[2,"%d","Authorize",{"idTag":"%b"}]'
_START = (
    b'[2,"%d","StartTransaction",{"connectorId":1,"idTag":"%b","meterStart":%d,"timestamp":"%b"}]'
)
_METER_VALUES = (
    b'[2,"%d","MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%b",'
    b'"sampledValue":[{"value":"%d","context":"Sample.Periodic",'
    b'"measurand":"Energy.Active.Import.Register","location":"Outlet","unit":"Wh"},'
    b'{"value":"11040","context":"Sample.Periodic","measurand":"Power.Active.Import",'
    b'"location":"Outlet","unit":"W"},'
    b'{"value":"16.0","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1",'
    b'"location":"Outlet","unit":"A"},'
    b'{"value":"230.1","context":"Sample.Periodic","measurand":"Voltage","phase":"L1-N",'
    b'"location":"Outlet","unit":"V"}]}]}]'
)
_METER_VALUES_ALONE = (
    b'[2,"%d","MeterValues",{"connectorId":1,"transactionId":%d,"meterValue":[{"timestamp":"%b",'
    b'"sampledValue":[{"value":"%d","context":"Sample.Periodic",'
    b'"measurand":"Energy.Active.Import.Register","location":"Outlet","unit":"Wh"},'
    b'{"value":"11040","context":"Sample.Periodic","measurand":"Power.Active.Import",'
    b'"location":"Outlet","unit":"W"},'
    b'{"value":"16.0","context":"Sample.Periodic","measurand":"Current.Import","phase":"L1",'
    b'"location":"Outlet","unit":"A"}]}]}]'
)
_STOP = (
    b'[2,"%d","StopTransaction",{"transactionId":%d,"idTag":"%b","meterStop":%d,'
    b'"timestamp":"%b","reason":"Local"}]'
)


def boot(message_id: int) -> bytes:
    """Render a BootNotification."""
    return _BOOT % message_id


def heartbeat(message_id: int) -> bytes:
    """Render a Heartbeat."""
    return _HEARTBEAT % message_id


def authorize(message_id: int, id_tag: bytes) -> bytes:
    """Render an Authorize."""
    return _AUTHORIZE % (message_id, id_tag)


def start(message_id: int, id_tag: bytes, meter_start: int, now_ms: int) -> bytes:
    """Render a StartTransaction."""
    return _START % (message_id, id_tag, meter_start, clock(now_ms))


def meter_values_alone(message_id: int, transaction_id: int, register: int, now_ms: int) -> bytes:
    """Render MeterValues of three samples."""
    return _METER_VALUES_ALONE % (message_id, transaction_id, clock(now_ms), register)


def stop(message_id: int, transaction_id: int, id_tag: bytes, register: int, now_ms: int) -> bytes:
    """Render a StopTransaction."""
    return _STOP % (message_id, transaction_id, id_tag, register, clock(now_ms))


def session_call(
    step: int,
    message_id: int,
    id_tag: bytes,
    transaction_id: int,
    meter_start: int,
    now_ms: int,
) -> bytes:
    """Render the call of a session's step, with the station's time in ms since 1970."""
    if step == 1:
        return authorize(message_id, id_tag)
    if step > STOP_STEP + 1:
        return heartbeat(message_id)
    if step == START_STEP:
        return start(message_id, id_tag, meter_start, now_ms)
    now = clock(now_ms)
    if START_STEP + 1 < step < STOP_STEP:
        register = meter_start + ENERGY_PER_METER_VALUES * (step - START_STEP - 1)
        return _METER_VALUES % (message_id, transaction_id, now, register)
    if step == STOP_STEP:
        return stop(message_id, transaction_id, id_tag, meter_stop(meter_start), now_ms)
    return _STATUS % (message_id, _STATUS_OF_STEP[step], now)


def meter_stop(meter_start: int) -> int:
    """Tell what the meter shows at the end of a session."""
    return meter_start + ENERGY_PER_METER_VALUES * METER_VALUES_PER_SESSION


def clock(now_ms: int) -> bytes:
    """Write a time as a station does; the seconds are rendered once."""
    second, millisecond = divmod(now_ms, 1000)
    if second != _rendered_second[0]:
        _rendered_second[0] = second
        _rendered_text[0] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
    return b"%b.%03dZ" % (_rendered_text[0], millisecond)


_rendered_second = [-1]
_rendered_text = [b""]
