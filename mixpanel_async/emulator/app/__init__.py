"""Rules and state machines of the app and pipeline APIs: pure functions of documents and times."""
