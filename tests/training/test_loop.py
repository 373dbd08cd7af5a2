import json

import pytest
import torch
from torch import nn

from anomalygpt.config import ConfigError
from anomalygpt.config.training import TrainingConfig
from anomalygpt.training import loop
from anomalygpt.training.loop import OwnShare, learning_rate, run


class Numbers(torch.utils.data.Dataset):
    def __len__(self):
        return 10_000

    def __getitem__(self, index):
        generator = torch.Generator().manual_seed(index)
        return torch.randn(4, generator=generator)


class Task(nn.Module):
    """Learns to halve, through dropout, so that chance in the task matters too."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.frozen = nn.Linear(4, 4).requires_grad_(False)

    def forward(self, batch):
        found = self.norm(nn.functional.dropout(self.layer(batch), 0.2, self.training))
        return {"distance": (found - batch / 2).square().mean(), "size": self.layer.weight.square().mean()}


def collate(items):
    return torch.stack(items)


def recipe(**changes):
    base = {"stage": "eye", "model": "embedded", "eye": {}, "batch": 4, "steps": 60, "learning_rate": 0.05, "warmup": 5}
    return TrainingConfig(**base | {"workers": 0, "weights": {"size": 0.1}} | changes)


def trained(out, config=None, stop_at=None, monkeypatch=None):
    torch.manual_seed(0)
    task = Task()
    if stop_at:

        class KilledError(Exception):
            pass

        class Stopping(Numbers):
            def __getitem__(self, index):
                if index >= stop_at * 4:
                    raise KilledError
                return super().__getitem__(index)

        with pytest.raises(KilledError):
            run(config or recipe(), task, Stopping(), collate, out, "cpu")
        return None
    average = run(config or recipe(), task, Numbers(), collate, out, "cpu")
    return task, average


def test_it_learns_logs_and_draws(tmp_path):
    trained(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40, 60]
    assert lines[-1]["distance"] < lines[0]["distance"]
    assert lines[0]["total"] == pytest.approx(lines[0]["distance"] + 0.1 * lines[0]["size"], rel=1e-4)
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_a_killed_run_goes_on_exactly_where_it_was(tmp_path):
    whole, average = trained(tmp_path / "whole")
    eager = recipe(save_minutes=1e-9)
    trained(tmp_path / "cut", eager, stop_at=33)
    assert json.loads((tmp_path / "cut/state/latest.json").read_text())["step"] == 33
    resumed, resumed_average = trained(tmp_path / "cut", eager)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    for name, value in average.values.items():
        assert torch.equal(value, resumed_average.values[name]), name
    logs = [(tmp_path / run / "log.jsonl").read_text().splitlines() for run in ("whole", "cut")]
    assert [json.loads(line)["step"] for line in logs[0]] == [json.loads(line)["step"] for line in logs[1]]
    assert len(list((tmp_path / "cut/state").glob("step-*"))) == 1


def test_a_state_of_spread_weights_is_not_taken_for_a_whole_one(tmp_path):
    trained(tmp_path)
    (next((tmp_path / "state").glob("step-*")) / "shards").mkdir()
    with pytest.raises(ConfigError, match="begun with FSDP"):
        trained(tmp_path)


def test_a_finished_run_is_not_trained_again(tmp_path):
    task, _ = trained(tmp_path)
    again, _ = trained(tmp_path)
    assert torch.equal(task.layer.weight, again.layer.weight)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    class Broken(Task):
        def forward(self, batch):
            return {"distance": self.layer(batch).sum() * float("nan")}

    with pytest.raises(FloatingPointError, match="step 0"):
        run(recipe(), Broken(), Numbers(), collate, tmp_path, "cpu")


def test_processes_share_every_global_batch():
    config = recipe()
    alone = list(OwnShare(config, 58, 0, 1))
    halves = [list(OwnShare(config, 58, rank, 2)) for rank in range(2)]
    assert alone == list(range(58 * 4, 60 * 4)) and len(OwnShare(config, 58, 0, 1)) == 8
    assert sorted(halves[0] + halves[1]) == alone
    for step in range(2):
        assert (
            sorted(halves[0][2 * step : 2 * step + 2] + halves[1][2 * step : 2 * step + 2])
            == alone[4 * step : 4 * step + 4]
        )
    with pytest.raises(ValueError, match="shared evenly"):
        OwnShare(config, 0, 0, 3)


def test_the_rate_rises_then_falls_to_zero():
    rates = [learning_rate(recipe(), step) for step in range(60)]
    assert rates[:5] == sorted(rates[:5]) and rates[5:] == sorted(rates[5:], reverse=True)
    assert max(rates) == pytest.approx(0.05) and rates[-1] < 0.001
    assert loop.LOG_EVERY > 0


def test_parts_of_a_step_add_up_to_the_step(tmp_path):
    """Without dropout and batch statistics, working through a step in parts changes nothing but rounding."""

    class Plain(Task):
        def forward(self, batch):
            return {"distance": (self.layer(batch) - batch / 2).square().mean()}

    logs, weights = [], []
    for parts in (1, 2, 4):
        torch.manual_seed(0)
        task = Plain()
        run(recipe(accumulate=parts), task, Numbers(), collate, tmp_path / str(parts), "cpu")
        logs.append([json.loads(line)["total"] for line in (tmp_path / str(parts) / "log.jsonl").open()])
        weights.append(task.layer.weight.detach())
    for log, weight in zip(logs[1:], weights[1:], strict=True):
        assert log == pytest.approx(logs[0], rel=1e-4)
        torch.testing.assert_close(weight, weights[0], rtol=1e-4, atol=1e-5)


def test_what_does_not_go_together_is_refused(tmp_path):
    with pytest.raises(ValueError, match="multiple of accumulate"):
        recipe(accumulate=3)
    with pytest.raises(ConfigError, match="needs a GPU"):
        run(recipe(optimizer="adamw8bit"), Task(), Numbers(), collate, tmp_path, "cpu")


def test_data_workers_begin_while_opencv_has_no_threads():
    cv2 = pytest.importorskip("cv2")
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    try:

        class Loader:
            def __iter__(self):
                self.threads = cv2.getNumThreads()
                return iter([1, 2])

        loader = Loader()
        assert list(loop._begun(loader)) == [1, 2]
        assert loader.threads == 1
        assert cv2.getNumThreads() == 3
    finally:
        cv2.setNumThreads(before)
