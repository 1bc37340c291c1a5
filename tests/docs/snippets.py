"""Runs Python code as a document shows it, with `await` at its top level."""

import ast
import asyncio
import inspect
import re
import textwrap
from collections.abc import Mapping

_BLOCK = re.compile(r"^ *```python\n(.*?)^ *```", re.DOTALL | re.MULTILINE)


def blocks_of(text: str) -> list[str]:
    """Return the Python blocks of a Markdown text or docstring."""
    return [textwrap.dedent(found) for found in _BLOCK.findall(text)]


async def run(code: str, names: Mapping[str, object]) -> dict[str, object]:
    """Run a block and return the names that it has defined.

    Args:
        code: The block.
        names: What it may use without importing it.
    """
    found: dict[str, object] = {"__name__": "__example__", **names}
    compiled = compile(code, "<example>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, found)  # noqa: S307 - the project's own documents
    if inspect.iscoroutine(result):
        async with asyncio.timeout(20):
            await result
    return found
