"""OpenVINO is imported without what phones home, and without its slow converter."""

from __future__ import annotations

import subprocess
import sys

LOADED = """
import sys
from ragkit_ingest.embed.bert_graph import import_openvino

openvino = import_openvino()
assert openvino is import_openvino()
assert openvino.Core().available_devices
print(sorted({"openvino_telemetry", "openvino.tools.ovc"} & set(sys.modules)))
try:
    openvino.convert_model("nowhere.onnx")
except Exception as exc:
    print("nowhere.onnx" in str(exc))
print("openvino.tools.ovc" in sys.modules, "openvino_telemetry" in sys.modules)
"""


def test_openvino_comes_alone_and_converts_when_it_is_asked_to() -> None:
    run = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["[]", "True", "True False"]
