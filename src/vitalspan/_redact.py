"""What must not leave with a text: passwords, tokens and other secrets that drivers put into their errors."""

import re

__all__ = ["redacted"]

_SECRETS = re.compile(
    # Up to the last @: a password may hold one that nobody has escaped.
    r"(?P<before>://[^:/@\s]*:)\S*(?P<after>@)"
    # As in a connection string (password=..., PGPASSWORD=..., Pwd={...}), or in what shows a dict ('password': '...').
    r"|(?P<key>(?:password|passwd|pwd|token|secret)[\"']?\s*[=:]\s*)"
    r"(?:'[^']*'|\"[^\"]*\"|\{[^}]*\}|[^\s;,&]+)",
    re.IGNORECASE,
)


def redacted(text: str) -> str:
    """Return *text* with `***` in the place of each secret.

    >>> redacted("cannot connect to postgresql://shop:hunter2@db/shop")
    'cannot connect to postgresql://shop:***@db/shop'
    """
    return _SECRETS.sub(r"\g<before>\g<key>***\g<after>", text)
