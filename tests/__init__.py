"""The promises of the project, each with a test that fails without it."""
