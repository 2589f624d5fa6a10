"""ID card readers with a SAM-A or SAM-V module on a serial port: frames, what is on a card, and the reader itself."""
