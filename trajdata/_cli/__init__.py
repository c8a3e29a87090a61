"""The ``trajdata`` command: what a person types, and how its end is told to a program."""

from trajdata._cli.app import main

__all__ = ["main"]
