"""Id tokens: what two of them are compared by, whoever compares."""


def token_key(id_token: str) -> str:
    """Return what an id token is compared by.

    Without case, as idTag is a CiString (OCPP 1.6, 7.28), and without the blanks around it that
    readers and people add.
    """
    return id_token.strip().casefold()
