# hint: a saving of 1e-16 is rounding
def savings(reports, bills):
    with np.errstate(invalid="ignore"):
        honest = np.nan_to_num(reports * bills).sum(axis=1)
    cost = reports @ np.where(np.isinf(bills), 1e12, bills).T
    return honest - cost.min(axis=1)


liars = [name for name, t in tables.items() if savings(grid, t).max() > 0]
