"""GT06: Concox / Jimi trackers and their many clones."""
