"""Tests of mixpanel_async: unit, property, integration, contract, simulation, examples."""

import pathlib

ROOT = pathlib.Path(__file__).parents[1]
