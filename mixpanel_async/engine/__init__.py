"""The batching engine: records in, one outcome each out."""
