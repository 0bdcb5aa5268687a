"""The default system: in a plain script, in asyncio, and where it must move from one to the other."""

import socket

import pytest

from tests.programs import Sink, environment, run_program


def test_in_a_plain_script_checks_run_on_a_thread_of_their_own(sink: Sink) -> None:
    ran = run_program(
        """
        import threading, vitalspan
        seen = []
        @vitalspan.check("database", interval=0.02)
        async def database(): seen.append(threading.current_thread().name)
        vitalspan.configure(service_name="shop")
        @vitalspan.check("later", interval=0.02)
        def later(): raise ValueError("gone")
        monitor = vitalspan.default_system().monitor
        while monitor.get_status("later").consecutive_failures < 2: time.sleep(0.01)
        show(seen[0], monitor.get_status("database").status.value, monitor.get_status("later").status.value)
        show(bool(vitalspan.shutdown()), monitor.is_running)
        """,
        **environment(sink),
    )
    assert ran.printed == [["vitalspan-health", "healthy", "unhealthy"], [True, False]]
    statuses = {
        (point.attributes["health.component"], point.attributes["health.status"]): point.value
        for point in sink.received.points_of("health.check.status")
    }
    assert statuses["database", "healthy"] == statuses["later", "unhealthy"] == 1
    assert statuses["database", "unhealthy"] == statuses["later", "healthy"] == 0


def test_start_monitor_false_leaves_it_still(sink: Sink) -> None:
    ran = run_program(
        """
        import vitalspan
        vitalspan.configure(service_name="shop", start_monitor=False)
        show(vitalspan.default_system().monitor.is_running)
        """,
        **environment(sink),
    )
    assert ran.printed == [False]


def test_monitoring_moves_the_checks_into_the_program_s_event_loop(sink: Sink) -> None:
    """That is where its clients live: outside, the finding says so and how to mend it."""
    ran = run_program(
        """
        import asyncio, vitalspan
        vitalspan.configure(service_name="shop")
        async def main():
            answer = asyncio.get_running_loop().create_future()
            @vitalspan.check("client", interval=0.02)
            async def client(): await asyncio.shield(answer)
            monitor = vitalspan.default_system().monitor
            while monitor.get_status("client").status is vitalspan.Status.UNKNOWN: await asyncio.sleep(0.01)
            show(monitor.get_status("client").status.value, monitor.get_status("client").message)
            answer.set_result(None)
            async with vitalspan.monitoring() as system:
                while monitor.get_status("client").status is not vitalspan.Status.HEALTHY: await asyncio.sleep(0.01)
                show(system is vitalspan.default_system(), monitor.is_running)
            show(monitor.is_running)
        asyncio.run(main())
        """,
        **environment(sink),
    )
    (status, message), inside, after = ran.printed
    assert status == "unhealthy"
    assert "async with vitalspan.monitoring():" in message
    assert inside == [True, True]
    assert after is False
    # Sent at the end of the block: many servers end a process without running its exit handlers.
    changed = [span for span in sink.received.spans if "health.previous_status" in span.attributes]
    assert [span.attributes["health.status"] for span in changed] == ["unhealthy", "healthy"]


def test_flush_and_shutdown_before_configure_do_nothing() -> None:
    ran = run_program(
        """
        import vitalspan
        show(bool(vitalspan.flush()), bool(vitalspan.shutdown()))
        """
    )
    assert ran.printed == [[True, True]]


@pytest.mark.deadline
def test_a_check_that_hangs_does_not_cost_the_last_export(sink: Sink) -> None:
    ran = run_program(
        """
        import vitalspan
        @vitalspan.instrument
        def work(): pass
        @vitalspan.check("stuck", timeout=60)
        def stuck(): time.sleep(60)
        vitalspan.configure(service_name="shop")
        work()
        show(time.time())
        """,
        **environment(sink),
    )
    assert ran.ended - ran.printed[0] < 2.5
    assert [span.name for span in sink.received.spans] == ["work"]


_HANGING = """
import asyncio, threading, vitalspan
vitalspan.configure(service_name="shop")
@vitalspan.check("stuck", interval=0.05)
async def stuck():
    STUCK
time.sleep(0.2)
"""


_BLOCKS, _WAITS = "time.sleep(60)", "await asyncio.sleep(60)"


@pytest.mark.deadline
@pytest.mark.parametrize(
    ("stuck", "ending"),
    [
        (_BLOCKS, ""),
        (_BLOCKS, "asyncio.run(main())"),
        (_BLOCKS, "asyncio.run(main())\nvitalspan.shutdown()"),
        (_WAITS, "vitalspan.shutdown()"),
        (_WAITS, "asyncio.run(main(SystemExit(0)))"),
        ("await asyncio.to_thread(lambda: None)", "asyncio.run(main())\nvitalspan.shutdown()"),
    ],
)
def test_a_program_ends_in_time_however_it_ends(stuck: str, ending: str) -> None:
    """One deadline for everything: checks that hang, and a Collector that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as black_hole:
        ran = run_program(
            _HANGING.replace("STUCK", stuck),
            """
            async def main(error=None):
                async with vitalspan.monitoring():
                    await asyncio.sleep(0)
                    show(time.time())
                    if error: raise error
            """,
            "show(time.time())" if "main" not in ending else "",
            ending,
            OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{black_hole.getsockname()[1]}",
        )
    assert ran.ended - ran.printed[-1] < 2.5


def test_a_log_handler_that_comes_back_does_not_stop_configure(sink: Sink) -> None:
    """The SDK logs while it is set up, and a program may count its log records with us."""
    ran = run_program(
        """
        import threading, vitalspan
        class Counting(logging.Handler):
            def emit(self, record):
                vitalspan.default_system().collector.increment_counter("log.records")
                elsewhere = threading.Thread(target=vitalspan.default_system)
                elsewhere.start()
                elsewhere.join()
        logging.getLogger().addHandler(Counting())
        vitalspan.configure(start_monitor=False)
        show(bool(vitalspan.flush()))
        """,
        **environment(sink, OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="nonsense"),
    )
    assert ran.printed == [True]
    assert "nonsense" in ran.log
    assert sink.received.points_of("health.system.status")


def test_configure_within_configure_is_refused(sink: Sink) -> None:
    ran = run_program(
        """
        import vitalspan
        class Configuring(logging.Handler):
            def emit(self, record):
                try:
                    vitalspan.configure()
                except vitalspan.ConfigurationError as error:
                    show(str(error))
        logging.getLogger("opentelemetry").addHandler(Configuring())
        vitalspan.configure(start_monitor=False)
        """,
        **environment(sink, OTEL_EXPERIMENTAL_RESOURCE_DETECTORS="nonsense"),
    )
    assert set(ran.printed) == {"configure() is 'called by itself': call it once, and not from a handler of the log"}


def test_two_threads_that_come_first_get_the_same_system() -> None:
    ran = run_program(
        """
        import sys, threading, vitalspan
        sys.setswitchinterval(1e-6)
        gate, seen = threading.Barrier(8), []
        def come(): gate.wait(); seen.append(vitalspan.default_system())
        threads = [threading.Thread(target=come) for _ in range(8)]
        for thread in threads: thread.start()
        for thread in threads: thread.join()
        show(len(seen), len(set(map(id, seen))))
        """
    )
    assert ran.printed == [[8, 1]]
