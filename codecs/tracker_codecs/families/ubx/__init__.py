"""u-blox UBX: GNSS receivers of generation 5 to 10, on a serial port."""
