"""Training segments as other front ends give them."""

import json
from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.core.errors import InputError
from pipeline.features.archive import ArchiveWriter, read_archive
from pipeline.params import load_params
from pipeline.runs.identity import data_hash
from pipeline.runs.scheduler import plan_all
from pipeline.runs.store import RunFolder
from pipeline.runs.worker import Trainer
from pipeline.training.batches import make_bank
from pipeline.training.variants import Drawn, draw
from tests.helpers.experiment import ACTORS, note_inputs, params_with, write_experiment

FAST = {"kind": "spectrogram", "speed": 1.25}
CHANGES = {"frontends": {"fast": FAST}, "train.epochs": 1, "train.seeds": (1,)}
CPU = torch.device("cpu")


def banks(every=2):
    """The same six segments three times: at three speeds, with values that say which bank and segment they are of."""
    made = []
    for number, lengths in enumerate(((7, 9, 4, 5, 8, 6), (5, 7, 3, 4, 6, 5), (9, 12, 5, 7, 11, 8))):
        matrices = [np.full((length, 3), 10 * number + at, np.float32) for at, length in enumerate(lengths)]
        made.append(make_bank(matrices, [0, 1, 2, 0, 1, 2], left=1, right=1, every=every, device=CPU))
    return made


def test_a_batch_has_its_segments_in_their_order_each_from_its_bank():
    which, segments = torch.tensor([2, 0, 1, 0]), torch.tensor([4, 1, 5, 0])
    drawn = Drawn(banks(), which, segments)
    batch = drawn.gather()
    assert batch.emotions.tolist() == [1, 1, 2, 0]
    for place in range(4):
        frames = batch.frames[batch.segment_of_frame == place]
        alone = banks()[which[place]].gather(segments[place : place + 1])
        assert torch.equal(frames, alone.frames)
        assert (frames == 10 * which[place] + segments[place]).all()
        assert drawn.rows()[place] == banks()[which[place]].rows_of(segments[place : place + 1])[0]
    assert (batch.segment_of_frame.diff() >= 0).all()


def test_shares_of_processes_are_the_batch_of_one():
    drawn = draw(banks(), torch.tensor([0, 1, 2, 3, 4]), torch.Generator().manual_seed(1))
    parts = [drawn.share(2, part).gather() for part in range(2)]
    assert torch.equal(torch.cat([part.frames for part in parts]), drawn.gather().frames)


def test_every_bank_has_the_same_chance_and_one_bank_alone_draws_nothing():
    noise = torch.Generator().manual_seed(0)
    which = draw(banks(), torch.zeros(3000, dtype=torch.int64), noise).which
    assert torch.bincount(which).tolist() == pytest.approx([1000, 1000, 1000], abs=100)
    before = noise.get_state()
    assert draw(banks()[:1], torch.tensor([3]), noise).gather().emotions.tolist() == [0]
    assert torch.equal(noise.get_state(), before)


@pytest.fixture
def params(tmp_path, monkeypatch):
    """An experiment with a second front end: the same features, every second row left out, louder."""
    write_experiment(tmp_path)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data/features"
    for corpus in ACTORS:
        matrices = list(read_archive(folder / f"spectrogram/{corpus}.scp", tmp_path))
        with chdir(tmp_path):
            (tmp_path / "data/features/fast").mkdir(exist_ok=True)
            ark, scp = (f"data/features/fast/{corpus}.{ending}" for ending in ("ark", "scp"))
            with ArchiveWriter(Path(ark), Path(scp)) as archive:
                for key, matrix in matrices:
                    archive.write(key, matrix[::2] + 1)
    note_inputs(tmp_path)
    shape = {"dims": 257, "shift": None, "frequency_axis": True}
    (tmp_path / "data/frontends/fast.json").write_text(json.dumps({"options": FAST, "shape": shape, "identity": {}}))
    return params_with(CHANGES)


def test_a_model_learns_from_variants_and_is_validated_on_its_own_features(params):
    changed = params_with(CHANGES | {"models.PreAct.train": {"variants": ("fast",)}})
    plain, spec = plan_all(params, ["PreAct"])[0], plan_all(changed, ["PreAct"])[0]
    assert spec.reading.variants == ("fast",)
    assert plain.description() | {"data": ""} == spec.description() | {"data": ""}, "they count through the data alone"
    losses = []
    for one, options in ((plain, params), (spec, changed)):
        assert Trainer(options, "cpu", Path("store")).train(one).failure is None
        run = RunFolder(Path("store"), one).load()
        assert len(run.snapshots["last"].probabilities) == 32, "the segments of the validation fold, once"
        losses.append(run.history[0].train_loss)
    assert losses[0] != losses[1]


def test_the_content_of_variants_is_part_of_the_hash_of_the_data(params):
    inputs, folds = Path("data/inputs.json"), Path("data/folds.csv")
    own, both = data_hash(inputs, folds, "spectrogram"), data_hash(inputs, folds, "spectrogram", ("fast",))
    assert own != both
    changed = json.loads(inputs.read_text())
    changed["emodb"]["features"]["fast"] = "another content"
    inputs.write_text(json.dumps(changed))
    assert data_hash(inputs, folds, "spectrogram") == own
    assert data_hash(inputs, folds, "spectrogram", ("fast",)) != both
    with pytest.raises(InputError, match="has no features of the front end spectrogram, slow"):
        data_hash(inputs, folds, "spectrogram", ("slow",))


def test_variants_that_do_not_exist_or_have_other_columns_are_refused(params, tmp_path):
    values = params.model_dump(mode="json", exclude_none=True)
    values["frontends"]["mel"] = {"kind": "logmel", "bands": 40}
    values["train"]["variants"] = ["fats", "mel"]
    (tmp_path / "params.yaml").write_text(json.dumps(values))  # JSON is YAML
    with pytest.raises(InputError) as raised:
        load_params(tmp_path / "params.yaml")
    mistakes = [line.strip() for line in str(raised.value).splitlines()[1:]]
    assert mistakes[0] == (
        "train.variants: 'fats' is not a front end; did you mean 'fast'? expected some of spectrogram, fast, mel"
    )
    assert mistakes[1] == (
        "train.variants: mel gives 40 columns and spectrogram gives 257, or their rows differ; expected the same front "
        "end at another speed or with noise"
    )
