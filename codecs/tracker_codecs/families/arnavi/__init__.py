"""Arnavi vehicle terminals; session only."""
