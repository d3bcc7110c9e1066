"""OwnTracks: the phone app (iOS, Android) as a tracker, over MQTT."""
