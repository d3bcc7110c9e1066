"""How each protocol family speaks. Pure: bytes in, messages out; settings in, commands out. No I/O, no clock, no store."""
