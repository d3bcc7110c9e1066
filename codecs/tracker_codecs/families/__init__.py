"""One package a family. Each has an object `FAMILY`; nothing here lists them, `tracker_codecs.registry` scans."""
