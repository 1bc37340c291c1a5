"""Batches and lanes as the tests of the engine's pure modules need them."""

from mixpanel_async.engine.batch import Batch, body_size
from mixpanel_async.engine.receipts import Receipt, Receipts
from mixpanel_async.session.loop_owner import LoopOwner


def receipt() -> Receipt:
    """Return a receipt of a client that no loop has used yet."""
    return Receipt(LoopOwner())


def batch_of(records: int, *, unsafe: frozenset[int] = frozenset(), body_bytes: int | None = None) -> Batch:
    """Return a batch of small numbered records with a receipt each."""
    parts = [b'{"n":%d}' % number for number in range(records)]
    return Batch(parts, Receipts([receipt() for _ in parts]), body_bytes or body_size(parts), unsafe)
