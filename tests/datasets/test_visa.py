import pytest

from anomalygpt.datasets.index import DataError
from anomalygpt.datasets.visa import index_visa, is_visa

HEADER = "object,split,label,image,mask\n"


@pytest.fixture
def visa(files, tmp_path):
    """VisA as it is given out, with one product; its masks hold small class numbers."""
    images = tmp_path / "candle" / "Data" / "Images"
    rows = []
    for index in range(3):
        files[0](images / "Normal" / f"{index:04d}.JPG", index)
        split = "train" if index < 2 else "test"
        rows.append(f"candle,{split},normal,candle/Data/Images/Normal/{index:04d}.JPG,")
    files[0](images / "Anomaly" / "000.JPG", 9)
    files[1](tmp_path / "candle" / "Data" / "Masks" / "Anomaly" / "000.png", value=2)
    rows.append("candle,test,anomaly,candle/Data/Images/Anomaly/000.JPG,candle/Data/Masks/Anomaly/000.png")
    (tmp_path / "split_csv").mkdir()
    (tmp_path / "split_csv" / "1cls.csv").write_text(HEADER + "\n".join(rows) + "\n")
    return tmp_path


def test_the_split_file_says_what_is_what(visa):
    assert is_visa(visa)
    (candle,) = index_visa(visa)
    assert candle.name == "candle" and [path.name for path in candle.normals] == ["0000.JPG", "0001.JPG"]
    good, bad = candle.cases
    assert (good.name, good.anomalous, bad.name, bad.anomalous) == ("Normal/0002.JPG", False, "Anomaly/000.JPG", True)
    assert bad.load().mask.sum() == 36 and not good.load().mask.any()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("candle/Data/Images/Normal/0001.JPG", r"0001\.JPG.*missing.*line 3"),
        ("candle/Data/Masks/Anomaly/000.png", r"000\.png.*mask.*missing"),
        ("split_csv/1cls.csv", r"1cls\.csv.*missing"),
    ],
)
def test_a_missing_file_is_named(visa, file, words):
    (visa / file).unlink()
    with pytest.raises(DataError, match=words):
        index_visa(visa)


def test_masks_may_be_allowed_to_miss(visa):
    (visa / "candle" / "Data" / "Masks" / "Anomaly" / "000.png").unlink()
    assert index_visa(visa, partial_masks=True)[0].cases[1].mask is None


def test_a_file_of_another_form_is_refused(visa):
    (visa / "split_csv" / "1cls.csv").write_text("name,where\na,b\n")
    with pytest.raises(DataError, match=r"1cls\.csv.*columns object"):
        index_visa(visa)


def test_the_converted_layout(mvtec):
    mvtec.rename(mvtec.parent / "1cls")
    assert is_visa(mvtec.parent)
    assert [category.name for category in index_visa(mvtec.parent)] == ["bottle", "cable"]
