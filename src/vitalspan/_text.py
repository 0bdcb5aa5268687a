"""Text that can be sent.

A `str` may hold lone surrogates: bytes that were not UTF-8, as they come from file names, and broken JSON.
Protobuf refuses them, and OTLP then loses the whole batch that holds one.
"""

__all__ = ["is_sendable", "sendable"]


def is_sendable(text: str) -> bool:
    """Tell whether *text* is free of lone surrogates."""
    try:
        return text.isascii() or bool(text.encode())
    except UnicodeEncodeError:
        return False


def sendable(text: str) -> str:
    r"""Return *text* with a question mark for each lone surrogate.

    >>> sendable("caf\udce9")
    'caf?'
    """
    return text if is_sendable(text) else text.encode(errors="replace").decode()
