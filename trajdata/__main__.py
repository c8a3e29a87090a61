"""``python -m trajdata`` is the ``trajdata`` command."""

from trajdata._cli import main

if __name__ == "__main__":
    main()
