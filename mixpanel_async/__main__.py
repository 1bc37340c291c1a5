"""`python -m mixpanel_async` and the command `mixpanel-async`."""

import os
import sys

from mixpanel_async.errors import MissingExtraError


def main() -> None:
    """Run the command line; exits with its status."""
    if sys.stderr is None:  # the program was started without one: what would be said there goes nowhere
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - open until the end
    try:
        from mixpanel_async.cli.app import run
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in {"typer", "rich", "platformdirs", "dotenv", "tomli_w"}:
            raise
        sys.stderr.write(f"mixpanel-async: {MissingExtraError('cli', 'the command line')}\n")
        sys.exit(2)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
