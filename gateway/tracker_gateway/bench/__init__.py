"""The bench: settings brought to a device on a serial port and proved there, without a daemon and without a store."""
