"""The handlers of the HTTP API, one module for each thing it is asked about."""
