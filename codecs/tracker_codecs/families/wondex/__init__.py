"""WondeX VT units."""
