"""What fields of several events mean."""

from typing import Annotated

from pydantic import Field

StationId = Annotated[str, Field(description="the station")]
Epoch = Annotated[
    int, Field(description="number of the station's connection: a later one has a higher number")
]
Seq = Annotated[int, Field(description="number of the station's call in its connection")]
GatewayId = Annotated[str, Field(description="the gateway process that holds the connection")]
ConnectionId = Annotated[str, Field(description="the connection, 32 hexadecimal digits")]
EvseId = Annotated[int, Field(description="the EVSE; in OCPP 1.6 the connector's number")]
ConnectorId = Annotated[int, Field(description="the connector")]
ConnectorOrStation = Annotated[int, Field(description="the connector; 0: the station itself")]
TransactionId = Annotated[int, Field(description="the transaction, as REST calls it")]
StationTransactionId = Annotated[
    str,
    Field(
        description="what the station calls the transaction: in OCPP 1.6 `transaction_id` as text"
    ),
]
IdTokenText = Annotated[str, Field(description="the id token that it was started with")]
Energy = Annotated[
    int | None, Field(description="energy since the start in Wh; null where it is not known")
]
Flags = Annotated[list[str], Field(description="what is odd about it, sorted (docs/tolerance.md)")]
SerialNumber = Annotated[
    str, Field(description="the certificate's serial number in hexadecimal digits")
]
NotAfter = Annotated[str, Field(description="when the certificate ends, RFC 3339")]
CertificateId = Annotated[
    str, Field(description="the certificate, as REST calls it: its SHA-256 fingerprint")
]
CommandId = Annotated[str, Field(description="the command that it follows from")]
