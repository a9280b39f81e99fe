"""``python -m interplay_bench``: the same as ``interplay-bench``, for launchers such as ``accelerate launch -m``."""

import sys

from interplay_bench.cli.main import main

sys.exit(main())
