# SPDX-License-Identifier: Apache-2.0
import contextlib
import io
import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import harness


def measured(**figures: list[float]) -> harness.row:
    return harness.row("plain", "cpu_us/request", 1.15, figures=figures)


class Row(unittest.TestCase):
    def test_the_ratio_is_ours_over_the_best_peer_by_medians(self):
        result = measured(ours=[11, 99, 12], nginx=[20, 20, 20], haproxy=[10, 1, 30]).result()
        self.assertEqual((result["ours"], result["peers"]), (12, {"nginx": 20, "haproxy": 10}))
        self.assertEqual((result["ratio"], result["ok"]), (1.2, False))

    def test_a_bar_just_met_is_met(self):
        self.assertTrue(measured(ours=[11.5], nginx=[10]).result()["ok"])

    def test_peers_alone_are_neither_ok_nor_missed(self):
        result = measured(nginx=[10]).result()
        self.assertIsNone(result["ok"])
        self.assertIsNone(result["ratio"])


class Report(unittest.TestCase):
    def report(self, *rows: harness.row) -> tuple[int, dict]:
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(
            harness, "ROOT", Path(folder)
        ), contextlib.redirect_stdout(io.StringIO()):
            status = harness.report("edge", list(rows))
            return status, json.loads(next(Path(folder).rglob("*.json")).read_text())

    def test_writes_exactly_the_agreed_form(self):
        status, written = self.report(measured(ours=[10], nginx=[10], haproxy=[12]))
        self.assertEqual(status, 0)
        self.assertEqual(list(written), ["machine", "rows"])
        self.assertEqual(
            written["rows"],
            [
                {
                    "row": "plain",
                    "unit": "cpu_us/request",
                    "ours": 10,
                    "peers": {"nginx": 10, "haproxy": 12},
                    "ratio": 1.0,
                    "asked": "<=1.15",
                    "ok": True,
                }
            ],
        )

    def test_one_missed_bar_fails_the_run(self):
        status, _ = self.report(measured(ours=[10], nginx=[10]), measured(ours=[12], nginx=[10]))
        self.assertEqual(status, 1)


class Cost(unittest.TestCase):
    def test_a_run_that_served_nothing_has_no_figure(self):
        server = mock.Mock(pid=1, alive=lambda: True)
        with self.assertRaises(harness.bench_error):
            harness.cost_us(harness.contestant(server, lambda: 0))

    def test_a_server_that_ended_under_load_has_no_figure(self):
        server = mock.Mock(pid=1, alive=lambda: False, log_text=lambda: "crash")
        with self.assertRaisesRegex(harness.bench_error, "crash"):
            harness.cost_us(harness.contestant(server, lambda: 1000))


if __name__ == "__main__":
    unittest.main()
