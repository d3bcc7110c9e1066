"""GlobalSat TR and GTR units."""
