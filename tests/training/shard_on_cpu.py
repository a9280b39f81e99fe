"""The command line, in processes whose accelerate shards on CPUs: by itself it does so on GPUs only."""

from __future__ import annotations

import sys
from typing import Any

from accelerate import state

from interplay_bench.cli.main import main

plain = state.AcceleratorState.__init__


def sharded(self: Any, *arguments: Any, fsdp_plugin: Any = None, **options: Any) -> None:
    plain(self, *arguments, fsdp_plugin=fsdp_plugin, **options)
    if fsdp_plugin is not None:
        self.distributed_type = state.DistributedType.FSDP
        state.PartialState._shared_state["distributed_type"] = self.distributed_type
        self.fsdp_plugin = fsdp_plugin


state.AcceleratorState.__init__ = sharded
sys.exit(main(sys.argv[1:]))
