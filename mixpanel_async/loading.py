"""Loads modules on a thread: importing them on the event loop would hold it for up to a tenth of a second."""

import asyncio
import importlib
import sys


async def load(name: str) -> None:
    """Import a module on a thread, unless it is there already.

    Args:
        name: Full name of the module.
    """
    module = sys.modules.get(name)
    # While a module is being imported elsewhere, it is there, but importing it again waits for its lock.
    if module is None or getattr(module.__spec__, "_initializing", False):
        await asyncio.to_thread(importlib.import_module, name)
