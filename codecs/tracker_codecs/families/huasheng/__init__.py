"""Hua Sheng HS 3000G."""
