"""The Chalice application: everything is registered here, and no logic is."""

from chalicelib.api.blueprints import register_all
from chalicelib.bootstrap import world
from chalicelib.web.edge import RegistryApp

app = register_all(RegistryApp(app_name="roadstead"), world)
