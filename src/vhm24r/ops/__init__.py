"""Operations: what keeps an installation healthy, and the data a newcomer starts with."""
