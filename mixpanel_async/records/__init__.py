"""Rules for records, and their encoding to bytes."""
