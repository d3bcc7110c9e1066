"""BOX Telematics BOX-tracker."""
