"""The fixtures of the plugin, for its own tests and those of `nbtasks.testing`."""

from nbtasks.testing import plugin

nbtasks_app = plugin.nbtasks_app
nbtasks_clock = plugin.nbtasks_clock
nbtasks_config = plugin.nbtasks_config
nbtasks_drain = plugin.nbtasks_drain
nbtasks_program = plugin.nbtasks_program
nbtasks_server = plugin.nbtasks_server
