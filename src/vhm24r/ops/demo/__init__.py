"""The demo network: a vending month as report files in the layouts of all six sources, with its truth.

Owns: inventing a network and its orders, planting faults with known counts, rendering them in the sources'
exact layouts, and writing the files, `truth.jsonl` and `manifest.json`. One seed gives the same bytes.

Never: reads a clock, a database, a setting or the network; imports or matches anything; names a person.
"""

from vhm24r.ops.demo.facts import Payment, Planted, Receipt, Sale
from vhm24r.ops.demo.generate import generate
from vhm24r.ops.demo.manifest import FileEntry, Manifest
from vhm24r.ops.demo.network import Machine, Network, Register, build_network
from vhm24r.ops.demo.noise import planted
from vhm24r.ops.demo.orders import TrueOrder, true_orders
from vhm24r.ops.demo.spec import Clocks, Formats, NetworkSpec, Noise, PaymentMix, Rates
from vhm24r.ops.demo.tables import write_happy_workers

__all__ = [
    "Clocks",
    "FileEntry",
    "Formats",
    "Machine",
    "Manifest",
    "Network",
    "NetworkSpec",
    "Noise",
    "Payment",
    "PaymentMix",
    "Planted",
    "Rates",
    "Receipt",
    "Register",
    "Sale",
    "TrueOrder",
    "build_network",
    "generate",
    "planted",
    "true_orders",
    "write_happy_workers",
]
