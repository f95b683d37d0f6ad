#!/bin/sh
# started by supervisord as node
exec openclaw gateway run --bind lan --port 18789
