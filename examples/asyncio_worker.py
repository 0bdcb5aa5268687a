"""A worker on asyncio: its checks run in its own event loop, where its queue and its clients live.

python examples/asyncio_worker.py
"""

import asyncio

import vitalspan


@vitalspan.instrument
async def handle(job: int) -> int:
    """Do one job."""
    await asyncio.sleep(0.01)
    return job * job


async def main() -> None:
    """Work through a queue that is watched."""
    vitalspan.configure(service_name="worker")
    jobs: asyncio.Queue[int] = asyncio.Queue(maxsize=100)

    @vitalspan.check("jobs", interval=0.1)
    async def check_jobs() -> tuple[vitalspan.Status, str]:
        waiting = jobs.qsize()
        is_busy = waiting > jobs.maxsize // 2
        return (vitalspan.Status.DEGRADED if is_busy else vitalspan.Status.HEALTHY), f"{waiting} jobs wait"

    async with vitalspan.monitoring() as system:
        for job in range(60):
            jobs.put_nowait(job)
        print(f"jobs are {(await system.monitor.check_now('jobs')).status.value}")
        while not jobs.empty():
            await handle(jobs.get_nowait())
        print(f"jobs are {(await system.monitor.check_now('jobs')).status.value}")


if __name__ == "__main__":
    asyncio.run(main())
