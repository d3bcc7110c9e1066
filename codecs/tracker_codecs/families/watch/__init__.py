"""GPS watches."""
