from trainers.evidence import terminal


def test_names_stand_to_the_left_and_numbers_to_the_right(capfd):
    made = terminal.table_of("row", "n")
    made.add_row("a", "1")
    made.add_row("longer", "100")
    terminal.screen().print(made)
    lines = [line.rstrip() for line in capfd.readouterr().out.splitlines()]
    assert lines[2:] == ["a          1", "longer   100"]
