"""Bofan PT502, PT521 and their sisters: `$POS` lines, `#` commands."""
