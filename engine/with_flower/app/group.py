"""The group's app, as Flower loads it."""

from engine.with_flower.client import client_app
from engine.with_flower.server import server_app

server = server_app({})
client = client_app({})
