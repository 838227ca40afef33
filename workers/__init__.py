"""What runs beside the page: the messages, the workers that obey them, and the API."""
