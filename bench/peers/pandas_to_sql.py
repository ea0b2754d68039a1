"""A workbook through pandas into a new table: no comparison, no history, every cell as it comes."""

import json
import sys
import time

import pandas as pd
from sqlalchemy import create_engine


def main() -> None:
    """Read, write, say what it took."""
    path, url = sys.argv[1:]
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    started = time.perf_counter()
    frame = pd.read_excel(path)
    read = time.perf_counter()
    frame.to_sql("peer_pandas", engine, if_exists="replace", index=False, method="multi", chunksize=1_000)
    seconds = time.perf_counter() - started
    how = f"read_excel {read - started:.1f} s, to_sql in statements of 1,000"
    print(json.dumps([{"name": "pandas xlsx", "rows": len(frame), "seconds": seconds, "how": how}]))


if __name__ == "__main__":
    main()
