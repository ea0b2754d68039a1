"""What the test command demands beyond passing tests."""
