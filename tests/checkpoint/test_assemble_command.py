import json

from typer.testing import CliRunner

from anomalygpt.cli import make_app


def run(*arguments):
    return CliRunner().invoke(make_app(), ["assemble", *map(str, arguments)])


def test_one_command_assembles_checks_and_asks(published, tmp_path):
    out = tmp_path / "out"
    result = run(*published.options, "--out", out, "--check", "--device", "cpu")
    assert result.exit_code == 0, result.output
    assert f"Assembled: {out}" in result.output and "every tensor has its shape" in result.output
    assert "> Is there any anomaly in the image?" in result.output
    assert json.loads((out / "config.json").read_text())["language"]["lora"] is None
    assert (out / "README.md").is_file()
    (out / "eye.safetensors").write_bytes(b"")
    again = run("--check", "--out", out)
    assert again.exit_code == 2 and "eye.safetensors: this file is truncated" in again.output


def test_adapters_are_kept_when_asked(published, tmp_path):
    result = run(*published.options, "--keep-lora", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "out/language/adapter/adapter_model.safetensors").is_file()


def test_a_wrong_file_ends_with_a_message(published, tmp_path):
    (published.folder / "pandagpt.pt").write_text("<html>")
    result = run(*published.options, "--out", tmp_path / "out")
    assert result.exit_code == 2 and "is a web page" in result.output
    assert "Traceback" not in result.output


def test_what_is_not_given_is_named(published, tmp_path):
    result = run("--llama", published.folder / "llama", "--encoder", "openclip", "--out", tmp_path / "out")
    assert result.exit_code == 2 and "--openclip and --pandagpt and --anomalygpt must be given" in result.output
    nothing = run("--out", tmp_path / "out")
    assert nothing.exit_code == 2 and "docs/full-size.md" in nothing.output
    unknown = run(*published.options, "--preset", "vicuna-70b", "--out", tmp_path / "out")
    assert unknown.exit_code == 2 and "no preset 'vicuna-70b'" in unknown.output
