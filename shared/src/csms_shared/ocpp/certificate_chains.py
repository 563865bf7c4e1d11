"""How long a chain in CertificateSigned may be (security whitepaper, 5.1 and 7.3)."""

# CertificateSigned.req: string[0..10000].
CHAIN_MAX_CHARS = 10_000
MAX_CHAIN_KEY = "CertificateSignedMaxChainSize"


def longest_chain(value: str | None) -> int:
    """Return the most characters that a station takes, by its CertificateSignedMaxChainSize.

    What can't be read limits nothing, and no value allows more than the specification.
    """
    text = (value or "").strip()
    if not (text.isascii() and text.isdigit()) or not 0 < len(text) < 10 or int(text) == 0:
        return CHAIN_MAX_CHARS
    return min(int(text), CHAIN_MAX_CHARS)
