"""What Ray calls on the nodes of a cluster.

It imports what it needs when it is called: the process that hands the work out names these
functions, and renders nothing.
"""

from __future__ import annotations

import pickle

__all__ = ["Pulse", "bake_on_node"]


def bake_on_node(
    site: bytes, shard: int, promised: str | None, outgrown: str | None
) -> tuple[str, str, bytes]:
    """Bake one shard on a node.

    Args:
        site: a pickled ``Site``.
        shard, promised, outgrown: as of a ``ShardTask``.

    Returns:
        The node's number in the cluster; "commit", and the commit, pickled. Or, in the place of
        these two, "medium" and an OSError, or "error" and another error that a caller can handle.
    """
    import ray

    from trajdata._bake.engines.ray_site import opened_site
    from trajdata._errors import TrajdataError

    node: str = ray.get_runtime_context().get_node_id()
    try:
        commit = opened_site(site).bake(shard, promised, outgrown)
    except OSError as error:
        return node, "medium", pickle.dumps(error)
    except TrajdataError as error:
        return node, "error", pickle.dumps(error)
    return node, "commit", pickle.dumps(commit)


class Pulse:
    """A process of a node that does nothing but answer."""

    def beat(self) -> None:
        """Answer. A node whose processes are frozen does not."""
