"""What there is to show in these tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from vitalspan.cli._demo_text import Frame
from vitalspan.dashboard import ComponentView, FunctionView, HealthEvent, ServiceView, Source

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SHOP = Source("shop", "one")
LOCKED = HealthEvent(SHOP, NOON, "database", "unhealthy", "healthy", "database is locked", "ab", 1)
MENDED = HealthEvent(SHOP, NOON + timedelta(seconds=8), "database", "healthy", "unhealthy", "", "cd", 2)
SELL = FunctionView("shop.web.Shop.sell", 12.345, 123, (("error", 3), ("ok", 120)), 0.00123, 0.25, 1000, 7)
IDLE = FunctionView("shop.buy", 0.0, 0, (), None, None, 5, 0)
DATABASE = ComponentView("database", "unhealthy", NOON, "database is locked", is_critical=True)
SERVICE = ServiceView(SHOP, NOON + timedelta(seconds=9), (DATABASE,), (IDLE, SELL), (LOCKED,))


def frame(elapsed: float, *events: HealthEvent, fault: str = "") -> Frame:
    """Return a frame of one service, that many seconds in, after these *events*."""
    service = replace(SERVICE, events=events or SERVICE.events)
    return Frame((service,), NOON + timedelta(seconds=10), elapsed, fault)
