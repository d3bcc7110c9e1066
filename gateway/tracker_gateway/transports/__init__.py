"""Links: how bytes of trackers reach a codec, and how sessions come and go."""
