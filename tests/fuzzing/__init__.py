"""A bounded, seeded fuzz over every reader: `make fuzz ARGS="--seconds 600 --seed 7"`.

Each file is read in a process forked from a warm one, which then takes the limits of the real reading
process and does what that does; starting an interpreter for every file would cost most of the time. One
file in fifty goes the whole way through `reader_process.Readers`.
"""
