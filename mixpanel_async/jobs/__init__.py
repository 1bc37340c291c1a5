"""Jobs: whole files and streams through the engine, each record accounted for."""
