"""IntelliTrac and CAREU units."""
