"""The shop really sells: orders go into a file and come out of it."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from vitalspan.cli import _demo_shop
from vitalspan.cli._demo_agents import AgentPool
from vitalspan.cli._demo_shop import Order, OrderNotFoundError, Packing, Shop, UnknownItemError


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "orders.sqlite3")


def test_an_order_is_found_again(shop: Shop) -> None:
    order = shop.place_order("tea", 2)
    assert order == Order(1, "tea", 2, 700)
    assert shop.find_order(1) == order


def test_what_the_shop_does_not_have_cannot_be_ordered(shop: Shop) -> None:
    with pytest.raises(UnknownItemError, match="unicorn"):
        shop.place_order("unicorn", 1)
    with pytest.raises(OrderNotFoundError):
        shop.find_order(1)


def test_a_locked_file_is_an_error_and_not_a_standstill(shop: Shop, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "orders.sqlite3")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            shop.place_order("tea", 1)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            shop.find_order(1)


def test_old_orders_are_thrown_away(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo may run for days."""
    monkeypatch.setattr(_demo_shop, "_KEPT_ORDERS", 2)
    for _ in range(5):
        shop.place_order("tea", 1)
    with closing(shop.connect()) as connection:
        assert connection.execute("SELECT number FROM orders ORDER BY number").fetchall() == [(4,), (5,)]


def test_packing_waits_for_an_agent_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_demo_shop, "_PACKING_DEADLINE", 0.05)
    order = Order(1, "tea", 1, 350)

    async def main() -> None:
        async with AgentPool(1) as agents:
            packing = Packing(agents)
            await packing.pack_order(order)
            gate = asyncio.Event()
            hanging = asyncio.ensure_future(agents.run(gate.wait))
            await asyncio.sleep(0)
            with pytest.raises(TimeoutError):
                await packing.pack_order(order)
            gate.set()
            await hanging
            await packing.pack_order(order)

    asyncio.run(main())
