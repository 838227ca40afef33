"""The group's apps, as Flower loads them."""

from oneseek.engine.with_flower.client import client_app
from oneseek.engine.with_flower.server import server_app

server = server_app({})
client = client_app({})
