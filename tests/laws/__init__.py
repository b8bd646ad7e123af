"""Laws of the rules, over any order of events and any input; driven as the stories of tests/unit are."""
