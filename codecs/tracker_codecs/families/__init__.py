"""The families: a module, a package or a template each. Nothing here lists them, `tracker_codecs.registry` scans."""
