"""CalAmp LMU, TTU and ATU: LM Direct over UDP, AT commands on the serial port."""
