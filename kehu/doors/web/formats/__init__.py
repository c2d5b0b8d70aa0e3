"""Forms of dates where Django's own would be misread; one folder a language."""
