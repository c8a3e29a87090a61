"""Tell how a run ended, before the error that ended it is raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from trajdata._bake.reporter import Reporter
from trajdata._shards.recipe import Recipe
from trajdata._store.protocol import Store

__all__ = ["telling_the_end"]


@contextmanager
def telling_the_end(store: Store, reporter: Reporter, recipe: Recipe) -> Iterator[None]:
    """Inside, an error or an interrupt is told in PROGRESS and on the page before it is raised.

    Raises:
        OSError: the medium failed; the text says how many shards are committed.
    """
    try:
        yield
    except KeyboardInterrupt:
        _last_words(store, reporter, "interrupted", "stopped by the user; nothing half is left")
        raise
    except OSError as error:
        text = (
            f"{error.strerror or error}; {reporter.shards_done} of {recipe.shards} shards are "
            "committed and untouched"
        )
        _last_words(store, reporter, "failed", text)
        raise OSError(error.errno, text, error.filename) from error
    except Exception as error:
        _last_words(store, reporter, "failed", str(error))
        raise


def _last_words(store: Store, reporter: Reporter, status: str, message: str) -> None:
    try:
        # A Ctrl-C can come after a temp was created and before the code that removes it is reached.
        # All threads have ended, so that no temp is in use.
        store.clear_temps()
        reporter.tell_last(status, message)
    except OSError:
        # A full or broken disk may refuse these files too. The caller raises the first error.
        return
