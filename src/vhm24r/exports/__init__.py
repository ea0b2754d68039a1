"""Files out of orders: one generator (`orders.service.reading.stream_orders`), many renderers.

Owns how rows look in each format. Never chooses which orders: that is the filter's doing.
"""
