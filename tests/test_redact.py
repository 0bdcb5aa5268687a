"""Secrets do not leave with a text."""

import time

import pytest

from vitalspan._redact import redacted

_SECRET = "hunter2"  # noqa: S105 - made up


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://shop:hunter2@db.internal/shop refused",
        "postgresql://shop:p@hunter2@db.internal/shop refused",
        "redis://:hunter2@cache:6379/0 refused",
        "connection to host=db user=shop password=hunter2 failed",
        "connection to host=db PASSWORD = hunter2; failed",
        "Driver={ODBC};Server=db;Uid=shop;Pwd=hunter2;Encrypt=yes",
        "Driver={ODBC};Server=db;Uid=shop;Pwd={a;hunter2};Encrypt=yes",
        "password='a hunter2' host=db",
        'password="a hunter2" host=db',
        "PGPASSWORD=hunter2 was refused",
        "db_password=hunter2&sslmode=require",
        "cannot connect with {'user': 'shop', 'password': 'hunter2'}",
        'cannot connect with {"user": "shop", "passwd": "hunter2"}',
        "https://db.internal/?token=hunter2&x=1",
        "client_secret=hunter2",
    ],
)
def test_a_password_is_never_in_a_redacted_text(text: str) -> None:
    assert _SECRET not in redacted(text)
    assert "***" in redacted(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (
            "postgresql://shop:hunter2@db.internal:5432/shop: authentication failed for user 'shop'",
            "postgresql://shop:***@db.internal:5432/shop: authentication failed for user 'shop'",
        ),
        ("no such file: /data/shop.db", "no such file: /data/shop.db"),
        ("", ""),
    ],
)
def test_what_is_no_secret_stays(text: str, left: str) -> None:
    assert redacted(text) == left


def test_a_hostile_text_as_long_as_a_message_may_be_costs_little() -> None:
    begin = time.process_time()
    redacted("://a:" * 800)
    assert time.process_time() - begin < 1
