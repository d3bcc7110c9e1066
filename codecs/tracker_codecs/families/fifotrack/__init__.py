"""fifotrack vehicle and personal trackers."""
