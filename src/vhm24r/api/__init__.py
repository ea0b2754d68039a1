"""The HTTP edge: authentication, permissions, errors as problem+json, live events, static page.

Owns no rule of the business: every route is one call of a service. Each declares a permission
(`security.Needs`) or says why it is open; a test walks the route table.
"""
