"""How protocol families speak. Pure: bytes in, messages out; settings in, commands out. No I/O, clock or store."""
