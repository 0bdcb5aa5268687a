"""Receives OTLP and keeps what arrived, to be looked at.

It is a program of its own and knows the rest of vitalspan only by the names on the wire. A `Receiver` takes
requests over HTTP and hands them to a store; a store takes them in and answers with views, which are plain values;
whoever shows them needs to know neither.
"""

from vitalspan.dashboard._arrivals import Arrival, CallsPoint, HealthEvent, Source, StatusPoint
from vitalspan.dashboard._calls import FunctionView
from vitalspan.dashboard._component import ComponentView
from vitalspan.dashboard._decode import ExportRequest, decode
from vitalspan.dashboard._estimate import quantile
from vitalspan.dashboard._exchange import Sink
from vitalspan.dashboard._receiver import Receiver
from vitalspan.dashboard._service import Limits, ServiceView
from vitalspan.dashboard._store import MemoryStore

__all__ = [
    "Arrival",
    "CallsPoint",
    "ComponentView",
    "ExportRequest",
    "FunctionView",
    "HealthEvent",
    "Limits",
    "MemoryStore",
    "Receiver",
    "ServiceView",
    "Sink",
    "Source",
    "StatusPoint",
    "decode",
    "quantile",
]
