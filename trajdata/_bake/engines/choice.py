"""Choose an engine by its name."""

from __future__ import annotations

from trajdata._bake.engines.protocol import Engine
from trajdata._bake.engines.ray_engine import RayEngine
from trajdata._bake.engines.threads import ThreadsEngine
from trajdata._errors import ArgumentError

__all__ = ["ENGINES", "chosen_engine"]

ENGINES = ("threads", "ray")


def chosen_engine(engine: str, address: str | None, threads: int) -> Engine:
    """The engine of this name.

    Args:
        engine: one of ``ENGINES``.
        address: of the cluster, "auto" or HOST:PORT; None means "auto".
        threads: how many threads this process may use.

    Raises:
        ArgumentError: there is no engine of this name, or it takes no such address.
        ImportError: the engine needs a package that is not installed.
    """
    if engine not in ENGINES:
        raise ArgumentError(f"engine: given {engine!r:.80}; allowed are {', '.join(ENGINES)}")
    if engine == "threads":
        if address is not None:
            raise ArgumentError(
                f"address: given {address!r:.80}; allowed only with engine 'ray', whose cluster it "
                "names"
            )
        return ThreadsEngine(threads)
    address = "auto" if address is None else address
    if address != "auto" and not _is_host_and_port(address):
        raise ArgumentError(f"address: given {address!r:.80}; allowed is 'auto' or HOST:PORT")
    made = RayEngine(address)
    made.check()
    return made


def _is_host_and_port(address: object) -> bool:
    if not isinstance(address, str) or "://" in address:
        return False
    host, _, port = address.rpartition(":")
    return bool(host) and port.isascii() and port.isdecimal()
