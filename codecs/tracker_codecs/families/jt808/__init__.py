"""JT/T 808: Chinese national-standard terminals."""
