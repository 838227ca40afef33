"""Programs on a graphics device, natively and in the browser."""
