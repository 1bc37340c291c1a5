"""Batches and lanes as the tests of the engine's pure modules need them."""

from mixpanel_async.engine.batch import Batch, body_size
from mixpanel_async.engine.receipts import Receipt, Receipts


def batch_of(records: int, *, unsafe: frozenset[int] = frozenset()) -> Batch:
    """Return a batch of small numbered records with a receipt each."""
    parts = [b'{"n":%d}' % number for number in range(records)]
    return Batch(parts, Receipts([Receipt() for _ in parts]), body_size(parts), unsafe)
