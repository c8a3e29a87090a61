"""The ``trajdata`` command and its subcommands."""

from trajdata._cli.app import main

__all__ = ["main"]
