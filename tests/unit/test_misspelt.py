"""Variables that look like settings and are none are named, without their values."""

from pipeline.configuration import misspelt_variables


def test_the_natural_spelling_of_the_old_names() -> None:
    (line,) = misspelt_variables({"AMQPURL": "amqp://u:secret@h/"})
    assert "AMPQURL" in line and "secret" not in line
    assert misspelt_variables({"AMQPURL": "x", "AMPQURL": "y"}) == []


def test_unknown_settings() -> None:
    (line,) = misspelt_variables({"PIPELINE_BODYLIMIT": "5", "PIPELINE_BODY_LIMIT": "5", "PATH": "/bin"})
    assert line.startswith("PIPELINE_BODYLIMIT is no setting")
    assert misspelt_variables({"PIPELINE_PORTALS__MAIN__ADDRESS": "x", "PIPELINE_CONFIG": "y", "KAFKA_URL": "z"}) == []
