"""How telemetry leaves the process: the only room that imports the OpenTelemetry SDK."""

from vitalspan._delivery import FlushResult
from vitalspan.pipeline._configure import build
from vitalspan.pipeline._lifecycle import Pipeline
from vitalspan.pipeline._settings import Protocol, Settings

__all__ = ["FlushResult", "Pipeline", "Protocol", "Settings", "build"]
