"""What is done with a lake's identifiers: revealed to the owner, removed by age, or forgotten."""
